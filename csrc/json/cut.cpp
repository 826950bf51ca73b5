#include "json/cut.h"

#include <cstddef>
#include <cstring>
#include <string_view>

#include "json/number.h"

namespace kae {

namespace {

const size_t kNone = static_cast<size_t>(-1);
const size_t kAuditId = 2; /* in kMembers */
const std::string_view kMembers[KAE_CUT_MEMBERS] = {
    "kind", "apiVersion", "auditID", "stageTimestamp", "requestReceivedTimestamp", "items"};

bool is_hex(char c)
{
    const char lower = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

/* The length of the escape at the start of `text`; 0 if it is none. */
size_t escape_length(std::string_view text)
{
    if (text.size() < 2) {
        return 0;
    }
    if (text[1] != 'u') {
        return text[1] != '\0' && std::strchr("\"\\/bfnrt", text[1]) != nullptr ? 2 : 0;
    }
    for (size_t i = 2; i < 6; i++) {
        if (i >= text.size() || !is_hex(text[i])) {
            return 0;
        }
    }
    return 6;
}

size_t word_length(std::string_view text, std::string_view word)
{
    return text.substr(0, word.size()) == word ? word.size() : 0;
}

/* Whether a string's text, with its escapes, is this name of letters. */
bool is_named(std::string_view text, std::string_view name)
{
    static const char kHex[] = "0123456789abcdef";
    for (const char c : name) {
        if (text.empty()) {
            return false;
        }
        if (text[0] != '\\') {
            if (text[0] != c) {
                return false;
            }
            text.remove_prefix(1);
            continue;
        }
        /* Letters have no escape but \uXXXX. */
        const char high = kHex[static_cast<unsigned char>(c) >> 4];
        const char low = kHex[c & 0xF];
        if (text.size() < 6 || text.substr(0, 4) != "\\u00" || text[4] != high ||
            (text[5] | 0x20) != (low | 0x20)) {
            return false;
        }
        text.remove_prefix(6);
    }
    return text.empty();
}

class Scan {
  public:
    Scan(std::string_view text, struct kae_cut &cut) : text_(text), cut_(cut) {}

    bool run()
    {
        std::memset(&cut_, 0, offsetof(kae_cut, closers));
        skip_blanks();
        cut_.start_bytes = at_;
        while (!done_ && step()) {
        }
        if (done_) {
            skip_blanks();
            cut_.is_whole = 1;
            cut_.is_alone = at_ == text_.size() ? 1 : 0;
        } else if (keep_depth_ == 0) {
            return false;
        }
        finish();
        return true;
    }

  private:
    enum class Expect { kKey, kColon, kValue, kComma };

    void skip_blanks()
    {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' ||
                                      text_[at_] == '\t' || text_[at_] == '\r')) {
            at_++;
        }
    }

    /* Takes one token; false where the text ends or holds none that may stand here. */
    bool step()
    {
        skip_blanks();
        if (at_ == text_.size()) {
            return false;
        }
        switch (text_[at_]) {
        case '{':
        case '[':
            return open(text_[at_] == '[');
        case '}':
        case ']':
            return close(text_[at_] == ']');
        case ',':
            if (expect_ != Expect::kComma) {
                return false;
            }
            expect_ = is_array() ? Expect::kValue : Expect::kKey;
            break;
        case ':':
            if (expect_ != Expect::kColon) {
                return false;
            }
            expect_ = Expect::kValue;
            break;
        case '"':
            return expect_ == Expect::kKey ? key() : expect_ == Expect::kValue && string();
        default:
            return expect_ == Expect::kValue && scalar();
        }
        is_empty_ = false;
        at_++;
        return true;
    }

    bool open(bool array)
    {
        if (expect_ != Expect::kValue || depth_ == KAE_CUT_MAX_OPEN) {
            return false;
        }
        tell(0);
        unsigned char &bits = arrays_[depth_ / 8];
        const unsigned char bit = static_cast<unsigned char>(1u << depth_ % 8);
        bits = static_cast<unsigned char>(array ? bits | bit : bits & ~bit);
        depth_++;
        expect_ = array ? Expect::kValue : Expect::kKey;
        is_empty_ = true;
        at_++;
        return true;
    }

    bool close(bool array)
    {
        if (depth_ == 0 || is_array() != array || !(is_empty_ || expect_ == Expect::kComma)) {
            return false;
        }
        depth_--;
        at_++;
        keep();
        return true;
    }

