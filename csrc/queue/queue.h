/*
 * The bounded queue between the pollers and the host; one queue is one open
 * instance.
 *
 * Producers (poller threads, GIL released) append framed events and wait while
 * the queue is full: back-pressure, never a drop. The consumer (the host's
 * source thread) takes batches.
 *
 * Acknowledgement: events are numbered from 1 in the order they enter. When the
 * host asks for the next batch it has evaluated every event of the previous one;
 * kae_queue_delivered() then covers them.
 *
 * Ownership: events (event.h) belong to the queue from push until the batch that held them
 * is retired by the next kae_queue_next_batch or by kae_queue_close. The queue is
 * reference-counted, because a poller that is stuck in a network call may outlive
 * the open instance: it then finds the queue closed.
 */
#ifndef KAE_QUEUE_H
#define KAE_QUEUE_H

#include <stdint.h>

#include "abi/falco_abi.h"
#include "abi/metrics.h"

/* Events the host gets at once. Falco evaluates a whole batch before it comes
 * back, and a crash repeats at most the last batch and the queue. */
#define KAE_BATCH_EVENTS 128

/* How long an empty queue makes the host wait before it gets TIMEOUT. */
#define KAE_NEXT_BATCH_WAIT_MS 30

/* A second bound beside the number of events: 1 MiB events must not add up. */
#define KAE_QUEUE_MAX_BYTES (UINT64_C(64) << 20)

#include "queue/push_refusal.cdef.h"

struct kae_queue;

/* `metrics` gets EVENTS_DELIVERED and QUEUE_DEPTH and is not touched after
 * kae_queue_close. NULL when memory is short. */
struct kae_queue *kae_queue_new(uint32_t capacity_events, struct kae_metrics *metrics);
void kae_queue_ref(struct kae_queue *queue);
void kae_queue_unref(struct kae_queue *queue);

/* Changes the bound; only before the first push. False when memory is short or
 * events are queued already. */
int32_t kae_queue_set_capacity(struct kae_queue *queue, uint32_t capacity_events);

/*
 * Moves `count` events (event.h) to the queue, in their order; waits while it is full. Each
 * that is moved becomes NULL in `events`.
 *
 * Returns the sequence number of the last event, 0 without any, or a kae_push_refusal:
 * events before the refused one stay queued, it and those behind it stay the caller's.
 */
int64_t kae_queue_push(struct kae_queue *queue, struct kae_abi_event **events, uint32_t count);

/* Sequence number of the last event that the host has evaluated. */
uint64_t kae_queue_delivered(struct kae_queue *queue);

/* No more events will come: END_OF_FILE once the queue is empty. */
void kae_queue_end(struct kae_queue *queue);

/* As end, but the host then gets FAILURE. */
void kae_queue_fail(struct kae_queue *queue);

/*
 * Refuses further pushes and wakes everyone. `last_evaluated` is the last event
 * that the host asked fields of: a host that stops in the middle of a batch has
 * evaluated everything up to it, so that a clean restart repeats nothing. NULL,
 * or an event of another batch, counts nothing.
 */
void kae_queue_close(struct kae_queue *queue, const struct kae_abi_event *last_evaluated);

/*
 * Retires the previous batch and takes the next. Waits KAE_NEXT_BATCH_WAIT_MS at
 * most. Both out-parameters are written on every path; SUCCESS always comes with
 * at least one event. The batch stays valid until the next call or close.
 */
int32_t kae_queue_next_batch(struct kae_queue *queue, uint32_t *nevts,
                             struct kae_abi_event ***evts);

/* Read progress in hundredths of a percent, 0 to 10,000. */
void kae_queue_set_progress(struct kae_queue *queue, uint32_t hundredths_percent);
uint32_t kae_queue_progress(struct kae_queue *queue);

#endif
