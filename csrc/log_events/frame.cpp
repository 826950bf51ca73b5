/*
 * From log events to the events that the host gets: the audit event as it was logged, with
 * the envelope before its other members.
 *
 * A message of a document is unescaped straight into the block that the host will get: the
 * one copy. A line as the API server writes it is framed by that; any other is looked at as
 * a whole (line.h).
 */
#include <cstring>
#include <new>

#include "log_events/envelope.h"
#include "log_events/escapes.h"
#include "log_events/event_time.h"
#include "log_events/framed.h"
#include "log_events/line.h"
#include "log_events/log_events.h"
#include "log_events/store.h"

namespace {

std::string_view view(const kae_text &text)
{
    return std::string_view(text.start, static_cast<size_t>(text.len_bytes));
}

/* One call of kae_log_events_frame. */
class Framer {
  public:
    Framer(const kae_log_events &events, kae_frames &frames, uint64_t max_size_bytes,
           uint32_t unreadable_max)
        : events_(events), frames_(frames), max_size_bytes_(max_size_bytes),
          lines_(frames, max_size_bytes, unreadable_max)
    {
    }

    bool frame(uint32_t place, std::string_view beginning)
    {
        const kae::Envelope envelope = {beginning, view(events_.ids[place]),
                                        events_.is_escaped,
                                        events_.ingestion_times_ms[place]};
        const int64_t timestamp_ms = events_.timestamps_ms[place];
        const size_t room_bytes = kae::envelope_capacity_bytes(envelope);
        const size_t capacity_bytes = room_bytes + static_cast<size_t>(
            events_.messages[place].len_bytes) + kae::kUnescapePaddingBytes;
        struct kae_abi_plugin_event *block = kae_event_new(capacity_bytes);
        if (block == nullptr) {
            return false;
        }
        char *const payload = kae_event_payload(block);
        char *const members = kae::put_envelope(payload, envelope, false);
        /* The line's brace comes to stand where the envelope's last comma is. */
        char *const line = members - 1;
        const size_t len_bytes = put_message(line, place);
        const size_t payload_len_bytes = static_cast<size_t>(line - payload) + len_bytes;
        const std::string_view text(line, len_bytes);
        const int64_t time_ns =
            payload_len_bytes <= max_size_bytes_ &&
                    std::memchr(text.data(), 0, text.size()) == nullptr
                ? kae::plain_line_time_ns(text, timestamp_ms)
                : -1;
        if (time_ns >= 0) {
            *line = ',';
            return frames_.append(kae_event_seal(block, capacity_bytes, payload_len_bytes,
                                                 static_cast<uint64_t>(time_ns)));
        }
        const int64_t fallback_ns =
            kae::fallback_time_ns(timestamp_ms, envelope.ingestion_time_ms);
        const bool is_framed = lines_.frame(text, envelope, fallback_ns);
        std::free(block);
        return is_framed;
    }

  private:
    /* Writes the text of a message; returns its length. */
    size_t put_message(char *out, uint32_t place)
    {
        const kae_text &message = events_.messages[place];
        if (!events_.is_escaped) {
            std::memcpy(out, message.start, static_cast<size_t>(message.len_bytes));
            return static_cast<size_t>(message.len_bytes);
        }
        return kae::unescape(view(message), out);
    }

    const kae_log_events &events_;
    kae_frames &frames_;
    const uint64_t max_size_bytes_;
    kae::LineFramer lines_;
};

} /* namespace */

struct kae_frames *kae_log_events_frame(const struct kae_log_events *events,
                                        const uint32_t *places, uint32_t count,
                                        const struct kae_text *envelopes,
                                        uint32_t envelope_count, uint64_t max_size_bytes,
                                        uint32_t unreadable_max)
{
    struct kae_frames *frames = new (std::nothrow) kae_frames;
    if (frames == nullptr) {
        return nullptr;
    }
    Framer *framer = new (std::nothrow) Framer(*events, *frames, max_size_bytes, unreadable_max);
    bool is_framed = framer != nullptr && envelope_count != 0 &&
                     frames->events.reserve(count);
    for (uint32_t i = 0; i < count && is_framed; i++) {
        const uint32_t place = places[i];
        if (place >= events->timestamps_ms.size()) {
            is_framed = false;
            break;
        }
        const int32_t stream = events->streams[place];
        const uint32_t no_stream = envelope_count - 1;
        const uint32_t envelope =
            stream == KAE_NO_STREAM ? no_stream : static_cast<uint32_t>(stream);
        is_framed = (stream == KAE_NO_STREAM || envelope < no_stream) && frames->events_of.push(0) &&
                    frames->unreadable_of.push(0) &&
                    framer->frame(place, view(envelopes[envelope]));
    }
    delete framer;
    if (!is_framed) {
        delete frames;
        return nullptr;
    }
    return frames;
}

void kae_frames_view(const struct kae_frames *frames, struct kae_frames_view *view)
{
    view->chosen = static_cast<uint32_t>(frames->events_of.size());
    view->events = static_cast<uint32_t>(frames->events.size());
    view->truncated = frames->truncated;
    view->events_of = frames->events_of.data();
    view->unreadable_of = frames->unreadable_of.data();
}

int32_t kae_frames_payload(const struct kae_frames *frames, uint32_t place,
                           struct kae_text *payload, uint64_t *time_ns)
{
    if (place >= frames->events.size() || frames->events[place] == nullptr) {
        *payload = {"", 0};
        *time_ns = 0;
        return 0;
    }
    const struct kae_abi_plugin_event *event =
        reinterpret_cast<const struct kae_abi_plugin_event *>(frames->events[place]);
    *payload = {reinterpret_cast<const char *>(event + 1), event->payload_len_bytes};
    *time_ns = event->header.ts_ns;
    return 1;
}

struct kae_abi_event **kae_frames_events(struct kae_frames *frames, uint32_t *count)
{
    *count = static_cast<uint32_t>(frames->events.size());
    return frames->events.data();
}

void kae_frames_free(struct kae_frames *frames)
{
    delete frames;
}
