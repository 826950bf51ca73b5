#include "log_events/line.h"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace kae {

/* A byte order mark, and what JSON takes for blanks. */
static std::string_view without_blanks(std::string_view line)
{
    static const std::string_view kMark = "\xEF\xBB\xBF";
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!line.empty()) {
        if (is_blank(line.front())) {
            line.remove_prefix(1);
        } else if (line.substr(0, kMark.size()) == kMark) {
            line.remove_prefix(kMark.size());
        } else if (is_blank(line.back())) {
            line.remove_suffix(1);
        } else if (line.size() >= kMark.size() &&
                   line.substr(line.size() - kMark.size()) == kMark) {
            line.remove_suffix(kMark.size());
        } else {
            break;
        }
    }
    return line;
}

/* NUL can't stand in JSON as it is; it is kept as what it stands for. */
static bool escape_nul(std::string_view line, Array<char> &out)
{
    static const std::string_view kEscape = "\\u0000";
    size_t count = 0;
    for (const char c : line) {
        count += c == '\0' ? 1 : 0;
    }
    out.clear();
    if (!out.reserve(line.size() + count * kEscape.size())) {
        return false;
    }
    char *at = out.data();
    for (const char c : line) {
        if (c == '\0') {
            std::memcpy(at, kEscape.data(), kEscape.size());
            at += kEscape.size();
        } else {
            *at++ = c;
        }
    }
    out.truncate(static_cast<size_t>(at - out.data()));
    return true;
}

/* The longest beginning of at most so many bytes that ends with a whole character. */
static std::string_view beginning(std::string_view text, size_t most_bytes)
{
    while (most_bytes < text.size() && most_bytes > 0 &&
           (static_cast<unsigned char>(text[most_bytes]) & 0xC0) == 0x80) {
        most_bytes--;
    }
    return text.substr(0, most_bytes);
}

static int64_t now_ns()
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

bool LineFramer::frame(std::string_view line, const Envelope &envelope, int64_t time_ns)
{
    line = without_blanks(line);
    if (line.empty()) {
        return true;
    }
    if (std::memchr(line.data(), 0, line.size()) != nullptr) {
        if (!escape_nul(line, without_nul_)) {
            return false;
        }
        line = std::string_view(without_nul_.data(), without_nul_.size());
    }
    const bool has_suffix =
        line.size() >= kTruncatedSuffix.size() &&
        line.substr(line.size() - kTruncatedSuffix.size()) == kTruncatedSuffix;
    if (has_suffix) {
        line.remove_suffix(kTruncatedSuffix.size());
    }
    if (!line_.read(line)) {
        return frame_unreadable(envelope, time_ns);
    }
    if (line_.is_event_list()) {
        return frame_list(envelope, time_ns);
    }
    if (line_.is_event()) {
        return frame_event(line_, line_.is_cut(), envelope, time_ns);
    }
    if (!line_.is_cut() && !has_suffix && line_.is_of_another_kind()) {
        return true;
    }
    return frame_unreadable(envelope, time_ns);
}

/* A value in one piece. */
bool LineFramer::whole(const Closed &found, Array<char> &out, std::string_view &text)
{
    text = found.kept();
    if (found.closers().empty()) {
        return true;
    }
    out.clear();
    if (!out.reserve(found.len_bytes())) {
        return false;
    }
    std::memcpy(out.data(), text.data(), text.size());
    std::memcpy(out.data() + text.size(), found.closers().data(), found.closers().size());
    text = std::string_view(out.data(), found.len_bytes());
    return true;
}

