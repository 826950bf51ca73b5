/* What can be read of a line, or of a part of it: cut where it is damaged, and closed. */
#ifndef KAE_LOG_EVENTS_CLOSED_H
#define KAE_LOG_EVENTS_CLOSED_H

#include <cstdint>
#include <string_view>

#include "json/cut.h"

namespace kae {

/*
 * A JSON value: `kept`, then `closers`. It points into the text that it was read from; the
 * text must stay.
 */
class Closed {
  public:
    /* Reads the value at the start of a text. False when not even one member or element of
     * it is complete. */
    bool read(std::string_view text);

    /* The value, without blanks in front. */
    std::string_view kept() const { return kept_; }
    std::string_view closers() const
    {
        return std::string_view(cut_.closers, cut_.closers_len_bytes);
    }
    size_t len_bytes() const { return kept_.size() + cut_.closers_len_bytes; }

    /* Where in the text what is kept ends. */
    size_t end() const { return static_cast<size_t>(cut_.end_bytes); }

    /* Whether anything was missing, or left out behind it. */
    bool is_cut() const { return cut_.is_whole == 0 || cut_.is_alone == 0; }

    /* Items of an EventList come without kind and apiVersion; nothing comes without
     * auditID. */
    bool is_event() const;
    bool is_event_list() const;
    /* A whole object that names another kind: the API server writes kind and apiVersion
     * before anything that a client can choose. */
    bool is_of_another_kind() const;

    /* Where in the value (closers belong to it) the first item of "items" may begin; 0
     * where that is no array. */
    size_t items() const;

    /* Nanoseconds since the epoch, or -1: its stageTimestamp, requestReceivedTimestamp. */
    int64_t stage_time_ns() const;
    int64_t received_time_ns() const;

  private:
    /* As kae_cut tells them. */
    enum Member { kKind, kApiVersion, kAuditId, kStageTimestamp, kReceivedTimestamp, kItems };

    bool has(Member member) const { return cut_.members[member].start_bytes != 0; }
    bool is_string(Member member) const { return cut_.members[member].len_bytes != 0; }
    /* A string's text with its escapes; empty for anything else. */
    std::string_view escaped(Member member) const;
    int64_t time_ns(Member member) const;

    std::string_view text_;
    std::string_view kept_;
    struct kae_cut cut_;
};

} /* namespace kae */
#endif
