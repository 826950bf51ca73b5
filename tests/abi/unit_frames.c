/*
 * unit_frames: log events on their way to the host, without Python: read or added, framed,
 * pushed by one thread while another one takes batches. Nothing is lost, doubled or leaked.
 */
#include <pthread.h>
#include <string.h>

#include "host.h"
#include "log_events/log_events.h"
#include "queue/queue.h"

#define PAGES 60
#define LINES_EACH 50
#define EVENTS_EACH (LINES_EACH + 1) /* the last line is a list of two */

static struct kae_metrics metrics;

static const struct kae_text envelopes[] = {{"{\"k8saudit_eks\":{\"a\":1", 22},
                                            {"{\"k8saudit_eks\":{", 17}};

static void add(struct kae_log_events *events, const char *line, uint64_t number)
{
    EXPECT(kae_log_events_add(events, (const uint8_t *)line, strlen(line),
                              (const uint8_t *)"id", 2, (int64_t)number, 5,
                              number % 2 == 0 ? 0 : KAE_NO_STREAM));
}

static struct kae_frames *frame_all(const struct kae_log_events *events)
{
    uint32_t places[LINES_EACH];
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    EXPECT(view.count <= LINES_EACH);
    for (uint32_t i = 0; i < view.count; i++)
        places[i] = i;
    return kae_log_events_frame(events, places, view.count, envelopes, 2, 1 << 20, 1);
}

/* Times tell the events apart: `first`, and so on. */
static struct kae_frames *page_of(uint64_t first)
{
    struct kae_log_events *events = kae_log_events_new();
    EXPECT(events != NULL);
    for (uint64_t i = 0; i + 1 < LINES_EACH; i++)
        add(events, "{\"kind\":\"Event\",\"auditID\":\"a\"}", first + i);
    char list[256];
    int length = snprintf(list, sizeof list,
                          "{\"kind\":\"EventList\",\"items\":[{\"auditID\":\"a\"},{\"auditID\":"
                          "\"b\",\"stageTimestamp\":\"1970-01-01T00:%02u:%02u.%03uZ\"}]}",
                          (unsigned)((first + LINES_EACH) / 60000),
                          (unsigned)((first + LINES_EACH) / 1000 % 60),
                          (unsigned)((first + LINES_EACH) % 1000));
    EXPECT(length > 0 && (size_t)length < sizeof list);
    add(events, list, first + LINES_EACH - 1);
    struct kae_frames *frames = frame_all(events);
    /* Frames have no need of what they were made from. */
    kae_log_events_free(events);
    EXPECT(frames != NULL);
    struct kae_frames_view view;
    kae_frames_view(frames, &view);
    EXPECT(view.chosen == LINES_EACH && view.events == EVENTS_EACH);
    EXPECT(view.events_of[0] == 1 && view.events_of[LINES_EACH - 1] == 2);
    return frames;
}

static void *push_pages(void *queue)
{
    for (uint64_t page = 0; page < PAGES; page++) {
        struct kae_frames *frames = page_of(page * EVENTS_EACH);
        EXPECT(kae_frames_push(frames, queue) == (int64_t)((page + 1) * EVENTS_EACH));
        struct kae_text payload;
        uint64_t time_ns;
        EXPECT(!kae_frames_payload(frames, 0, &payload, &time_ns));
        kae_frames_free(frames);
    }
    kae_queue_end(queue);
    kae_queue_unref(queue);
    return NULL;
}

static void each_event_arrives_once(void)
{
    struct kae_queue *queue = kae_queue_new(100, &metrics);
    pthread_t thread;
    kae_queue_ref(queue);
    EXPECT(pthread_create(&thread, NULL, push_pages, queue) == 0);
    uint64_t received = 0;
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    int32_t rc;
    while ((rc = kae_queue_next_batch(queue, &nevts, &evts)) != KAE_ABI_END_OF_FILE) {
        EXPECT(rc == KAE_ABI_SUCCESS || rc == KAE_ABI_TIMEOUT);
        for (uint32_t i = 0; i < nevts; i++, received++) {
            EXPECT(evts[i]->ts_ns == received * 1000000);
            const struct kae_abi_plugin_event *event =
                (const struct kae_abi_plugin_event *)evts[i];
            EXPECT(memcmp(event + 1, "{\"k8saudit_eks\":{", 17) == 0);
        }
    }
    EXPECT(received == PAGES * EVENTS_EACH);
    EXPECT(kae_queue_delivered(queue) == received);
    kae_queue_close(queue, NULL);
    kae_queue_unref(queue);
    EXPECT(pthread_join(thread, NULL) == 0);
}

struct refused {
    struct kae_queue *queue;
    int64_t pushed; /* whole pages */
};

