/*
 * Reads a document's log events with simdjson's On-Demand: each token is looked at once,
 * in place, and messages are not unescaped.
 *
 * On-Demand checks what it is asked for and steps over the rest by counting brackets. So
 * the list of log events is checked here in every detail, and what surrounds it is not: it
 * is in `rest`. Whoever parses the rest has the whole document checked, because
 * - up to the list both are the same bytes, and if those are JSON, simdjson sees the same
 *   strings and brackets in them as any parser;
 * - what was cut out is a complete list of JSON objects, so that what follows means the
 *   same with and without it.
 * simdjson's first stage checks all bytes, wherever they stand: UTF-8, no control
 * characters in strings, no string without an end.
 */
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "log_events/blake2b.h"
#include "log_events/escapes.h"
#include "log_events/log_events.h"
#include "log_events/store.h"

namespace kae {
namespace {

namespace ondemand = simdjson::ondemand;

/* Members of a log event; bits, so that a set of them is a number. */
enum Member : unsigned {
    kUnknown = 0,
    kEventId = 1,
    kTimestamp = 2,
    kMessage = 4,
    kIngestionTime = 8,
    kLogStreamName = 16,
};
constexpr unsigned kRequired = kEventId | kTimestamp | kMessage;

struct Form {
    std::string_view list;
    std::string_view event_id;
    unsigned members; /* the set of those that may be there */
};
constexpr Form kForms[] = {
    {"events", "eventId", kRequired | kIngestionTime | kLogStreamName}, /* KAE_FORM_ANSWER */
    {"logEvents", "id", kRequired},                                     /* KAE_FORM_SUBSCRIPTION */
};

struct LogEvent {
    std::string_view event_id;
    std::string_view message;
    int64_t timestamp_ms = KAE_TIME_UNKNOWN;
    int64_t ingestion_time_ms = KAE_TIME_UNKNOWN;
    int32_t stream = KAE_NO_STREAM;
};

kae_text as_text(std::string_view text)
{
    return {text.data(), text.size()};
}

bool is_whitespace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool has_escapes(std::string_view raw)
{
    return raw.find('\\') != std::string_view::npos;
}

/* As it stands between its quotes. simdjson's first stage found both: a string without an
 * end is an error there. */
std::string_view raw_text(ondemand::raw_json_string string)
{
    const char *end = string.raw();
    while (*end != '"') {
        end += *end == '\\' ? 2 : 1;
    }
    return {string.raw(), static_cast<size_t>(end - string.raw())};
}

/* The same of a value that may be long: a token goes on to the next one, and behind its
 * closing quote a string has only whitespace. */
bool read_string(ondemand::value &value, std::string_view &text)
{
    const std::string_view token = value.raw_json_token();
    ondemand::raw_json_string string;
    if (value.get_raw_json_string().get(string) != simdjson::SUCCESS) {
        return false;
    }
    const size_t end = token.rfind('"');
    text = token.substr(1, end - 1);
    return end != 0;
}

/* Digits only. simdjson ends a number also at a NUL, which no other parser takes for the
 * end of anything. */
bool read_time_ms(ondemand::value &value, int64_t &time_ms)
{
    const std::string_view token = value.raw_json_token();
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto end = std::find_if_not(token.begin(), token.end(), is_digit);
    uint64_t number = 0;
    if (!std::all_of(end, token.end(), is_whitespace) ||
        value.get_uint64().get(number) != simdjson::SUCCESS || number > INT64_MAX) {
        return false;
    }
    time_ms = static_cast<int64_t>(number);
    return true;
}

class Reader {
  public:
    Reader(kae_log_events &events, const Form &form) : events_(events), form_(form) {}

    /* The document is in `events`, with padding. */
    kae_read_refusal read(size_t len_bytes);

  private:
    kae_read_refusal read_list(ondemand::document &document, ondemand::value &list);
    kae_read_refusal read_log_event(ondemand::object &object, LogEvent &event);
    kae_read_refusal read_member(Member member, ondemand::value &value, LogEvent &event);
    kae_read_refusal find_stream(std::string_view name, int32_t &place);
    Member member_of(ondemand::raw_json_string key) const;
    bool append(const LogEvent &event);
    bool set_rest(size_t len_bytes);