/* The elements of "items", as they stand in the text: numbers keep theirs. */
bool LineFramer::frame_list(const Envelope &envelope, int64_t fallback_ns)
{
    static const std::string_view kBetweenItems = " \t\r\n,";
    std::string_view rest;
    if (!whole(line_, list_, rest)) {
        return false;
    }
    rest = line_.items() != 0 ? rest.substr(line_.items()) : std::string_view();
    const Closed *last = nullptr;
    bool all_are_events = true;
    for (size_t number = 0;;) {
        rest.remove_prefix(std::min(rest.find_first_not_of(kBetweenItems), rest.size()));
        Closed &item = items_[number % 2];
        if (rest.empty() || !item.read(rest)) {
            break;
        }
        rest.remove_prefix(item.end());
        if (!item.is_event()) {
            all_are_events = false;
            continue;
        }
        if (last != nullptr && !frame_event(*last, false, envelope, fallback_ns)) {
            return false;
        }
        last = &item;
        number++;
    }
    /* What was cut off is missing at the last one. */
    if (last != nullptr && !frame_event(*last, line_.is_cut(), envelope, fallback_ns)) {
        return false;
    }
    return (all_are_events && last != nullptr) || frame_unreadable(envelope, fallback_ns);
}

/* Whether a beginning of max_size_bytes is an event, too: short_. The closing brackets may
 * exceed the limit again, by one byte a level. */
bool LineFramer::shorten(const Closed &found)
{
    std::string_view text = found.kept();
    return (max_size_bytes_ <= text.size() || whole(found, event_, text)) &&
           short_.read(beginning(text, static_cast<size_t>(max_size_bytes_))) &&
           short_.is_event();
}

bool LineFramer::frame_event(const Closed &found, bool truncated, const Envelope &envelope,
                             int64_t fallback_ns)
{
    const Closed *event = &found;
    /* An event whose auditID would be cut off (nobody writes one so) stays whole: without
     * it no field would have a value. */
    if (found.len_bytes() > max_size_bytes_ && shorten(found)) {
        event = &short_;
        truncated = true;
    }
    int64_t time_ns = found.stage_time_ns();
    time_ns = time_ns >= 0 ? time_ns : fallback_ns;
    time_ns = time_ns >= 0 ? time_ns : found.received_time_ns();
    time_ns = time_ns >= 0 ? time_ns : now_ns();

    std::string_view members = event->kept().substr(1);
    members.remove_prefix(std::min(members.find_first_not_of(" \t\r\n"), members.size()));
    const std::string_view closers = event->closers();
    const size_t capacity_bytes =
        envelope_capacity_bytes(envelope) + members.size() + closers.size();
    struct kae_abi_plugin_event *block = kae_event_new(capacity_bytes);
    if (block == nullptr) {
        return false;
    }
    char *const payload = kae_event_payload(block);
    char *end = put_envelope(payload, envelope, truncated);
    std::memcpy(end, members.data(), members.size());
    end += members.size();
    std::memcpy(end, closers.data(), closers.size());
    end += closers.size();
    frames_.truncated += truncated ? 1 : 0;
    return frames_.append(kae_event_seal(block, capacity_bytes,
                                         static_cast<size_t>(end - payload),
                                         static_cast<uint64_t>(time_ns)));
}

/* What rules see of a line, or a part of it, from which nothing can be read. */
bool LineFramer::frame_unreadable(const Envelope &envelope, int64_t fallback_ns)
{
    static const std::string_view kBefore =
        "\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"unreadable";
    static const std::string_view kBehind = "\",\"stage\":\"ResponseComplete\"}";
    frames_.unreadable_of.back() = 1;
    if (frames_.unreadable >= unreadable_max_) {
        return true;
    }
    const size_t capacity_bytes = envelope_capacity_bytes(envelope) + kBefore.size() + 1 +
                                  6 * envelope.event_id.size() + kBehind.size();
    struct kae_abi_plugin_event *block = kae_event_new(capacity_bytes);
    if (block == nullptr) {
        return false;
    }
    char *const payload = kae_event_payload(block);
    char *end = put_envelope(payload, envelope, true);
    std::memcpy(end, kBefore.data(), kBefore.size());
    end += kBefore.size();
    if (!envelope.event_id.empty()) {
        *end++ = '-';
        end = put_escaped(end, envelope.event_id);
    }
    std::memcpy(end, kBehind.data(), kBehind.size());
    end += kBehind.size();
    frames_.unreadable++;
    const int64_t time_ns = fallback_ns >= 0 ? fallback_ns : now_ns();
    return frames_.append(kae_event_seal(block, capacity_bytes,
                                         static_cast<size_t>(end - payload),
                                         static_cast<uint64_t>(time_ns)));
}

} /* namespace kae */