static void *push_until_closed(void *argument)
{
    struct refused *refused = argument;
    for (;;) {
        struct kae_frames *frames = page_of(0);
        int64_t sequence = kae_frames_push(frames, refused->queue);
        /* What the queue did not take is still here, and is freed with the frames. */
        kae_frames_free(frames);
        if (sequence == KAE_PUSH_CLOSED)
            break;
        refused->pushed++;
    }
    kae_queue_unref(refused->queue);
    return NULL;
}

/* The host closes and destroys while a poller waits for room in the middle of a page. */
static void a_refused_push_leaks_nothing(uint32_t batches)
{
    struct kae_queue *queue = kae_queue_new(7, &metrics);
    struct refused refused = {queue, 0};
    pthread_t thread;
    kae_queue_ref(queue);
    EXPECT(pthread_create(&thread, NULL, push_until_closed, &refused) == 0);
    uint64_t received = 0;
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    for (uint32_t i = 0; i < batches; i++) {
        kae_queue_next_batch(queue, &nevts, &evts);
        received += nevts;
    }
    kae_queue_close(queue, nevts != 0 ? evts[nevts - 1] : NULL);
    EXPECT(kae_queue_delivered(queue) == received);
    kae_queue_unref(queue);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT((uint64_t)refused.pushed * EVENTS_EACH <= received + 7);
}

static void what_a_refused_push_leaves_can_be_asked(void)
{
    struct kae_queue *queue = kae_queue_new(7, &metrics);
    struct kae_frames *frames = page_of(0);
    kae_queue_close(queue, NULL);
    EXPECT(kae_frames_push(frames, queue) == KAE_PUSH_CLOSED);
    struct kae_text payload;
    uint64_t time_ns = 0;
    EXPECT(kae_frames_payload(frames, 1, &payload, &time_ns) && time_ns == 1000000);
    EXPECT(!kae_frames_payload(frames, EVENTS_EACH, &payload, &time_ns));
    kae_frames_free(frames);
    kae_queue_unref(queue);
}

/* Places and envelopes that do not exist: no frames, and nothing of them is left. */
static void wrong_places_are_refused(void)
{
    struct kae_log_events *events = kae_log_events_new();
    EXPECT(events != NULL);
    add(events, "x", 0);
    add(events, "x", 1);
    const uint32_t places[] = {0, 1, 2};
    EXPECT(kae_log_events_frame(events, places, 3, envelopes, 2, 100, 9) == NULL);
    EXPECT(kae_log_events_frame(events, places, 1, envelopes, 0, 100, 9) == NULL);
    struct kae_frames *frames = kae_log_events_frame(events, places, 2, envelopes, 2, 100, 1);
    struct kae_frames_view view;
    kae_frames_view(frames, &view);
    EXPECT(view.events == 1 && view.events_of[0] == 1 && view.events_of[1] == 0);
    EXPECT(view.unreadable_of[0] == 1 && view.unreadable_of[1] == 1);
    kae_frames_free(frames);
    frames = kae_log_events_frame(events, NULL, 0, envelopes, 2, 100, 1);
    EXPECT(frames != NULL);
    kae_frames_free(frames);
    kae_frames_free(NULL);
    kae_log_events_free(events);
    kae_log_events_free(NULL);
}

/* Messages of a document are unescaped into the block that the host gets. */
static void a_document_becomes_events(void)
{
    static const char document[] =
        "{\"events\":[{\"eventId\":\"1\",\"timestamp\":3,\"logStreamName\":\"s\",\"message\":"
        "\"{\\\"kind\\\":\\\"Event\\\",\\\"auditID\\\":\\\"\\u00e9\\\"}\\n\"}]}";
    static const char expected[] = "{\"k8saudit_eks\":{\"a\":1,\"event_id\":\"1\"},"
                                   "\"kind\":\"Event\",\"auditID\":\"\xc3\xa9\"}";
    int32_t refusal = -1;
    struct kae_log_events *events = kae_log_events_read(
        (const uint8_t *)document, sizeof document - 1, KAE_FORM_ANSWER, &refusal);
    EXPECT(events != NULL && refusal == KAE_READ_OK);
    struct kae_frames *frames = frame_all(events);
    kae_log_events_free(events);
    EXPECT(frames != NULL);
    struct kae_text payload;
    uint64_t time_ns = 0;
    EXPECT(kae_frames_payload(frames, 0, &payload, &time_ns) && time_ns == 3000000);
    EXPECT(payload.len_bytes == sizeof expected - 1);
    EXPECT(memcmp(payload.start, expected, sizeof expected - 1) == 0);
    kae_frames_free(frames);
}

int main(void)
{
    each_event_arrives_once();
    for (uint32_t batches = 0; batches < 40; batches++)
        a_refused_push_leaks_nothing(batches);
    what_a_refused_push_leaves_can_be_asked();
    wrong_places_are_refused();
    a_document_becomes_events();
    puts("held");
    return 0;
}