    kae_log_events &events_;
    const Form &form_;
    const char *list_start_ = nullptr; /* its bracket; NULL until the list was read */
    const char *list_end_ = nullptr;   /* the same */
    int32_t last_stream_ = KAE_NO_STREAM;
};

kae_read_refusal Reader::read(size_t len_bytes)
{
    /* Newer versions of simdjson step over a byte order mark. */
    if (len_bytes == 0 || events_.document[0] == '\xEF') {
        return KAE_READ_DECLINED;
    }
    /* Its buffers are large, but hardly touched: they cost addresses, not memory. */
    ondemand::parser parser;
    ondemand::document document;
    simdjson::error_code error =
        parser.iterate(events_.document, len_bytes, len_bytes + simdjson::SIMDJSON_PADDING)
            .get(document);
    if (error != simdjson::SUCCESS) {
        return error == simdjson::MEMALLOC ? KAE_READ_NO_MEMORY : KAE_READ_DECLINED;
    }
    ondemand::object members;
    if (document.get_object().get(members) != simdjson::SUCCESS) {
        return KAE_READ_DECLINED;
    }
    for (auto member : members) {
        ondemand::field field;
        if (std::move(member).get(field) != simdjson::SUCCESS) {
            return KAE_READ_DECLINED;
        }
        const std::string_view name = raw_text(field.key());
        if (has_escapes(name)) { /* it may spell the list's name */
            return KAE_READ_DECLINED;
        }
        if (name == form_.list) {
            const kae_read_refusal refusal = read_list(document, field.value());
            if (refusal != KAE_READ_OK) {
                return refusal;
            }
        }
    }
    const bool is_whole = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    if (!is_whole || list_end_ == nullptr) {
        return KAE_READ_DECLINED;
    }
    return set_rest(len_bytes) ? KAE_READ_OK : KAE_READ_NO_MEMORY;
}

kae_read_refusal Reader::read_list(ondemand::document &document, ondemand::value &list)
{
    const char *const start = list.raw_json_token().data();
    ondemand::array elements;
    if (list_start_ != nullptr || list.get_array().get(elements) != simdjson::SUCCESS) {
        return KAE_READ_DECLINED;
    }
    for (auto element : elements) {
        ondemand::object object;
        LogEvent event;
        if (element.get_object().get(object) != simdjson::SUCCESS) {
            return KAE_READ_DECLINED;
        }
        const kae_read_refusal refusal = read_log_event(object, event);
        if (refusal != KAE_READ_OK) {
            return refusal;
        }
        if (!append(event)) {
            return KAE_READ_NO_MEMORY;
        }
    }
    /* simdjson stands at the next token; between that and the bracket is only whitespace. */
    const char *end = nullptr;
    if (document.current_location().get(end) != simdjson::SUCCESS) {
        return KAE_READ_DECLINED;
    }
    do {
        end--;
    } while (is_whitespace(*end));
    if (end <= start || *end != ']') {
        return KAE_READ_DECLINED;
    }
    list_start_ = start;
    list_end_ = end;
    return KAE_READ_OK;
}

kae_read_refusal Reader::read_log_event(ondemand::object &object, LogEvent &event)
{
    unsigned found = 0;
    for (auto result : object) {
        ondemand::field field;
        if (std::move(result).get(field) != simdjson::SUCCESS) {
            return KAE_READ_DECLINED;
        }
        const Member member = member_of(field.key());
        if (member == kUnknown || (found & member) != 0) {
            return KAE_READ_DECLINED;
        }
        found |= member;
        const kae_read_refusal refusal = read_member(member, field.value(), event);
        if (refusal != KAE_READ_OK) {
            return refusal;
        }
    }
    return (found & kRequired) == kRequired ? KAE_READ_OK : KAE_READ_DECLINED;
}

/* A name with escapes equals none of these. */
Member Reader::member_of(ondemand::raw_json_string key) const
{
    Member member = kUnknown;
    if (key.unsafe_is_equal("timestamp")) {
        member = kTimestamp;
    } else if (key.unsafe_is_equal("message")) {
        member = kMessage;
    } else if (key.unsafe_is_equal(form_.event_id)) {
        member = kEventId;
    } else if (key.unsafe_is_equal("logStreamName")) {
        member = kLogStreamName;
    } else if (key.unsafe_is_equal("ingestionTime")) {
        member = kIngestionTime;
    }
    return (form_.members & member) != 0 ? member : kUnknown;
}

kae_read_refusal Reader::read_member(Member member, ondemand::value &value, LogEvent &event)
{
    bool is_usual = false;
    std::string_view name;
    switch (member) {
    case kEventId: /* an empty one would be nobody's */
        is_usual = read_string(value, event.event_id) && !event.event_id.empty() &&
                   event.event_id.size() <= KAE_EVENT_ID_MAX_BYTES &&
                   !has_escapes(event.event_id);
        break;
    case kTimestamp:
        is_usual = read_time_ms(value, event.timestamp_ms);
        break;
    case kMessage:
        is_usual = read_string(value, event.message) && has_valid_escapes(event.message);
        break;
    case kIngestionTime:
        is_usual = read_time_ms(value, event.ingestion_time_ms);
        break;
    case kLogStreamName:
        is_usual = read_string(value, name) && !name.empty() &&
                   name.size() <= KAE_STREAM_NAME_MAX_BYTES &&
                   !has_escapes(name);
        return is_usual ? find_stream(name, event.stream) : KAE_READ_DECLINED;
    case kUnknown:
        break;
    }
    return is_usual ? KAE_READ_OK : KAE_READ_DECLINED;
}

/* Gives the stream a place if it has none. Neighbours are often of one stream. */
kae_read_refusal Reader::find_stream(std::string_view name, int32_t &place)
{
    const auto is_named = [this, name](int32_t stream) {
        const kae_text &known = events_.stream_names[static_cast<size_t>(stream)];
        return name == std::string_view(known.start, known.len_bytes);
    };
    const int32_t count = static_cast<int32_t>(events_.stream_names.size());
    if (last_stream_ == KAE_NO_STREAM || !is_named(last_stream_)) {
        int32_t stream = 0;
        while (stream < count && !is_named(stream)) {
            stream++;
        }
        if (stream == KAE_STREAMS_MAX) {
            return KAE_READ_DECLINED;
        }
        if (stream == count && !events_.stream_names.push(as_text(name))) {
            return KAE_READ_NO_MEMORY;
        }
        last_stream_ = stream;
    }
    place = last_stream_;
    return KAE_READ_OK;
}

bool Reader::append(const LogEvent &event)
{
    uint8_t key[KAE_KEY_BYTES];
    kae_blake2b(key, reinterpret_cast<const uint8_t *>(event.event_id.data()),
                event.event_id.size());
    return events_.append(event.timestamp_ms, event.ingestion_time_ms, event.stream, key,
                          as_text(event.event_id), as_text(event.message));
}

/* The document with its brackets, but without what stands between them. */
bool Reader::set_rest(size_t len_bytes)
{
    const char *const document = events_.document;
    const size_t before = static_cast<size_t>(list_start_ + 1 - document);
    const size_t behind = static_cast<size_t>(document + len_bytes - list_end_);
    return events_.rest.append(document, before) && events_.rest.append(list_end_, behind);
}

} /* namespace */
} /* namespace kae */

