/* unit_queue: the queue's contract, without Python and without a host. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "queue/event.h"
#include "queue/queue.h"

static struct kae_metrics metrics;

static uint64_t metric(uint32_t index)
{
    struct kae_abi_metric out[KAE_METRIC_COUNT];
    kae_metrics_read(&metrics, out);
    return out[index].value.u64;
}

static struct kae_abi_event *new_event(const char *payload, size_t len_bytes, uint64_t time_ns)
{
    struct kae_abi_plugin_event *event = kae_event_new(len_bytes);
    EXPECT(event != NULL);
    memcpy(kae_event_payload(event), payload, len_bytes);
    return kae_event_seal(event, len_bytes, len_bytes, time_ns);
}

/* An event that is refused stays the caller's: here it is freed. */
static int64_t push_bytes(struct kae_queue *queue, const char *payload, size_t len_bytes,
                          uint64_t time_ns)
{
    struct kae_abi_event *event = new_event(payload, len_bytes, time_ns);
    int64_t sequence = kae_queue_push(queue, &event, 1);
    EXPECT((event == NULL) == (sequence > 0));
    free(event);
    return sequence;
}

static int64_t push_one(struct kae_queue *queue, const char *payload, uint64_t time_ns)
{
    return push_bytes(queue, payload, strlen(payload), time_ns);
}

static const char *payload_of(const struct kae_abi_event *event)
{
    static char text[64];
    const struct kae_abi_plugin_event *plugin_event = (const struct kae_abi_plugin_event *)event;
    EXPECT(plugin_event->payload_len_bytes < sizeof text);
    memcpy(text, plugin_event + 1, plugin_event->payload_len_bytes);
    text[plugin_event->payload_len_bytes] = '\0';
    return text;
}

/* What a block has too much is given back where it is a good part; the payload stays. */
static void a_sealed_event_keeps_its_payload(void)
{
    const size_t capacity_bytes[] = {3, 4, 1 << 20};
    for (size_t i = 0; i < sizeof capacity_bytes / sizeof *capacity_bytes; i++) {
        struct kae_abi_plugin_event *event = kae_event_new(capacity_bytes[i]);
        EXPECT(event != NULL);
        memcpy(kae_event_payload(event), "abc", 3);
        struct kae_abi_event *sealed = kae_event_seal(event, capacity_bytes[i], 3, 7);
        EXPECT(strcmp(payload_of(sealed), "abc") == 0 && sealed->ts_ns == 7);
        free(sealed);
    }
    EXPECT(kae_event_new((size_t)UINT32_MAX) == NULL);
}

static void empty_times_out_after_a_wait(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    uint32_t nevts = 77;
    struct kae_abi_event **evts = (struct kae_abi_event **)&nevts;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_TIMEOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t waited_ns = (after.tv_sec - before.tv_sec) * INT64_C(1000000000) +
                        (after.tv_nsec - before.tv_nsec);
    /* A lower bound only: a host that is asked again at once must not spin. */
    EXPECT(waited_ns >= KAE_NEXT_BATCH_WAIT_MS * INT64_C(1000000));
    EXPECT(nevts == 0 && evts == NULL);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

static void events_come_out_framed_and_in_order(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    struct kae_abi_event *events[] = {new_event("one", 3, 11), new_event("two", 3, 12),
                                      new_event("three", 5, 13)};
    EXPECT(kae_queue_push(queue, events, 3) == 3);
    EXPECT(events[0] == NULL && events[1] == NULL && events[2] == NULL);
    EXPECT(kae_queue_push(queue, NULL, 0) == 0);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_SUCCESS && nevts == 3);
    EXPECT(strcmp(payload_of(evts[0]), "one") == 0 && evts[0]->ts_ns == 11);
    EXPECT(strcmp(payload_of(evts[1]), "two") == 0 && evts[1]->ts_ns == 12);
    EXPECT(strcmp(payload_of(evts[2]), "three") == 0 && evts[2]->ts_ns == 13);
    EXPECT(evts[2]->len_bytes == sizeof(struct kae_abi_plugin_event) + 5);
    EXPECT(evts[2]->tid == KAE_ABI_NO_THREAD);
    EXPECT(evts[2]->type == KAE_ABI_PLUGIN_EVENT_TYPE);
    EXPECT(evts[2]->nparams == KAE_ABI_PLUGIN_EVENT_PARAMS);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

static void a_batch_counts_when_the_host_comes_back(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    uint64_t counted = metric(KAE_METRIC_EVENTS_DELIVERED);
    EXPECT(push_one(queue, "a", 1) == 1);
    EXPECT(push_one(queue, "b", 1) == 2);
    EXPECT(metric(KAE_METRIC_QUEUE_DEPTH) == 2);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_SUCCESS);
    EXPECT(kae_queue_delivered(queue) == 0);
    EXPECT(metric(KAE_METRIC_QUEUE_DEPTH) == 0);
    kae_queue_end(queue);
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_END_OF_FILE);
    EXPECT(kae_queue_delivered(queue) == 2);
    EXPECT(metric(KAE_METRIC_EVENTS_DELIVERED) == counted + 2);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

