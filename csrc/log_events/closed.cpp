#include "log_events/closed.h"

#include "json/escaped.h"
#include "log_events/event_time.h"

namespace kae {

static const std::string_view kApiGroup = "audit.k8s.io/";

bool Closed::read(std::string_view text)
{
    text_ = text;
    if (kae_cut_json(reinterpret_cast<const uint8_t *>(text.data()), text.size(), &cut_) == 0) {
        return false;
    }
    kept_ = text.substr(cut_.start_bytes, cut_.end_bytes - cut_.start_bytes);
    return true;
}

std::string_view Closed::escaped(Member member) const
{
    const struct kae_cut_member &found = cut_.members[member];
    /* The auditID alone may end in a closer; nobody asks for its text. */
    if (found.len_bytes < 2 || found.start_bytes + found.len_bytes > cut_.end_bytes) {
        return std::string_view();
    }
    return text_.substr(found.start_bytes + 1, found.len_bytes - 2);
}

bool Closed::is_event() const
{
    const bool is_kind = !has(kKind) || ascii_text(escaped(kKind)).is("Event");
    const AsciiText version = ascii_text(escaped(kApiVersion));
    const bool is_version =
        !has(kApiVersion) || version.view().substr(0, kApiGroup.size()) == kApiGroup;
    return is_kind && is_version && is_string(kAuditId);
}

bool Closed::is_event_list() const
{
    return ascii_text(escaped(kKind)).is("EventList");
}

bool Closed::is_of_another_kind() const
{
    if (!is_string(kKind)) {
        return false;
    }
    const AsciiText version = ascii_text(escaped(kApiVersion));
    return !ascii_text(escaped(kKind)).is("Event") ||
           (is_string(kApiVersion) &&
            version.view().substr(0, kApiGroup.size()) != kApiGroup);
}

size_t Closed::items() const
{
    const size_t start = static_cast<size_t>(cut_.members[kItems].start_bytes);
    return start == 0 || text_[start] != '[' ? 0 : start + 1 - cut_.start_bytes;
}

int64_t Closed::time_ns(Member member) const
{
    const AsciiText text = ascii_text(escaped(member));
    return text.is_all ? time_ns_of(text.view()) : -1;
}

int64_t Closed::stage_time_ns() const
{
    return time_ns(kStageTimestamp);
}

int64_t Closed::received_time_ns() const
{
    return time_ns(kReceivedTimestamp);
}

} /* namespace kae */
