/* Events on their way from framing to the queue. */
#ifndef KAE_LOG_EVENTS_FRAMED_H
#define KAE_LOG_EVENTS_FRAMED_H

#include <cstdint>
#include <cstdlib>

#include "json/memory.h"
#include "log_events/log_events.h"
#include "queue/event.h"

struct kae_frames {
    kae_frames() = default;
    kae_frames(const kae_frames &) = delete;
    kae_frames &operator=(const kae_frames &) = delete;
    ~kae_frames()
    {
        for (size_t i = 0; i < events.size(); i++) {
            std::free(events[i]);
        }
    }

    /* Takes over the event, also when it answers false: memory is short. */
    bool append(struct kae_abi_event *event)
    {
        if (!events.push(event)) {
            std::free(event);
            return false;
        }
        events_of.back()++;
        return true;
    }

    kae::Array<struct kae_abi_event *> events; /* NULL where it was pushed */
    kae::Array<uint32_t> events_of;            /* of each chosen log event */
    kae::Array<uint8_t> unreadable_of;
    uint32_t truncated = 0;
    uint32_t unreadable = 0; /* events that were made up */
};

#endif