    bool key()
    {
        const size_t start = at_;
        if (!skip_string()) {
            return false;
        }
        if (depth_ == 1) {
            const std::string_view name = text_.substr(start + 1, at_ - start - 2);
            member_ = kNone;
            for (size_t i = 0; i < KAE_CUT_MEMBERS; i++) {
                if (is_named(name, kMembers[i])) {
                    member_ = i;
                }
            }
        }
        expect_ = Expect::kColon;
        is_empty_ = false;
        return true;
    }

    bool string()
    {
        const size_t start = at_;
        const bool is_whole = skip_string();
        if (!is_whole && !(depth_ == 1 && !is_array() && member_ == kAuditId &&
                           cut_.members[kAuditId].start_bytes == 0)) {
            return false;
        }
        const size_t end = at_;
        at_ = start;
        tell(end - start + (is_whole ? 0 : 1));
        at_ = end;
        keep();
        ends_in_string_ = !is_whole;
        return is_whole;
    }

    bool scalar()
    {
        const std::string_view rest = text_.substr(at_);
        const size_t len_bytes = rest[0] == 't'   ? word_length(rest, "true")
                                 : rest[0] == 'f' ? word_length(rest, "false")
                                 : rest[0] == 'n' ? word_length(rest, "null")
                                                  : number_length(rest);
        if (len_bytes == 0 || len_bytes == rest.size() || !ends_scalar(rest[len_bytes])) {
            return false;
        }
        tell(0);
        at_ += len_bytes;
        keep();
        return true;
    }

    /* To the end of a string, or to where what is valid of it ends. */
    bool skip_string()
    {
        const char *at = text_.data() + at_ + 1;
        const char *const end = text_.data() + text_.size();
        bool is_whole = false;
        while (at != end && !is_whole) {
            const unsigned char c = static_cast<unsigned char>(*at);
            size_t len_bytes = c >= 0x20 ? 1 : 0;
            if (c == '\\') {
                len_bytes = escape_length(std::string_view(at, static_cast<size_t>(end - at)));
            }
            if (len_bytes == 0) {
                break;
            }
            is_whole = c == '"';
            at += len_bytes;
        }
        at_ = static_cast<size_t>(at - text_.data());
        return is_whole;
    }

    /* A member or element is complete. */
    void keep()
    {
        keep_end_ = at_;
        keep_depth_ = depth_;
        expect_ = Expect::kComma;
        is_empty_ = false;
        done_ = depth_ == 0;
    }

    /* A value begins here: of a member that is told of? */
    void tell(size_t len_bytes)
    {
        if (depth_ == 1 && !is_array() && member_ != kNone) {
            struct kae_cut_member &member = cut_.members[member_];
            if (member.start_bytes == 0) {
                member = {at_, len_bytes};
            }
        }
    }

    /* Of the innermost one that is open. */
    bool is_array() const
    {
        return depth_ != 0 && (arrays_[(depth_ - 1) / 8] >> (depth_ - 1) % 8 & 1) != 0;
    }

    /* Nothing that is open where the last complete member ends is closed without a new
     * such place, so the outermost keep_depth_ ones are the same even now. */
    void finish()
    {
        cut_.end_bytes = keep_end_;
        char *out = cut_.closers;
        if (ends_in_string_) {
            *out++ = '"';
        }
        for (depth_ = keep_depth_; depth_ != 0; depth_--) {
            *out++ = is_array() ? ']' : '}';
        }
        cut_.closers_len_bytes = static_cast<uint32_t>(out - cut_.closers);
        for (struct kae_cut_member &member : cut_.members) {
            if (member.start_bytes >= keep_end_) {
                member = {0, 0};
            }
        }
    }

    std::string_view text_;
    struct kae_cut &cut_;
    size_t at_ = 0;
    size_t depth_ = 0;
    size_t keep_end_ = 0;
    size_t keep_depth_ = 0;
    size_t member_ = kNone; /* of the outermost object, whose value comes next */
    Expect expect_ = Expect::kValue;
    bool is_empty_ = false; /* right behind an opening bracket: it may close */
    bool done_ = false;
    bool ends_in_string_ = false;
    unsigned char arrays_[(KAE_CUT_MAX_OPEN + 7) / 8] = {}; /* a bit for each that is open */
};

} /* namespace */

} /* namespace kae */

extern "C" int32_t kae_cut_json(const uint8_t *text, uint64_t len_bytes, struct kae_cut *cut)
{
    const std::string_view view(reinterpret_cast<const char *>(text),
                                static_cast<size_t>(len_bytes));
    return kae::Scan(view, *cut).run() ? 1 : 0;
}
