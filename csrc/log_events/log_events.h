/*
 * The log events of one answer of CloudWatch Logs, of one document of the same kind, or of
 * lines that were added one by one: flat arrays with one entry a log event, for whoever
 * decides which of them are new; and the chosen ones as framed events for the queue.
 *
 * Nothing here knows a cluster, an account or a rule. No function touches Python or takes
 * the GIL. One object belongs to one thread at a time.
 */
#ifndef KAE_LOG_EVENTS_H
#define KAE_LOG_EVENTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kae_queue; /* queue/queue.h */
struct kae_abi_event;

/* The same declarations as cffi reads: contracts stand there. */
#include "log_events/log_events.cdef.h"

/* The events themselves, for the push: whoever takes one over writes NULL in its place. */
struct kae_abi_event **kae_frames_events(struct kae_frames *frames, uint32_t *count);

#ifdef __cplusplus
}
#endif
#endif
