/*
 * A libFuzzer target: any bytes as a document with log events, and as a line that is added.
 *
 * What must hold for all of them: what is read, simdjson's DOM parser reads the same,
 * provided that it takes the rest of the document; and it takes the rest if, and only if,
 * it takes the document. Every text is UTF-8. Every log event can be framed and pushed, and
 * becomes the same whether it was read or added.
 */
#include <simdjson.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "log_events/blake2b.h"
#include "log_events/log_events.h"

extern "C" {
#include "queue/queue.h"
}

#define HOLDS(condition)                                                                  \
    ((condition) ? (void)0 : (std::fprintf(stderr, "does not hold: %s\n", #condition), std::abort()))

namespace dom = simdjson::dom;

static const std::string_view kEnvelope = R"({"k8saudit_eks":{"cluster":"c")";
static const uint64_t kMaxSizeBytes = 1000;

static std::string_view as_view(const kae_text &text)
{
    HOLDS(simdjson::validate_utf8(text.start, text.len_bytes));
    return {text.start, text.len_bytes};
}

static const uint8_t *bytes(std::string_view text)
{
    return reinterpret_cast<const uint8_t *>(text.data());
}

static void check_keys(const kae_log_events *events)
{
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    const uint8_t none[KAE_KEY_BYTES] = {0};
    for (uint32_t i = 0; i < view.count; i++) {
        kae_text id;
        kae_log_events_id(events, i, &id);
        const std::string_view text = as_view(id);
        uint8_t key[KAE_KEY_BYTES] = {0};
        if (!text.empty()) {
            kae_blake2b(key, reinterpret_cast<const uint8_t *>(text.data()), text.size());
        }
        const uint8_t *const got = view.keys + size_t{i} * KAE_KEY_BYTES;
        HOLDS(std::memcmp(got, key, KAE_KEY_BYTES) == 0);
        HOLDS(text.empty() == (std::memcmp(got, none, KAE_KEY_BYTES) == 0));
    }
}

/* The header's payload, as the host gets it. */
static std::string_view payload_of(const struct kae_abi_event *event)
{
    const auto *const found = reinterpret_cast<const struct kae_abi_plugin_event *>(event);
    return {reinterpret_cast<const char *>(found + 1), found->payload_len_bytes};
}

/* A payload is the envelope and a whole member; it ends as an object. */
static void check_payload(std::string_view payload)
{
    HOLDS(simdjson::validate_utf8(payload.data(), payload.size()));
    HOLDS(payload.substr(0, kEnvelope.size()) == kEnvelope);
    HOLDS(payload.back() == '}');
    HOLDS(payload.find('\0') == std::string_view::npos);
}

/* Half of them are pushed and taken, the others freed. */
static void push(kae_frames *frames, uint32_t count)
{
    static struct kae_metrics metrics;
    kae_queue *queue = kae_queue_new(count + 1, &metrics);
    HOLDS(queue != nullptr);
    HOLDS(kae_frames_push(frames, queue) == static_cast<int64_t>(count));
    uint32_t taken = 0;
    while (taken < count / 2) {
        uint32_t batch_count = 0;
        struct kae_abi_event **batch = nullptr;
        HOLDS(kae_queue_next_batch(queue, &batch_count, &batch) == KAE_ABI_SUCCESS);
        for (uint32_t i = 0; i < batch_count; i++) {
            check_payload(payload_of(batch[i]));
        }
        taken += batch_count;
    }
    kae_queue_close(queue, nullptr);
    kae_queue_unref(queue);
}

static std::vector<std::string> frame_all(const kae_log_events *events, uint32_t stream_count,
                                          uint64_t max_size_bytes, uint32_t unreadable_max)
{
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    std::vector<uint32_t> places(view.count);
    for (uint32_t i = 0; i < view.count; i++) {
        places[i] = i;
    }
    const std::vector<kae_text> envelopes(stream_count + 1,
                                          kae_text{kEnvelope.data(), kEnvelope.size()});
    kae_frames *frames =
        kae_log_events_frame(events, places.data(), view.count, envelopes.data(),
                             stream_count + 1, max_size_bytes, unreadable_max);
    HOLDS(frames != nullptr);
    struct kae_frames_view framed;
    kae_frames_view(frames, &framed);
    HOLDS(framed.chosen == view.count);
    uint64_t events_in_all = 0;
    for (uint32_t i = 0; i < framed.chosen; i++) {
        events_in_all += framed.events_of[i];
        HOLDS(framed.unreadable_of[i] == 0 || framed.events_of[i] != 0 ||
              unreadable_max != UINT32_MAX);
    }
    HOLDS(events_in_all == framed.events && framed.truncated <= framed.events);
    std::vector<std::string> payloads;
    for (uint32_t i = 0; i < framed.events; i++) {
        kae_text payload;
        uint64_t time_ns;
        HOLDS(kae_frames_payload(frames, i, &payload, &time_ns) != 0);
        HOLDS(time_ns <= INT64_MAX);
        check_payload(as_view(payload));
        payloads.emplace_back(as_view(payload));
    }
    push(frames, framed.events);
    kae_frames_free(frames);
    return payloads;
}

/* Member `name` as On-Demand's reader answers it: `unknown` where there is none. */
static int64_t number_of(const dom::object &object, std::string_view name, int64_t unknown)
{
    int64_t number;
    const auto error = object.at_key(name).get(number);
    HOLDS(error == simdjson::SUCCESS || error == simdjson::NO_SUCH_FIELD);
    return error == simdjson::SUCCESS ? number : unknown;
}

static void check_against(const dom::element &document, const kae_log_events *events, int32_t form)
{
    const bool is_answer = form == KAE_FORM_ANSWER;
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    dom::array list;
    HOLDS(document[is_answer ? "events" : "logEvents"].get(list) == simdjson::SUCCESS);
    kae_log_events *added = kae_log_events_new();
    HOLDS(added != nullptr);
    uint32_t i = 0;
    for (dom::element element : list) {
        dom::object object;
        HOLDS(element.get(object) == simdjson::SUCCESS);
        HOLDS(i < view.count);
        HOLDS(view.timestamps_ms[i] == number_of(object, "timestamp", KAE_TIME_UNKNOWN));
        HOLDS(view.timestamps_ms[i] >= 0);
        HOLDS(view.ingestion_times_ms[i] == number_of(object, "ingestionTime", KAE_TIME_UNKNOWN));
        std::string_view text;
        HOLDS(object.at_key("message").get(text) == simdjson::SUCCESS);
        const std::string_view message = text;
        HOLDS(object.at_key(is_answer ? "eventId" : "id").get(text) == simdjson::SUCCESS);
        kae_text id;
        kae_log_events_id(events, i, &id);
        HOLDS(as_view(id) == text && !text.empty());
        const bool has_stream = object.at_key("logStreamName").get(text) == simdjson::SUCCESS;
        HOLDS(has_stream == (view.streams[i] != KAE_NO_STREAM));
        if (has_stream) {
            kae_text name;
            kae_log_events_stream(events, static_cast<uint32_t>(view.streams[i]), &name);
            HOLDS(as_view(name) == text);
        }
        HOLDS(kae_log_events_add(added, bytes(message), message.size(), bytes(as_view(id)),
                                 id.len_bytes, view.timestamps_ms[i],
                                 view.ingestion_times_ms[i], view.streams[i]) == 1);
        i++;
    }
    HOLDS(i == view.count);
    HOLDS(frame_all(events, view.stream_count, kMaxSizeBytes, UINT32_MAX) ==
          frame_all(added, view.stream_count, kMaxSizeBytes, UINT32_MAX));
    kae_log_events_free(added);
}

static void read_document(const uint8_t *document, size_t len_bytes, int32_t form)
{
    int32_t refusal = -1;
    kae_log_events *events = kae_log_events_read(document, len_bytes, form, &refusal);
    if (events == nullptr) {
        HOLDS(refusal == KAE_READ_DECLINED);
        return;
    }
    HOLDS(refusal == KAE_READ_OK);
    kae_text rest;
    kae_log_events_rest(events, &rest);
    dom::parser of_rest;
    dom::parser of_document;
    dom::element parsed;
    const bool is_json = of_document.parse(document, len_bytes).get(parsed) == simdjson::SUCCESS;
    HOLDS(is_json == (of_rest.parse(rest.start, rest.len_bytes).error() == simdjson::SUCCESS));
    if (is_json) {
        check_against(parsed, events, form);
    }
    check_keys(events);
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    HOLDS(view.stream_count <= KAE_STREAMS_MAX);
    frame_all(events, view.stream_count, UINT64_MAX, 1);
    kae_log_events_free(events);
}

static void add_line(const uint8_t *line, size_t len_bytes)
{
    static const uint8_t id[] = "an id";
    kae_log_events *events = kae_log_events_new();
    HOLDS(events != nullptr);
    HOLDS(kae_log_events_add(events, line, len_bytes, id, sizeof id - 1, 1, 2, KAE_NO_STREAM) == 1);
    HOLDS(kae_log_events_add(events, nullptr, 0, nullptr, 0, KAE_TIME_UNKNOWN, KAE_TIME_UNKNOWN, 1) == 1);
    HOLDS(kae_log_events_add(events, line, len_bytes, line, len_bytes, 1, 2, 0) == 1);
    struct kae_log_events_view view;
    kae_log_events_view(events, &view);
    HOLDS(view.count == 3);
    frame_all(events, 2, kMaxSizeBytes, UINT32_MAX);
    frame_all(events, 2, 40, 0);
    kae_log_events_free(events);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Flush against the end of its memory: a read beyond it is seen. */
    auto *copy = static_cast<uint8_t *>(std::malloc(size != 0 ? size : 1));
    if (size != 0) {
        std::memcpy(copy, data, size);
    }
    read_document(copy, size, KAE_FORM_ANSWER);
    read_document(copy, size, KAE_FORM_SUBSCRIPTION);
    add_line(copy, size);
    std::free(copy);
    return 0;
}
