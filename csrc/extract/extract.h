/*
 * The field extractor: answers ka.* fields for one event at a time.
 *
 * The first call for an event parses its payload with simdjson; the document is
 * kept until another event is asked about or the extractor is reset. Each field
 * is a small program from the generated table (generated/fields.c), indexed by
 * the field's id.
 *
 * Threads: one extractor belongs to one plugin handle; the host never calls it
 * from two threads at once. It never takes the GIL and never calls Python.
 * Memory: everything that `fields[i].res` points to belongs to the extractor and
 * stays valid until it is asked about another event, reset or freed; only the array
 * of the values itself may go at the next kae_extract. The ABI asks for less, hosts
 * need it (see extract_answers.h).
 */
#ifndef KAE_EXTRACT_H
#define KAE_EXTRACT_H

#include "abi/falco_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kae_extractor;

/* NULL when memory is short. */
struct kae_extractor *kae_extractor_new(void);

/* NULL is allowed. */
void kae_extractor_free(struct kae_extractor *extractor);

/* Forgets the current event. Called at every open and close: event numbers and
 * addresses may come again with other contents. */
void kae_extractor_reset(struct kae_extractor *extractor);

/*
 * Fills res and res_len of every field. A field without a value gets res_len 0: that is
 * no error. Of a payload that no parser takes, what comes before the offending token is
 * answered; of one without an auditID nothing is, but that ka.truncated is true.
 *
 * Returns KAE_ABI_SUCCESS, or KAE_ABI_FAILURE with kae_extractor_error() set
 * when the host asked for a field id that does not exist, left out a required
 * argument, or memory ran out; every res_len is 0 then.
 */
int32_t kae_extract(struct kae_extractor *extractor, const struct kae_abi_event_input *input,
                    struct kae_abi_extract_field *fields, uint32_t num_fields);

/* The sentence for the last failure; empty when there was none. */
const char *kae_extractor_error(const struct kae_extractor *extractor);

/* Events so far whose payload could not be parsed as JSON, even after repair, or only up
 * to an offending token, or had no auditID. */
uint64_t kae_extractor_unparsable(const struct kae_extractor *extractor);

#ifdef __cplusplus
}
#endif
#endif
