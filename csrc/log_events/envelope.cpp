#include "log_events/envelope.h"

#include <charconv>
#include <cstring>

namespace kae {

static const std::string_view kEventId = "\"event_id\":\"";
static const std::string_view kIngestionTime = "\"ingestion_time_ms\":";
static const std::string_view kTruncated = "\"truncated\":true";
static const std::string_view kEnd = "},";
static const size_t kDigits = 20; /* of an int64_t, with its sign */

static char *put(char *out, std::string_view text)
{
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char *put_escaped(char *out, std::string_view text)
{
    static const char kHex[] = "0123456789abcdef";
    for (const char c : text) {
        const unsigned char byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
            out = put(out, "\\u00");
            *out++ = kHex[byte >> 4];
            *out++ = kHex[byte & 0xF];
            continue;
        }
        if (c == '"' || c == '\\') {
            *out++ = '\\';
        }
        *out++ = c;
    }
    return out;
}

size_t envelope_capacity_bytes(const Envelope &envelope)
{
    const size_t quotes_and_commas = 4;
    return envelope.beginning.size() + kEventId.size() + 6 * envelope.event_id.size() +
           kIngestionTime.size() + kDigits + kTruncated.size() + kEnd.size() + quotes_and_commas;
}

char *put_envelope(char *out, const Envelope &envelope, bool truncated)
{
    out = put(out, envelope.beginning);
    const auto separate = [&out] {
        if (out[-1] != '{') {
            *out++ = ',';
        }
    };
    if (!envelope.event_id.empty()) {
        separate();
        out = put(out, kEventId);
        out = envelope.is_id_escaped ? put(out, envelope.event_id)
                                     : put_escaped(out, envelope.event_id);
        *out++ = '"';
    }
    if (envelope.ingestion_time_ms >= 0) {
        separate();
        out = put(out, kIngestionTime);
        out = std::to_chars(out, out + kDigits, envelope.ingestion_time_ms).ptr;
    }
    if (truncated) {
        separate();
        out = put(out, kTruncated);
    }
    return put(out, kEnd);
}

} /* namespace kae */
