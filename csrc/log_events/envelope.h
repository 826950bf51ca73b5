/*
 * The envelope: the first member of a framed event, which says where the event came from.
 * Its beginning is made by whoever knows that; here comes what each event has of its own.
 *
 *     {"k8saudit_eks":{...,"event_id":"3847…","ingestion_time_ms":1767225600123,
 *      "truncated":true},"kind":"Event",…}
 *
 * It comes first so that a member of the same name in the log can't shadow it: readers take
 * the first. Members that are unknown are left out; "truncated" is there only when true.
 */
#ifndef KAE_LOG_EVENTS_ENVELOPE_H
#define KAE_LOG_EVENTS_ENVELOPE_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kae {

struct Envelope {
    std::string_view beginning; /* from {"k8saudit_eks":{ to before its closing brace */
    std::string_view event_id;  /* UTF-8; empty if unknown */
    bool is_id_escaped;         /* it stands in JSON as it is */
    int64_t ingestion_time_ms;  /* KAE_TIME_UNKNOWN */
};

/* At least as many bytes as put_envelope writes. */
size_t envelope_capacity_bytes(const Envelope &envelope);

/* Writes everything before the audit event's own first member, comma included; returns the
 * end. */
char *put_envelope(char *out, const Envelope &envelope, bool truncated);

/* Writes text as a JSON string's: six bytes for a byte at most. Returns the end. */
char *put_escaped(char *out, std::string_view text);

} /* namespace kae */
#endif
