#include "log_events/store.h"

bool kae_log_events::append(int64_t timestamp_ms, int64_t ingestion_time_ms, int32_t stream,
                            const uint8_t *key, const kae_text &id, const kae_text &message)
{
    const size_t count = timestamps_ms.size() + 1;
    /* All or none: the arrays stay of one length. */
    return timestamps_ms.reserve(count) && ingestion_times_ms.reserve(count) &&
           streams.reserve(count) && keys.reserve(count * KAE_KEY_BYTES) && ids.reserve(count) &&
           messages.reserve(count) && timestamps_ms.push(timestamp_ms) &&
           ingestion_times_ms.push(ingestion_time_ms) && streams.push(stream) &&
           keys.append(key, KAE_KEY_BYTES) && ids.push(id) && messages.push(message);
}

void kae_log_events_free(struct kae_log_events *events)
{
    delete events;
}

void kae_log_events_view(const struct kae_log_events *events, struct kae_log_events_view *view)
{
    view->count = static_cast<uint32_t>(events->timestamps_ms.size());
    view->stream_count = static_cast<uint32_t>(events->stream_names.size());
    view->timestamps_ms = events->timestamps_ms.data();
    view->ingestion_times_ms = events->ingestion_times_ms.data();
    view->streams = events->streams.data();
    view->keys = events->keys.data();
}

void kae_log_events_rest(const struct kae_log_events *events, struct kae_text *rest)
{
    *rest = {events->rest.data(), events->rest.size()};
}

static kae_text at_place(const kae::Array<kae_text> &texts, uint32_t place)
{
    return place < texts.size() ? texts[place] : kae_text{nullptr, 0};
}

void kae_log_events_stream(const struct kae_log_events *events, uint32_t place,
                           struct kae_text *name)
{
    *name = at_place(events->stream_names, place);
}

void kae_log_events_id(const struct kae_log_events *events, uint32_t place, struct kae_text *id)
{
    *id = at_place(events->ids, place);
}
