/* Short texts inside JSON strings, as they stand in a document: with their escapes. */
#ifndef KAE_JSON_ESCAPED_H
#define KAE_JSON_ESCAPED_H

#include <cstddef>
#include <string_view>

namespace kae {

/* The beginning of a string's text, without its escapes. */
struct AsciiText {
    static constexpr size_t kMostBytes = 64;

    /* Up to kMostBytes characters of ASCII. */
    char text[kMostBytes];
    size_t len_bytes;
    bool is_all; /* nothing comes behind: no longer text, no character beyond ASCII */

    std::string_view view() const { return std::string_view(text, len_bytes); }
    bool is(std::string_view other) const { return is_all && view() == other; }
};

/* `escaped` is what stands between the quotes, with escapes that are well-formed. */
AsciiText ascii_text(std::string_view escaped);

} /* namespace kae */
#endif
