/* One event's payload as a parsed JSON document. */
#ifndef KAE_EXTRACT_DOCUMENT_H
#define KAE_EXTRACT_DOCUMENT_H

#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/cut.h"
#include "json/repair.h"
#include "extract/program.h"

namespace kae {

using simdjson::dom::element;
using simdjson::dom::element_type;

inline constexpr size_t kTopLevelSlots = 64;

enum class Load {
    kAuditEvent,
    kUnparsable, /* no JSON, or no auditID: all that is known is that it came */
    kForeign,    /* by its header no event of a plugin */
    kNoMemory
};

/* Where the text of a node is. */
enum class Place {
    kAbsent,
    kInPlace,  /* a string of the document itself */
    kElsewhere /* it must be written: a number, an object, a string with a NUL */
};

/*
 * A JSON null counts as absent everywhere. Of several members with one name the first
 * counts; in a patch, whose body is logged as the client sent it, the last one does, as
 * for the API server, but of the event's own members the first there, too: nothing can
 * stand in for the plugin's envelope. Where a function answers whether it found
 * something, `out` is set only then.
 */
class Document {
  public:
    Document() = default;
    Document(const Document &) = delete;
    Document &operator=(const Document &) = delete;
    ~Document();

    /* False when memory is short; nothing else may be called then. */
    bool init();

    /* Replaces the document. Elements and strings of the last one become invalid. */
    Load load(std::string_view payload);

    /* The element of a node of the generated table; NULL if it is absent. Resolved
     * once a document. */
    const element *node(uint16_t id)
    {
        Memo &memo = current(id);
        return memo.found ? &memo.value : nullptr;
    }

    /* The text of a node. Set if and only if the answer is kInPlace; found once a
     * document. */
    Place text_of_node(uint16_t id, const char *&text)
    {
        Memo &memo = current(id);
        if (!memo.found) {
            return Place::kAbsent;
        }
        if (memo.text == nullptr && !text_in_place(memo.value, memo.text)) {
            return Place::kElsewhere;
        }
        text = memo.text;
        return Place::kInPlace;
    }

    /* Whether the payload was no JSON even after repair, and what came before the
     * offending token is the document. */
    bool is_cut() const { return is_cut_; }

    /* Whether of several members with one name, below the event's own, the last counts. */
    bool last_counts() const { return last_counts_; }

    /* The member of an object below the root. */
    bool member(element value, std::string_view name, element &out) const;

    /* The same without regard to ASCII letter case. */
    bool member_any_case(element value, std::string_view name, element &out) const;

    /* Whether all guards hold. */
    bool holds(struct kae_range guards);

    /* An element that is a string (and no marked number, see extract_repair.h). */
    bool string(element value, std::string_view &out) const
    {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS ||
            (repaired_ && is_marked_number(text))) {
            return false;
        }
        out = text;
        return true;
    }

    /* A string without NUL, where it stands: simdjson ends every string with a NUL. */
    bool text_in_place(element value, const char *&out) const
    {
        std::string_view text;
        if (may_hold_nul_ || !string(value, text)) {
            return false;
        }
        out = text.data();
        return true;
    }

    /* The text of a number that no 64-bit type holds. */
    bool marked_number(element value, std::string_view &out) const
    {
        std::string_view text;
        if (!repaired_ || value.get_string().get(text) != simdjson::SUCCESS ||
            !is_marked_number(text)) {
            return false;
        }
        out = text.substr(kNumberMark.size());
        return true;
    }

  private:
    struct Memo {
        element value;
        const char *text; /* NULL until it is asked for; stays so when it is not in place */
        uint32_t generation;
        uint16_t next_in_slot; /* the next node with the same slot, or 0 */
        bool found;
    };

    Memo &current(uint16_t id)
    {
        Memo &memo = memos_[id];
        if (memo.generation != generation_) {
            resolve(id, memo);
        }
        return memo;
    }

    simdjson::error_code parse(std::string_view payload);
    simdjson::error_code parse_bytes(size_t len_bytes);
    bool reserve(size_t len_bytes);
    void resolve(uint16_t id, Memo &memo);
    void next_generation();
    void index_top_level();
    void find_top_level();
    bool is_patch();

    simdjson::dom::parser parser_;
    element root_;
    Memo *memos_ = nullptr; /* kae_num_nodes of them */
    uint16_t slots_[kTopLevelSlots] = {}; /* nodes below the root by name, or 0 */
    uint16_t audit_id_ = 0;               /* the node $.auditID */
    uint16_t verb_ = 0;                   /* the node $.verb */
    uint32_t generation_ = 0;
    bool repaired_ = false;
    bool is_cut_ = false;
    bool may_hold_nul_ = false;
    bool last_counts_ = false;
    struct kae_cut cut_ = {}; /* of the payload that needed one last */
    char *block_ = nullptr; /* what was allocated for bytes_ */
    char *bytes_ = nullptr; /* the payload, and what simdjson may read behind it */
    size_t capacity_ = 0;   /* of bytes_, without that */
};

/* The first member of an object whose key matches, or the last one; false for null. */
template <typename Matches>
bool find_member(simdjson::dom::object object, bool last_counts, Matches matches, element &out)
{
    element found;
    bool is_found = false;
    const auto end = object.end();
    for (auto field = object.begin(); field != end && (last_counts || !is_found); ++field) {
        if (matches(std::string_view(field.key_c_str(), field.key_length()))) {
            found = field.value();
            is_found = true;
        }
    }
    if (!is_found || found.is_null()) {
        return false;
    }
    out = found;
    return true;
}

/* The element of an array. */
bool element_at(element value, uint64_t index, element &out);

inline std::string_view view(const struct kae_name &name)
{
    return std::string_view(name.text, name.len_bytes);
}

} /* namespace kae */
#endif