static void close_counts_up_to_the_last_evaluated_event(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    push_one(queue, "a", 1);
    push_one(queue, "b", 1);
    push_one(queue, "c", 1);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_SUCCESS && nevts == 3);
    kae_queue_close(queue, evts[1]);
    EXPECT(kae_queue_delivered(queue) == 2);
    EXPECT(push_one(queue, "d", 1) == KAE_PUSH_CLOSED);
    kae_queue_unref(queue);
}

static void close_counts_nothing_without_a_hint(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    push_one(queue, "a", 1);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_SUCCESS);
    kae_queue_close(queue, NULL);
    EXPECT(kae_queue_delivered(queue) == 0);
    kae_queue_unref(queue);
}

static void failure_comes_after_what_is_queued(void)
{
    struct kae_queue *queue = kae_queue_new(4, &metrics);
    push_one(queue, "a", 1);
    kae_queue_fail(queue);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_SUCCESS);
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_FAILURE && nevts == 0);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

static void capacity_changes_only_while_empty(void)
{
    struct kae_queue *queue = kae_queue_new(1, &metrics);
    EXPECT(!kae_queue_set_capacity(queue, 0));
    EXPECT(kae_queue_set_capacity(queue, 2));
    EXPECT(push_one(queue, "a", 1) == 1);
    EXPECT(push_one(queue, "b", 1) == 2);
    EXPECT(!kae_queue_set_capacity(queue, 3));
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

#define PRODUCERS 3
#define EVENTS_EACH 20000

static void *produce(void *queue)
{
    for (uint64_t i = 1; i <= EVENTS_EACH; i++)
        EXPECT(push_one(queue, "event", i) > 0);
    kae_queue_unref(queue);
    return NULL;
}

/* More than fits, from several producers: they wait, and nothing is dropped. */
static void producers_wait_for_room(void)
{
    struct kae_queue *queue = kae_queue_new(7, &metrics);
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        kae_queue_ref(queue);
        EXPECT(pthread_create(&threads[i], NULL, produce, queue) == 0);
    }
    uint64_t received = 0;
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    while (received < PRODUCERS * EVENTS_EACH) {
        int32_t rc = kae_queue_next_batch(queue, &nevts, &evts);
        EXPECT(rc == KAE_ABI_SUCCESS || rc == KAE_ABI_TIMEOUT);
        EXPECT(nevts <= 7);
        received += nevts;
    }
    for (int i = 0; i < PRODUCERS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(kae_queue_next_batch(queue, &nevts, &evts) == KAE_ABI_TIMEOUT);
    EXPECT(kae_queue_delivered(queue) == PRODUCERS * EVENTS_EACH);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
}

static void *push_until_closed(void *queue)
{
    while (push_one(queue, "event", 1) != KAE_PUSH_CLOSED)
        continue;
    kae_queue_unref(queue);
    return NULL;
}

/* A producer that waits for room comes out when the queue is closed, and may be the
 * last to hold it. */
static void close_wakes_a_waiting_producer(void)
{
    struct kae_queue *queue = kae_queue_new(1, &metrics);
    pthread_t thread;
    kae_queue_ref(queue);
    EXPECT(pthread_create(&thread, NULL, push_until_closed, queue) == 0);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
    EXPECT(pthread_join(thread, NULL) == 0);
}

/* Large events are bounded by their bytes before their number fills the queue. */
static void bytes_bound_the_queue_too(void)
{
    struct kae_queue *queue = kae_queue_new(1000, &metrics);
    size_t len_bytes = 1 << 20;
    char *payload = calloc(1, len_bytes);
    EXPECT(payload != NULL);
    uint32_t fitting = (uint32_t)(KAE_QUEUE_MAX_BYTES / (len_bytes + 64));
    for (uint32_t i = 0; i < fitting; i++)
        EXPECT(push_bytes(queue, payload, len_bytes, 1) > 0);
    pthread_t thread;
    kae_queue_ref(queue);
    EXPECT(pthread_create(&thread, NULL, push_until_closed, queue) == 0);
    kae_queue_close(queue, NULL);
    EXPECT(pthread_join(thread, NULL) == 0);
    free(payload);
    kae_queue_unref(queue);
}

int main(void)
{
    a_sealed_event_keeps_its_payload();
    empty_times_out_after_a_wait();
    events_come_out_framed_and_in_order();
    a_batch_counts_when_the_host_comes_back();
    close_counts_up_to_the_last_evaluated_event();
    close_counts_nothing_without_a_hint();
    failure_comes_after_what_is_queued();
    capacity_changes_only_while_empty();
    producers_wait_for_room();
    close_wakes_a_waiting_producer();
    bytes_bound_the_queue_too();
    puts("held");
    return 0;
}
