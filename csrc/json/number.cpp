#include "json/number.h"

namespace kae {

static size_t count_digits(std::string_view text)
{
    const size_t end = text.find_first_not_of("0123456789");
    return end == std::string_view::npos ? text.size() : end;
}

Number parse_number(std::string_view text)
{
    Number number = {false, true, {}, {}, {}};
    if (!text.empty() && text[0] == '-') {
        text.remove_prefix(1);
    }
    size_t n = count_digits(text);
    if (n == 0 || (n > 1 && text[0] == '0')) {
        return number;
    }
    number.whole = text.substr(0, n);
    text.remove_prefix(n);
    if (!text.empty() && text[0] == '.') {
        n = count_digits(text.substr(1));
        if (n == 0) {
            return number;
        }
        number.integer = false;
        number.fraction = text.substr(1, n);
        text.remove_prefix(n + 1);
    }
    if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
        const size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
        n = count_digits(text.substr(1 + sign));
        if (n == 0) {
            return number;
        }
        number.integer = false;
        number.exponent = text.substr(1, sign + n);
        text.remove_prefix(1 + sign + n);
    }
    number.valid = text.empty();
    return number;
}

/* Without a look at its parts: a million of them are a few milliseconds. */
size_t number_length(std::string_view text)
{
    const char *at = text.data();
    const char *const end = at + text.size();
    const auto skip_digits = [&at, end] {
        const char *start = at;
        while (at != end && *at >= '0' && *at <= '9') {
            at++;
        }
        return at != start;
    };
    at += *at == '-' ? 1 : 0;
    if (at != end && *at == '0') {
        at++;
    } else if (!skip_digits()) {
        return 0;
    }
    if (at != end && *at == '.') {
        at++;
        if (!skip_digits()) {
            return 0;
        }
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at != end && (*at == '+' || *at == '-') ? 1 : 0;
        if (!skip_digits()) {
            return 0;
        }
    }
    return static_cast<size_t>(at - text.data());
}

std::string_view number_at(std::string_view text)
{
    return text.substr(0, text.find_first_not_of("0123456789+-.eE"));
}

} /* namespace kae */
