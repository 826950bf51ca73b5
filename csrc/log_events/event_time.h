/* When an event happened. */
#ifndef KAE_LOG_EVENTS_EVENT_TIME_H
#define KAE_LOG_EVENTS_EVENT_TIME_H

#include <cstdint>
#include <string_view>

namespace kae {

/* Nanoseconds since the epoch, or -1: CloudWatch's timestamp, else its ingestion time. Both
 * in milliseconds, or KAE_TIME_UNKNOWN. */
int64_t fallback_time_ns(int64_t timestamp_ms, int64_t ingestion_time_ms);

/* Nanoseconds since the epoch of an RFC 3339 time, or -1 for anything else and for times
 * before the epoch. */
int64_t time_ns_of(std::string_view text);

/*
 * The stageTimestamp of a line as the API server writes one, or -1 when in any doubt: then
 * all of the line must be looked at.
 *
 * The API server writes members in the order of the Go struct
 * (k8s.io/apiserver/pkg/apis/audit/v1 Event), without blanks: a line that starts and ends
 * like this needs no parser here. Whatever is wrong between, its auditID is answered: the
 * extractor reads up to there.
 */
int64_t plain_line_time_ns(std::string_view line, int64_t timestamp_ms);

} /* namespace kae */
#endif
