#include "log_events/event_time.h"

#include <cstddef>
#include <cstring>

#include "json/time.h"
#include "log_events/log_events.h"

namespace kae {

static const int64_t kNsPerMs = 1000000;
static const int64_t kMostMs = INT64_MAX / kNsPerMs;
static const int64_t kPlausibleNs = INT64_C(3600) * 1000000000;

int64_t fallback_time_ns(int64_t timestamp_ms, int64_t ingestion_time_ms)
{
    const int64_t time_ms = timestamp_ms != KAE_TIME_UNKNOWN ? timestamp_ms : ingestion_time_ms;
    return time_ms < 0 || time_ms > kMostMs ? -1 : time_ms * kNsPerMs;
}

int64_t time_ns_of(std::string_view text)
{
    int64_t time_ns;
    return parse_time_ns(text, time_ns) && time_ns >= 0 ? time_ns : -1;
}

/* Takes a text off the front. */
static bool take(std::string_view &line, std::string_view text)
{
    if (line.substr(0, text.size()) != text) {
        return false;
    }
    line.remove_prefix(text.size());
    return true;
}

/* Takes one to `most` letters, digits and underscores off the front. */
static bool take_word(std::string_view &line, size_t most)
{
    size_t length = 0;
    const auto is_of_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    while (length < line.size() && is_of_word(line[length])) {
        length++;
    }
    if (length == 0 || length > most) {
        return false;
    }
    line.remove_prefix(length);
    return true;
}

static bool starts_as_event(std::string_view line)
{
    return take(line, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/") &&
           take_word(line, 16) && take(line, "\",\"level\":\"") && take_word(line, 32) &&
           take(line, "\",\"auditID\":\"");
}

/* The last place of a text with this letter at this distance from its start; as rfind, but
 * by looking for the letter, which is rare in audit events: a tenth of the time. */
static size_t last_place(std::string_view line, std::string_view text, size_t letter)
{
    /* Whoever fills a line with the letter gains nothing. */
    static const int kTriesMax = 256;
    size_t left = line.size();
    for (int tries = 0; tries < kTriesMax; tries++) {
        const void *found = memrchr(line.data(), text[letter], left);
        if (found == nullptr) {
            return std::string_view::npos;
        }
        left = static_cast<size_t>(static_cast<const char *>(found) - line.data());
        if (left >= letter && line.substr(left - letter, text.size()) == text) {
            return left - letter;
        }
    }
    return line.rfind(text, left);
}

int64_t plain_line_time_ns(std::string_view line, int64_t timestamp_ms)
{
    /* Can't be spoofed from inside a string: an unescaped quote behind a comma opens a
     * string, "stageTimestamp" is then all of it, and the colon makes it a member's name. It
     * can still be a member of an object that the user sent (requestObject), or of the
     * annotations: the last one in the line is taken, only annotations may follow, and it
     * must agree with CloudWatch's own timestamp. A line that is cut right behind such a
     * member of requestObject still passes; the extractor finds it cut all the same, and a
     * client has moved his event's time by an hour at most. */
    static const std::string_view kStageTimestamp = ",\"stageTimestamp\":\"";
    static const std::string_view kAnnotations = ",\"annotations\":{\"";
    static const size_t kT = 7; /* of kStageTimestamp */
    static const size_t kLongest = 40;
    if (line.empty() || line.back() != '}' || !starts_as_event(line)) {
        return -1;
    }
    const size_t name = last_place(line, kStageTimestamp, kT);
    if (name == std::string_view::npos) {
        return -1;
    }
    std::string_view rest = line.substr(name + kStageTimestamp.size());
    const std::string_view text = rest.substr(0, rest.substr(0, kLongest).find('"'));
    if (text.size() >= rest.size() || rest[text.size()] != '"') {
        return -1;
    }
    rest.remove_prefix(text.size() + 1);
    if (rest != "}" && rest.substr(0, kAnnotations.size()) != kAnnotations) {
        return -1;
    }
    const int64_t time_ns = time_ns_of(text);
    if (time_ns < 0 || timestamp_ms == KAE_TIME_UNKNOWN) {
        return time_ns;
    }
    const int64_t logged_ns = fallback_time_ns(timestamp_ms, KAE_TIME_UNKNOWN);
    const int64_t apart_ns = time_ns > logged_ns ? time_ns - logged_ns : logged_ns - time_ns;
    return logged_ns < 0 || apart_ns > kPlausibleNs ? -1 : time_ns;
}

} /* namespace kae */