struct kae_log_events *kae_log_events_read(const uint8_t *document, uint64_t len_bytes,
                                           int32_t form, int32_t *refusal)
{
    /* Too few for a count of 32 bits to overflow: each log event takes some of them. */
    static_assert(KAE_DOCUMENT_MAX_BYTES <= UINT32_MAX, "one count for log events");
    if (len_bytes > KAE_DOCUMENT_MAX_BYTES ||
        (form != KAE_FORM_ANSWER && form != KAE_FORM_SUBSCRIPTION)) {
        *refusal = KAE_READ_DECLINED;
        return nullptr;
    }
    *refusal = KAE_READ_NO_MEMORY;
    kae_log_events *events = new (std::nothrow) kae_log_events;
    if (events == nullptr) {
        return nullptr;
    }
    const size_t size = static_cast<size_t>(len_bytes);
    events->is_escaped = true;
    static_assert(simdjson::SIMDJSON_PADDING >= kae::kUnescapePaddingBytes, "unescape reads it");
    events->document = static_cast<char *>(std::malloc(size + simdjson::SIMDJSON_PADDING));
    if (events->document != nullptr) {
        if (size != 0) {
            std::memcpy(events->document, document, size);
        }
        std::memset(events->document + size, 0, simdjson::SIMDJSON_PADDING);
        *refusal = kae::Reader(*events, kae::kForms[form]).read(size);
    }
    if (*refusal != KAE_READ_OK) {
        delete events;
        return nullptr;
    }
    return events;
}
