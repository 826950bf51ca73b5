#include "json/repair.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "json/number.h"
#include "json/utf8.h"

namespace kae {

namespace {

/* No event has so many digits that they could outweigh an exponent beyond this one. */
const long long kMaxExponent = 1ll << 40;

/* Whether a number that from_chars found out of range is too large rather than too
 * close to 0: the sign of its power of ten says so. */
bool is_large(const Number &number)
{
    long long exponent = 0;
    if (!number.exponent.empty()) {
        const char *first = number.exponent.data();
        const char *last = first + number.exponent.size();
        const bool negative = *first == '-';
        first += *first == '+' ? 1 : 0;
        if (std::from_chars(first, last, exponent).ec != std::errc()) {
            return !negative;
        }
        exponent = std::clamp(exponent, -kMaxExponent, kMaxExponent);
    }
    if (number.whole != "0") {
        return exponent + static_cast<long long>(number.whole.size()) > 0;
    }
    const size_t zeros = number.fraction.find_first_not_of('0');
    return zeros != std::string_view::npos && exponent - static_cast<long long>(zeros) > 0;
}

/* Whether a parser's int64, uint64 or double holds the number. */
bool is_representable(std::string_view text, const Number &number)
{
    const char *first = text.data();
    const char *last = first + text.size();
    if (number.integer) {
        int64_t i64;
        uint64_t u64;
        return std::from_chars(first, last, i64).ec == std::errc() ||
               (*first != '-' && std::from_chars(first, last, u64).ec == std::errc());
    }
    double value;
    return std::from_chars(first, last, value).ec == std::errc() || !is_large(number);
}

/* The code unit of the \uXXXX at the start of `text`, or -1. */
int code_unit(std::string_view text)
{
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') {
        return -1;
    }
    unsigned unit = 0;
    const std::from_chars_result result =
        std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
    const bool complete = result.ec == std::errc() && result.ptr == text.data() + 6;
    return complete ? static_cast<int>(unit) : -1;
}

class Repair {
  public:
    /* `out` may be NULL: then nothing is written. */
    Repair(std::string_view json, char *out) : rest_(json), out_(out) {}

    size_t run()
    {
        if (rest_.substr(0, 3) == "\xEF\xBB\xBF") {
            rest_.remove_prefix(3);
        }
        while (!rest_.empty()) {
            const char c = rest_[0];
            if (c == '"') {
                string();
            } else if (c == '-' || (c >= '0' && c <= '9')) {
                number();
            } else {
                put(static_cast<unsigned char>(c) < 0x20 ? " " : rest_.substr(0, 1));
                rest_.remove_prefix(1);
            }
        }
        return len_bytes_;
    }

  private:
    void put(std::string_view text)
    {
        if (out_ != nullptr) {
            std::memcpy(out_ + len_bytes_, text.data(), text.size());
        }
        len_bytes_ += text.size();
    }

    void take(size_t len_bytes)
    {
        put(rest_.substr(0, len_bytes));
        rest_.remove_prefix(len_bytes < rest_.size() ? len_bytes : rest_.size());
    }

    void replace(size_t len_bytes)
    {
        put(kReplacement);
        rest_.remove_prefix(len_bytes);
    }

    void string()
    {
        take(1);
        while (!rest_.empty() && rest_[0] != '"') {
            if (rest_[0] == '\\') {
                escape();
                continue;
            }
            const Utf8Step step = utf8_step(rest_);
            const bool control = static_cast<unsigned char>(rest_[0]) < 0x20;
            if (!step.valid || control || rest_.substr(0, step.len_bytes) == kNumberMark) {
                replace(step.len_bytes);
            } else {
                take(step.len_bytes);
            }
        }
        take(1);
    }

    void escape()
    {
        const int unit = code_unit(rest_);
        if (unit < 0) {
            /* A control character behind the backslash is left to the next round. */
            const bool control =
                rest_.size() > 1 && static_cast<unsigned char>(rest_[1]) < 0x20;
            take(control ? 1 : 2);
            return;
        }
        const bool high = unit >= 0xD800 && unit <= 0xDBFF;
        const bool low = unit >= 0xDC00 && unit <= 0xDFFF;
        const int second = high ? code_unit(rest_.substr(6)) : -1;
        if (high && second >= 0xDC00 && second <= 0xDFFF) {
            take(12);
        } else if (high || low || unit == 0xFDD0) {
            replace(6);
        } else {
            take(6);
        }
    }

    void number()
    {
        const std::string_view text = number_at(rest_);
        const Number parsed = parse_number(text);
        /* One that is cut, or runs into something else, stays what no parser takes. */
        const char behind = text.size() < rest_.size() ? rest_[text.size()] : 'x';
        const bool ends = ends_scalar(behind) || static_cast<unsigned char>(behind) < 0x20;
        if (ends && parsed.valid && !is_representable(text, parsed)) {
            put("\"");
            put(kNumberMark);
            take(text.size());
            put("\"");
        } else {
            take(text.size());
        }
    }

    std::string_view rest_;
    char *out_;
    size_t len_bytes_ = 0; /* written */
};

} /* namespace */

size_t repaired_len_bytes(std::string_view json)
{
    return Repair(json, nullptr).run();
}

size_t repair(std::string_view json, char *out)
{
    return Repair(json, out).run();
}

} /* namespace kae */
