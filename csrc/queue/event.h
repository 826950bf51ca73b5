/*
 * The block of memory that one event is, from the moment it is framed until the host has
 * evaluated it: the header that the host reads, and the payload right behind it.
 */
#ifndef KAE_QUEUE_EVENT_H
#define KAE_QUEUE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "abi/falco_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A block with room for a payload, to be freed with free(); NULL when memory is short, or
 * when its header could not tell so long a payload. */
struct kae_abi_plugin_event *kae_event_new(size_t payload_capacity_bytes);

/* Where the payload begins. */
char *kae_event_payload(struct kae_abi_plugin_event *event);

/*
 * Fills in the header of a block that holds a payload of this length, and gives back what
 * the block has too much if it is a good part. Returns the event; the block may have moved.
 */
struct kae_abi_event *kae_event_seal(struct kae_abi_plugin_event *event,
                                     size_t payload_capacity_bytes, size_t payload_len_bytes,
                                     uint64_t time_ns);

#ifdef __cplusplus
}
#endif
#endif
