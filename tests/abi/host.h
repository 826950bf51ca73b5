/*
 * What the small C hosts share: they load the library as Falco does (RTLD_LOCAL |
 * RTLD_NOW), call it through the ABI, and end with a sentence when something does
 * not hold. Whatever a host prints on stdout is its result; the library itself may
 * print nothing.
 */
#ifndef KAE_TEST_HOST_H
#define KAE_TEST_HOST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "abi/falco_abi.h"

struct host {
    void *library;
    const char *(*get_required_api_version)(void);
    const char *(*get_version)(void);
    const char *(*get_name)(void);
    const char *(*get_description)(void);
    const char *(*get_contact)(void);
    uint32_t (*get_id)(void);
    const char *(*get_event_source)(void);
    const char *(*get_extract_event_sources)(void);
    const char *(*get_fields)(void);
    const char *(*get_init_schema)(int32_t *schema_type);
    void *(*init)(const struct kae_abi_init_input *input, int32_t *rc);
    void (*destroy)(void *plugin);
    const char *(*get_last_error)(void *plugin);
    void *(*open)(void *plugin, const char *params, int32_t *rc);
    void (*close)(void *plugin, void *instance);
    int32_t (*next_batch)(void *plugin, void *instance, uint32_t *nevts,
                          struct kae_abi_event ***evts);
    const char *(*list_open_params)(void *plugin, int32_t *rc);
    const char *(*get_progress)(void *plugin, void *instance, uint32_t *progress_pct);
    const char *(*event_to_string)(void *plugin, const struct kae_abi_event_input *event);
    int32_t (*extract_fields)(void *plugin, const struct kae_abi_event_input *event,
                              const struct kae_abi_extract_input *input);
    struct kae_abi_metric *(*get_metrics)(void *plugin, uint32_t *num_metrics);
};

/* Prints what does not hold and where, and ends the host with exit code 1. */
#define EXPECT(condition)                                                          \
    ((condition) ? (void)0 : host_fail(#condition, __FILE__, __LINE__))

void host_fail(const char *condition, const char *file, int line);

void host_load(struct host *host, const char *path);
void host_unload(struct host *host);

/* plugin_init that must succeed; log_fn may be NULL. */
void *host_init(struct host *host, const char *config, kae_abi_log_fn log_fn, void *owner);

/* plugin_open that must succeed. */
void *host_open(struct host *host, void *plugin, const char *params);

/* Takes the next batch, asking again while the answer is TIMEOUT. */
int32_t host_next(struct host *host, void *plugin, void *instance, uint32_t *nevts,
                  struct kae_abi_event ***evts);

/* The value of a string field, "" when it has none. Valid until another event is asked. */
const char *host_extract(struct host *host, void *plugin, const struct kae_abi_event *event,
                         uint64_t evtnum, const char *field);

/* The process's threads, once those that are ending have ended. */
int host_threads(void);

#endif
