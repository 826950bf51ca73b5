/* Lines that need a look at all of them: cut, damaged, lists of events, other objects. */
#ifndef KAE_LOG_EVENTS_LINE_H
#define KAE_LOG_EVENTS_LINE_H

#include <cstdint>
#include <string_view>

#include "json/memory.h"
#include "log_events/closed.h"
#include "log_events/envelope.h"
#include "log_events/framed.h"

namespace kae {

/* What EKS's log shipper puts at the end of a line that it cut. */
inline constexpr std::string_view kTruncatedSuffix = "[Truncated...]";

/*
 * Frames lines, one after the other, whatever is in them; one object is used again, because
 * what it reads needs 40 KB.
 *
 * An audit event becomes one event, an EventList one for each item, anything else one that
 * is made up and says so; of a list, one for all its items that are no events. That one has
 * no level, which comes before a real one's auditID, so that no client's can look like it.
 * Nothing comes of a blank line, and of a whole object that names another kind. Nothing done
 * to a line hides that it came.
 */
class LineFramer {
  public:
    /* Events longer than max_size_bytes (without the envelope) are cut. At most
     * unreadable_max events are made up. */
    LineFramer(kae_frames &frames, uint64_t max_size_bytes, uint32_t unreadable_max)
        : frames_(frames), max_size_bytes_(max_size_bytes), unreadable_max_(unreadable_max)
    {
    }

    /* `line` is UTF-8; time_ns what to take for an event without a stageTimestamp, or -1.
     * False when memory is short. */
    bool frame(std::string_view line, const Envelope &envelope, int64_t time_ns);

  private:
    bool frame_list(const Envelope &envelope, int64_t fallback_ns);
    bool frame_event(const Closed &found, bool truncated, const Envelope &envelope,
                     int64_t fallback_ns);
    bool frame_unreadable(const Envelope &envelope, int64_t fallback_ns);
    bool shorten(const Closed &found);
    bool whole(const Closed &found, Array<char> &out, std::string_view &text);

    kae_frames &frames_;
    const uint64_t max_size_bytes_;
    const uint32_t unreadable_max_;
    Closed line_;
    Closed items_[2]; /* of a list: the one before, and the one being read */
    Closed short_;
    Array<char> without_nul_;
    Array<char> list_;
    Array<char> event_;
};

} /* namespace kae */
#endif
