/* The parts of a JSON number (RFC 8259, section 6). */
#ifndef KAE_JSON_NUMBER_H
#define KAE_JSON_NUMBER_H

#include <cstddef>
#include <string_view>

namespace kae {

struct Number {
    bool valid;
    bool integer;
    std::string_view whole;    /* digits before the point, without the sign */
    std::string_view fraction; /* digits after the point */
    std::string_view exponent; /* with its sign */
};

/* `text` is all of the number, or it is not valid. */
Number parse_number(std::string_view text);

/* The length of the number at the start of `text`, which is not empty; 0 if there is none.
 * What is behind it may run on. */
size_t number_length(std::string_view text);

/* The characters at the start of `text` that could be a number's. */
std::string_view number_at(std::string_view text);

/* Whether a number, true, false or null may end before this character. */
inline bool ends_scalar(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

} /* namespace kae */
#endif
