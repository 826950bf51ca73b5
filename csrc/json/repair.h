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

/* How many bytes repair() writes for this: up to three times as many, mostly as many. */
size_t repaired_len_bytes(std::string_view json);

/*
 * Copies `json` to `out` (repaired_len_bytes of room), and returns the copy's length.
 * Replaced by U+FFFD: ill-formed UTF-8, raw control characters and noncharacter
 * U+FDD0 inside strings, and escapes of lone surrogates. Outside strings, control
 * characters (NUL too) become spaces, a leading byte order mark is left out, and
 * numbers beyond 64 bits or beyond a double become marked strings. Everything else
 * stays: what is no JSON still isn't.
 */
size_t repair(std::string_view json, char *out);

} /* namespace kae */
#endif
