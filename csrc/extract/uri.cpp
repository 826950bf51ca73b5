#include "extract/uri.h"

#include <algorithm>

#include "json/utf8.h"

namespace kae {

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The decoded bytes one at a time, so that they need no buffer of their own. */
class Decoder {
  public:
    Decoder(std::string_view encoded, bool plus_is_space)
        : rest_(encoded), plus_is_space_(plus_is_space)
    {
    }

    bool next(char &c)
    {
        if (rest_.empty()) {
            return false;
        }
        size_t used = 1;
        c = rest_[0];
        if (c == '+' && plus_is_space_) {
            c = ' ';
        } else if (c == '%' && rest_.size() > 2 && hex_digit(rest_[1]) >= 0 &&
                   hex_digit(rest_[2]) >= 0) {
            c = static_cast<char>(hex_digit(rest_[1]) * 16 + hex_digit(rest_[2]));
            used = 3;
        }
        rest_.remove_prefix(used);
        return true;
    }

  private:
    std::string_view rest_;
    bool plus_is_space_;
};

void put_decoded(Texts &texts, std::string_view encoded, bool plus_is_space)
{
    /* A character has at most 4 bytes: that many are looked at together. */
    char window[4];
    size_t held = 0;
    Decoder decoder(encoded, plus_is_space);
    for (;;) {
        while (held < sizeof window && decoder.next(window[held])) {
            held++;
        }
        if (held == 0) {
            return;
        }
        const Utf8Step step = utf8_step(std::string_view(window, held));
        put_repaired(texts, std::string_view(window, step.len_bytes));
        held -= step.len_bytes;
        for (size_t i = 0; i < held; i++) {
            window[i] = window[i + step.len_bytes];
        }
    }
}

/* Go counts empty parameters too. */
static const size_t kMaxParameters = 10000; /* as in shapes.py */

static bool has_too_many(std::string_view query)
{
    return query.size() >= kMaxParameters &&
           std::count(query.begin(), query.end(), '&') >= static_cast<long>(kMaxParameters);
}

QueryParameters::QueryParameters(std::string_view uri)
{
    const size_t mark = uri.find('?');
    if (mark != std::string_view::npos) {
        rest_ = uri.substr(mark + 1);
        refused_ = has_too_many(rest_);
        rest_ = refused_ ? std::string_view() : rest_;
    }
}

static bool is_obeyed(std::string_view pair)
{
    if (pair.find(';') != std::string_view::npos) {
        return false;
    }
    for (size_t at = pair.find('%'); at != std::string_view::npos; at = pair.find('%', at + 3)) {
        if (at + 2 >= pair.size() || hex_digit(pair[at + 1]) < 0 || hex_digit(pair[at + 2]) < 0) {
            return false;
        }
    }
    return !pair.empty();
}

bool QueryParameters::next()
{
    while (!rest_.empty()) {
        const size_t end = rest_.find('&');
        const std::string_view pair = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        if (!is_obeyed(pair)) {
            continue;
        }
        const size_t equals = pair.find('=');
        name_ = pair.substr(0, equals);
        value_ = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
        return true;
    }
    return false;
}

bool QueryParameters::is_named(std::string_view name, Texts &scratch) const
{
    const std::string_view changed_by_decoding("%+\0", 3);
    if (name_.find_first_of(changed_by_decoding) == std::string_view::npos) {
        return name_ == name;
    }
    put_decoded(scratch, name_, true);
    const bool same = scratch.written() == name;
    scratch.abandon();
    return same;
}

std::string_view uri_path(std::string_view uri)
{
    return uri.substr(0, uri.find('?'));
}

} /* namespace kae */
