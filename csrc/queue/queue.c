#include "queue/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct kae_queue {
    atomic_uint refs;
    atomic_uint progress_hundredths_percent;
    struct kae_metrics *metrics;

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    struct kae_abi_event **ring;
    uint32_t capacity_events;
    uint32_t head;
    uint32_t count;
    uint64_t queued_bytes;
    uint64_t pushed;
    uint64_t delivered;
    bool ended;
    bool failed;
    bool closed;

    /* The batch in the host's hands: written by the consumer under the lock,
     * read by the host without it. */
    struct kae_abi_event *batch[KAE_BATCH_EVENTS];
    uint32_t batch_count;
};

static bool init_monotonic_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(cond, &attr) == 0;
    pthread_condattr_destroy(&attr);
    return ok;
}

struct kae_queue *kae_queue_new(uint32_t capacity_events, struct kae_metrics *metrics)
{
    struct kae_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->capacity_events = capacity_events > 0 ? capacity_events : 1;
    queue->ring = calloc(queue->capacity_events, sizeof(struct kae_abi_event *));
    if (queue->ring == NULL)
        goto no_ring;
    if (!init_monotonic_cond(&queue->not_empty))
        goto no_not_empty;
    if (!init_monotonic_cond(&queue->not_full))
        goto no_not_full;
    if (pthread_mutex_init(&queue->lock, NULL) != 0)
        goto no_lock;
    atomic_init(&queue->refs, 1);
    queue->metrics = metrics;
    return queue;

no_lock:
    pthread_cond_destroy(&queue->not_full);
no_not_full:
    pthread_cond_destroy(&queue->not_empty);
no_not_empty:
    free(queue->ring);
no_ring:
    free(queue);
    return NULL;
}

void kae_queue_ref(struct kae_queue *queue)
{
    atomic_fetch_add_explicit(&queue->refs, 1, memory_order_relaxed);
}

static void free_batch(struct kae_queue *queue)
{
    for (uint32_t i = 0; i < queue->batch_count; i++)
        free(queue->batch[i]);
    queue->batch_count = 0;
}

