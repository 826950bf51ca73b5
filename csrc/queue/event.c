#include "queue/event.h"

#include <stdlib.h>

#include "generated/tables.h"

struct kae_abi_plugin_event *kae_event_new(size_t payload_capacity_bytes)
{
    if (payload_capacity_bytes > UINT32_MAX - sizeof(struct kae_abi_plugin_event))
        return NULL;
    return malloc(sizeof(struct kae_abi_plugin_event) + payload_capacity_bytes);
}

char *kae_event_payload(struct kae_abi_plugin_event *event)
{
    return (char *)(event + 1);
}

struct kae_abi_event *kae_event_seal(struct kae_abi_plugin_event *event,
                                     size_t payload_capacity_bytes, size_t payload_len_bytes,
                                     uint64_t time_ns)
{
    size_t len_bytes = sizeof *event + payload_len_bytes;
    /* A message of escapes takes a sixth of the room that was kept for it, and the queue's
     * bound counts only that sixth. */
    if (payload_capacity_bytes - payload_len_bytes > payload_len_bytes / 4) {
        struct kae_abi_plugin_event *smaller = realloc(event, len_bytes);
        if (smaller != NULL)
            event = smaller;
    }
    event->header.ts_ns = time_ns;
    event->header.tid = KAE_ABI_NO_THREAD;
    event->header.len_bytes = (uint32_t)len_bytes;
    event->header.type = KAE_ABI_PLUGIN_EVENT_TYPE;
    event->header.nparams = KAE_ABI_PLUGIN_EVENT_PARAMS;
    event->id_len_bytes = sizeof event->plugin_id;
    event->payload_len_bytes = (uint32_t)payload_len_bytes;
    event->plugin_id = KAE_PLUGIN_ID;
    return &event->header;
}
