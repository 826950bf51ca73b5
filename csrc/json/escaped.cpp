#include "json/escaped.h"

#include <charconv>

namespace kae {

/* Takes one character off the front; -1 where it is none of ASCII. */
static int take_character(std::string_view &escaped)
{
    const char c = escaped[0];
    if (c != '\\') {
        escaped.remove_prefix(1);
        return static_cast<unsigned char>(c) < 0x80 ? c : -1;
    }
    if (escaped.size() < 2) {
        return -1;
    }
    static const std::string_view kLetters = "\"\\/bfnrt";
    static const std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t place = kLetters.find(escaped[1]);
    if (place != std::string_view::npos) {
        escaped.remove_prefix(2);
        return kMeanings[place];
    }
    unsigned unit = 0;
    if (escaped[1] != 'u' || escaped.size() < 6 ||
        std::from_chars(escaped.data() + 2, escaped.data() + 6, unit, 16).ptr !=
            escaped.data() + 6 ||
        unit >= 0x80) {
        return -1;
    }
    escaped.remove_prefix(6);
    return static_cast<int>(unit);
}

AsciiText ascii_text(std::string_view escaped)
{
    AsciiText out;
    out.len_bytes = 0;
    while (!escaped.empty() && out.len_bytes < AsciiText::kMostBytes) {
        const int c = take_character(escaped);
        if (c < 0) {
            out.is_all = false;
            return out;
        }
        out.text[out.len_bytes++] = static_cast<char>(c);
    }
    out.is_all = escaped.empty();
    return out;
}

} /* namespace kae */
