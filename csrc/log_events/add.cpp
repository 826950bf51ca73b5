/* Log events that are added one by one: lines of files, and answers that read.cpp declined. */
#include <simdjson.h>

#include <new>

#include "json/utf8.h"
#include "log_events/blake2b.h"
#include "log_events/log_events.h"
#include "log_events/store.h"

namespace {

/* Appends any bytes as UTF-8; runs of well-formed text are copied as a whole. */
void put_well_formed(kae::Texts &texts, std::string_view bytes)
{
    if (simdjson::validate_utf8(bytes.data(), bytes.size())) {
        texts.put(bytes);
        return;
    }
    size_t start = 0;
    size_t at = 0;
    while (at < bytes.size()) {
        const kae::Utf8Step step = kae::utf8_step(bytes.substr(at));
        if (!step.valid) {
            texts.put(bytes.substr(start, at - start));
            texts.put(kae::kReplacement);
            start = at + step.len_bytes;
        }
        at += step.len_bytes;
    }
    texts.put(bytes.substr(start));
}

/* A copy that stays where it is; what was copied is ended, so that the next can begin. */
kae_text copy(kae::Texts &texts, std::string_view bytes)
{
    put_well_formed(texts, bytes);
    const size_t len_bytes = texts.size();
    return {texts.finish(), len_bytes};
}

std::string_view as_bytes(const uint8_t *start, uint64_t len_bytes)
{
    const size_t size = static_cast<size_t>(len_bytes);
    return size != 0 ? std::string_view(reinterpret_cast<const char *>(start), size)
                     : std::string_view("", 0);
}

} /* namespace */

struct kae_log_events *kae_log_events_new(void)
{
    return new (std::nothrow) kae_log_events;
}

int32_t kae_log_events_add(struct kae_log_events *events, const uint8_t *message,
                           uint64_t message_len_bytes, const uint8_t *event_id,
                           uint64_t event_id_len_bytes, int64_t timestamp_ms,
                           int64_t ingestion_time_ms, int32_t stream)
{
    if (events->timestamps_ms.size() == UINT32_MAX) { /* as many as a view can count */
        return 0;
    }
    uint8_t key[KAE_KEY_BYTES] = {0};
    if (event_id_len_bytes != 0) {
        kae_blake2b(key, event_id, static_cast<size_t>(event_id_len_bytes));
    }
    const kae_text id = copy(events->texts, as_bytes(event_id, event_id_len_bytes));
    const kae_text text = copy(events->texts, as_bytes(message, message_len_bytes));
    if (events->texts.short_of_memory()) {
        events->texts.recover();
        return 0;
    }
    return events->append(timestamp_ms, ingestion_time_ms, stream, key, id, text) ? 1 : 0;
}
