/* A host that only takes events: what waits for the queue in benches, without the GIL. */
#include "queue/queue.h"

/* Takes batches until the queue has ended; how many events there were. */
uint64_t kae_drain(struct kae_queue *queue);

uint64_t kae_drain(struct kae_queue *queue)
{
    uint64_t events = 0;
    for (;;) {
        uint32_t count;
        struct kae_abi_event **batch;
        int32_t rc = kae_queue_next_batch(queue, &count, &batch);
        if (rc != KAE_ABI_SUCCESS && rc != KAE_ABI_TIMEOUT)
            return events;
        events += count;
    }
}
