/* JSON that a strict parser refuses, made acceptable without losing what it says. */
#ifndef KAE_JSON_REPAIR_H
#define KAE_JSON_REPAIR_H

#include <cstddef>
#include <string_view>

namespace kae {

/*
 * A number that no parser type can hold becomes a string: this noncharacter
 * (U+FDD0), then the number's text. Repair replaces it wherever else it stands, so
 * that no event can forge one.
 */
inline constexpr std::string_view kNumberMark = "\xEF\xB7\x90";

inline bool is_marked_number(std::string_view text)
{
    return text.substr(0, kNumberMark.size()) == kNumberMark;
}

/* The most bytes that repair() can write for so many. */
inline size_t repaired_capacity(size_t len_bytes)
{
    return len_bytes * 3 + 16;
}

/*
 * Copies `json` to `out` (repaired_capacity bytes), and returns the copy's length.
 * Replaced by U+FFFD: ill-formed UTF-8, raw control characters and noncharacter
 * U+FDD0 inside strings, and escapes of lone surrogates. Outside strings, control
 * characters (NUL too) become spaces, a leading byte order mark is left out, and
 * numbers beyond 64 bits or beyond a double become marked strings. Everything else
 * stays: what is no JSON still isn't.
 */
size_t repair(std::string_view json, char *out);

} /* namespace kae */
#endif
