/* Letter case of ASCII, whatever locale the host has set. */
#ifndef KAE_JSON_ASCII_H
#define KAE_JSON_ASCII_H

#include <string_view>

namespace kae {

inline char upper_case(char c)
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

inline bool is_same_any_case(std::string_view a, std::string_view b)
{
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); i++) {
        if (upper_case(a[i]) != upper_case(b[i])) {
            return false;
        }
    }
    return true;
}

} /* namespace kae */
#endif