void kae_queue_unref(struct kae_queue *queue)
{
    if (queue == NULL ||
        atomic_fetch_sub_explicit(&queue->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_batch(queue);
    for (uint32_t i = 0; i < queue->count; i++)
        free(queue->ring[(queue->head + i) % queue->capacity_events]);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->not_full);
    pthread_cond_destroy(&queue->not_empty);
    free(queue->ring);
    free(queue);
}

int32_t kae_queue_set_capacity(struct kae_queue *queue, uint32_t capacity_events)
{
    if (capacity_events == 0)
        return 0;
    struct kae_abi_event **ring = calloc(capacity_events, sizeof(struct kae_abi_event *));
    if (ring == NULL)
        return 0;
    struct kae_abi_event **unused = ring;
    pthread_mutex_lock(&queue->lock);
    bool empty = queue->count == 0;
    if (empty) {
        unused = queue->ring;
        queue->ring = ring;
        queue->capacity_events = capacity_events;
        queue->head = 0;
    }
    pthread_mutex_unlock(&queue->lock);
    free(unused);
    return empty;
}

static bool is_full(const struct kae_queue *queue, uint32_t len_bytes)
{
    return queue->count == queue->capacity_events ||
           (queue->count > 0 && queue->queued_bytes + len_bytes > KAE_QUEUE_MAX_BYTES);
}

/* Lock held, and there is room. */
static void append(struct kae_queue *queue, struct kae_abi_event *event)
{
    queue->ring[(queue->head + queue->count) % queue->capacity_events] = event;
    queue->count++;
    queue->queued_bytes += event->len_bytes;
    queue->pushed++;
    if (queue->count == 1)
        pthread_cond_signal(&queue->not_empty);
}

int64_t kae_queue_push(struct kae_queue *queue, struct kae_abi_event **events, uint32_t count)
{
    int64_t sequence = 0;
    uint32_t taken = 0;
    pthread_mutex_lock(&queue->lock);
    while (taken < count) {
        while (!queue->closed && is_full(queue, events[taken]->len_bytes)) {
            kae_metrics_set(queue->metrics, KAE_METRIC_QUEUE_DEPTH, queue->count);
            pthread_cond_wait(&queue->not_full, &queue->lock);
        }
        if (queue->closed)
            break;
        append(queue, events[taken]);
        events[taken++] = NULL;
        sequence = (int64_t)queue->pushed;
    }
    /* Nobody looks at the metrics of a closed queue, and they may be gone. */
    if (!queue->closed)
        kae_metrics_set(queue->metrics, KAE_METRIC_QUEUE_DEPTH, queue->count);
    pthread_mutex_unlock(&queue->lock);
    return taken < count ? KAE_PUSH_CLOSED : sequence;
}

uint64_t kae_queue_delivered(struct kae_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t delivered = queue->delivered;
    pthread_mutex_unlock(&queue->lock);
    return delivered;
}

static void finish(struct kae_queue *queue, bool failed)
{
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    queue->failed = queue->failed || failed;
    pthread_cond_broadcast(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}

void kae_queue_end(struct kae_queue *queue)
{
    finish(queue, false);
}

void kae_queue_fail(struct kae_queue *queue)
{
    finish(queue, true);
}

/* Lock held. */
static void count_delivered(struct kae_queue *queue, uint32_t events)
{
    queue->delivered += events;
    kae_metrics_add(queue->metrics, KAE_METRIC_EVENTS_DELIVERED, events);
}

void kae_queue_close(struct kae_queue *queue, const struct kae_abi_event *last_evaluated)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    for (uint32_t i = 0; i < queue->batch_count; i++) {
        if (queue->batch[i] == last_evaluated) {
            count_delivered(queue, i + 1);
            break;
        }
    }
    free_batch(queue);
    kae_metrics_set(queue->metrics, KAE_METRIC_QUEUE_DEPTH, 0);
    pthread_cond_broadcast(&queue->not_full);
    pthread_cond_broadcast(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}

static struct timespec deadline_after_ms(uint32_t wait_ms)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_nsec += (long)wait_ms * 1000000L;
    deadline.tv_sec += deadline.tv_nsec / 1000000000L;
    deadline.tv_nsec %= 1000000000L;
    return deadline;
}

/* Lock held. */
static void take_batch(struct kae_queue *queue)
{
    while (queue->count > 0 && queue->batch_count < KAE_BATCH_EVENTS) {
        struct kae_abi_event *event = queue->ring[queue->head];
        queue->head = (queue->head + 1) % queue->capacity_events;
        queue->count--;
        queue->queued_bytes -= event->len_bytes;
        queue->batch[queue->batch_count++] = event;
    }
    kae_metrics_set(queue->metrics, KAE_METRIC_QUEUE_DEPTH, queue->count);
    pthread_cond_broadcast(&queue->not_full);
}

int32_t kae_queue_next_batch(struct kae_queue *queue, uint32_t *nevts,
                             struct kae_abi_event ***evts)
{
    *nevts = 0;
    *evts = NULL;
    struct timespec deadline = deadline_after_ms(KAE_NEXT_BATCH_WAIT_MS);

    pthread_mutex_lock(&queue->lock);
    count_delivered(queue, queue->batch_count);
    free_batch(queue);
    int waited = 0;
    while (queue->count == 0 && !queue->ended && !queue->closed && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&queue->not_empty, &queue->lock, &deadline);

    int32_t rc = KAE_ABI_TIMEOUT;
    if (queue->count > 0 && !queue->closed) {
        take_batch(queue);
        *nevts = queue->batch_count;
        *evts = queue->batch;
        rc = KAE_ABI_SUCCESS;
    } else if (queue->failed) {
        rc = KAE_ABI_FAILURE;
    } else if (queue->ended) {
        rc = KAE_ABI_END_OF_FILE;
    }
    pthread_mutex_unlock(&queue->lock);
    return rc;
}

void kae_queue_set_progress(struct kae_queue *queue, uint32_t hundredths_percent)
{
    atomic_store_explicit(&queue->progress_hundredths_percent,
                          hundredths_percent < 10000 ? hundredths_percent : 10000,
                          memory_order_relaxed);
}

uint32_t kae_queue_progress(struct kae_queue *queue)
{
    return atomic_load_explicit(&queue->progress_hundredths_percent, memory_order_relaxed);
}
