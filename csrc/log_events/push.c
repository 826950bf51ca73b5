#include <stddef.h>

#include "log_events/log_events.h"
#include "queue/queue.h"

int64_t kae_frames_push(struct kae_frames *frames, struct kae_queue *queue)
{
    uint32_t count;
    struct kae_abi_event **events = kae_frames_events(frames, &count);
    /* What an earlier push has moved is not here any more. */
    while (count > 0 && *events == NULL) {
        events++;
        count--;
    }
    return kae_queue_push(queue, events, count);
}
