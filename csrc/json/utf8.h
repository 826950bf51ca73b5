/* Text that no UTF-8 reader and no C string can misunderstand. */
#ifndef KAE_JSON_UTF8_H
#define KAE_JSON_UTF8_H

#include <cstddef>
#include <string_view>

#include "json/memory.h"

namespace kae {

/* U+FFFD, the replacement character. */
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Utf8Step {
    size_t len_bytes; /* at least 1 */
    bool valid;
};

/*
 * The character at the start of `text` (not empty). Where it is ill-formed, the
 * length is that of its maximal subpart, to be replaced by one U+FFFD (Unicode
 * Standard, section 3.9, "U+FFFD Substitution of Maximal Subparts").
 */
Utf8Step utf8_step(std::string_view text);

/* Appends text that is valid UTF-8; U+0000 becomes U+FFFD. */
void put_without_nul(Texts &texts, std::string_view text);

/* Appends any bytes; ill-formed sequences and NUL become U+FFFD. */
void put_repaired(Texts &texts, std::string_view bytes);

} /* namespace kae */
#endif
