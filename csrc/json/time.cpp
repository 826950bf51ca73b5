#include "json/time.h"

#include <cstddef>

namespace kae {

/* Takes `count` digits off the front. */
static bool take_digits(std::string_view &text, size_t count, int64_t &number)
{
    if (text.size() < count) {
        return false;
    }
    number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
}

static bool take_one_of(std::string_view &text, std::string_view characters)
{
    if (text.empty() || characters.find(text[0]) == std::string_view::npos) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar, counting years from March so that
 * a leap day ends one. */
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    if (month == 2) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool parse_time_ns(std::string_view text, int64_t &ns)
{
    int64_t year, month, day, hour, minute, second;
    if (!take_digits(text, 4, year) || !take_one_of(text, "-") || !take_digits(text, 2, month) ||
        !take_one_of(text, "-") || !take_digits(text, 2, day) || !take_one_of(text, "Tt") ||
        !take_digits(text, 2, hour) || !take_one_of(text, ":") || !take_digits(text, 2, minute) ||
        !take_one_of(text, ":") || !take_digits(text, 2, second)) {
        return false;
    }
    if (year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    int64_t fraction_ns = 0;
    if (take_one_of(text, ".")) {
        size_t count = 0;
        while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
            count++;
        }
        if (count < 1 || count > 9 || !take_digits(text, count, fraction_ns)) {
            return false;
        }
        for (; count < 9; count++) {
            fraction_ns *= 10;
        }
    }
    int64_t offset_minutes = 0;
    if (!take_one_of(text, "Zz")) {
        const bool west = !text.empty() && text[0] == '-';
        int64_t offset_hour, offset_minute;
        if (!take_one_of(text, "+-") || !take_digits(text, 2, offset_hour) ||
            !take_one_of(text, ":") || !take_digits(text, 2, offset_minute) ||
            offset_hour > 23 || offset_minute > 59) {
            return false;
        }
        offset_minutes = (offset_hour * 60 + offset_minute) * (west ? -1 : 1);
    }
    if (!text.empty()) {
        return false;
    }
    const int64_t minutes =
        (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    ns = (minutes * 60 + second) * 1000000000 + fraction_ns;
    return true;
}

} /* namespace kae */
