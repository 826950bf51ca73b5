/* How log events are kept: what read.cpp and add.cpp write, and frame.cpp reads. */
#ifndef KAE_LOG_EVENTS_STORE_H
#define KAE_LOG_EVENTS_STORE_H

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/memory.h"
#include "log_events/log_events.h"

struct kae_log_events {
    kae_log_events() = default;
    kae_log_events(const kae_log_events &) = delete;
    kae_log_events &operator=(const kae_log_events &) = delete;
    ~kae_log_events() { std::free(document); }

    /* One log event more; `key` has KAE_KEY_BYTES. False, and nothing has changed, when
     * memory is short. */
    bool append(int64_t timestamp_ms, int64_t ingestion_time_ms, int32_t stream,
                const uint8_t *key, const kae_text &id, const kae_text &message);

    /* One entry a log event. */
    kae::Array<int64_t> timestamps_ms;
    kae::Array<int64_t> ingestion_times_ms;
    kae::Array<int32_t> streams;
    kae::Array<uint8_t> keys;
    kae::Array<kae_text> ids;
    kae::Array<kae_text> messages; /* escaped, without quotes, if is_escaped; else as logged */

    /* Of read() only: who adds log events knows the names of their streams. */
    kae::Array<kae_text> stream_names;

    /* Of read(): the document, with simdjson's padding behind it; ids, names and messages
     * point into it. Messages are as they stand in it, with their escapes. */
    char *document = nullptr;
    bool is_escaped = false;
    kae::Array<char> rest;

    /* Of add(): all texts; valid UTF-8. */
    kae::Texts texts;
};

#endif
