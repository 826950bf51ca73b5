#include "extract/render.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "json/utf8.h"

namespace kae {

void Renderer::put_text(element value)
{
    std::string_view text;
    if (document_.string(value, text)) {
        put_without_nul(texts_, text);
    } else {
        put_json(value);
    }
}

/* Never recurses: an event may nest 10,000 levels deep. */
void Renderer::put_json(element value, bool last_counts)
{
    frames_.clear();
    shadowed_.clear();
    put_leaf_or_open(value, last_counts);
    while (frames_.size() != 0 && !short_of_memory()) {
        if (next(value)) {
            put_leaf_or_open(value, document_.last_counts());
        } else {
            texts_.put(frames_.back().is_object ? '}' : ']');
            shadowed_.truncate(frames_.back().shadowed_top);
            frames_.truncate(frames_.size() - 1);
        }
    }
}

/* The results are taken unchecked: the type says what the element is. */
void Renderer::put_leaf_or_open(element value, bool last_counts)
{
    switch (value.type()) {
    case element_type::ARRAY: {
        const simdjson::dom::array array = value.get_array().value_unsafe();
        Frame frame = {};
        frame.item = array.begin();
        frame.item_end = array.end();
        frame.is_first = true;
        frame.shadowed_top = shadowed_.size();
        texts_.put('[');
        failed_ = failed_ || !frames_.push(frame);
        return;
    }
    case element_type::OBJECT: {
        const simdjson::dom::object object = value.get_object().value_unsafe();
        Frame frame = {};
        frame.member = object.begin();
        frame.member_end = object.end();
        frame.is_object = true;
        frame.is_first = true;
        frame.shadowed = shadowed_.size();
        frame.shadowed_top = shadowed_.size();
        texts_.put('{');
        failed_ = failed_ || !shadowed_members(object, last_counts, shadowed_) ||
                  !frames_.push(frame);
        return;
    }
    case element_type::STRING: {
        std::string_view text;
        if (document_.marked_number(value, text)) {
            texts_.put(text);
        } else {
            put_string(value.get_string().value_unsafe());
        }
        return;
    }
    case element_type::INT64:
        put_integer(value.get_int64().value_unsafe());
        return;
    case element_type::UINT64:
        put_integer(value.get_uint64().value_unsafe());
        return;
    case element_type::DOUBLE:
        put_double(value.get_double().value_unsafe());
        return;
    case element_type::BOOL:
        texts_.put(value.get_bool().value_unsafe() ? "true" : "false");
        return;
    default:
        texts_.put("null");
        return;
    }
}

/* Writes what stands before the next member or element of the innermost frame. */
bool Renderer::next(element &value)
{
    Frame &frame = frames_.back();
    if (!frame.is_object) {
        if (!(frame.item != frame.item_end)) {
            return false;
        }
        value = *frame.item;
        ++frame.item;
    } else {
        while (frame.shadowed < shadowed_.size() && frame.member != frame.member_end &&
               frame.position == shadowed_[frame.shadowed]) {
            frame.shadowed++;
            frame.position++;
            ++frame.member;
        }
        if (!(frame.member != frame.member_end)) {
            return false;
        }
    }
    if (!frame.is_first) {
        texts_.put(',');
    }
    frame.is_first = false;
    if (frame.is_object) {
        put_string(frame.member.key());
        texts_.put(':');
        value = frame.member.value();
        frame.position++;
        ++frame.member;
    }
    return true;
}

/* Escapes as few characters as JSON allows (RFC 8259, section 7). */
void Renderer::put_string(std::string_view text)
{
    static const char kHex[] = "0123456789abcdef";
    texts_.put('"');
    size_t start = 0;
    for (size_t i = 0; i < text.size(); i++) {
        const unsigned char c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        texts_.put(text.substr(start, i - start));
        start = i + 1;
        switch (c) {
        case '\0':
            texts_.put(kReplacement);
            break;
        case '"':
            texts_.put("\\\"");
            break;
        case '\\':
            texts_.put("\\\\");
            break;
        case '\b':
            texts_.put("\\b");
            break;
        case '\f':
            texts_.put("\\f");
            break;
        case '\n':
            texts_.put("\\n");
            break;
        case '\r':
            texts_.put("\\r");
            break;
        case '\t':
            texts_.put("\\t");
            break;
        default:
            texts_.put("\\u00");
            texts_.put(kHex[c >> 4]);
            texts_.put(kHex[c & 15]);
            break;
        }
    }
    texts_.put(text.substr(start));
    texts_.put('"');
}

/* The shortest digits come from to_chars in scientific notation; it would write a
 * large number in fixed notation with more digits than needed. */
void Renderer::put_double(double value)
{
    if (value == 0) { /* -0.0 too: where the API server takes an integer, it takes a 0 */
        texts_.put('0');
        return;
    }
    if (std::signbit(value)) {
        texts_.put('-');
        value = -value;
    }
    char buffer[32];
    const char *end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    const char *mark = std::find(static_cast<const char *>(buffer), end, 'e');
    int exponent = 0;
    std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, end, exponent);
    char digits[20] = {buffer[0]};
    size_t count = 1;
    for (const char *at = buffer + 2; at < mark; at++) { /* behind the point */
        digits[count++] = *at;
    }
    if (exponent < -6 || exponent >= 21) {
        put_scientific(std::string_view(digits, count), exponent);
    } else if (exponent < 0) {
        texts_.put("0.");
        put_zeros(-exponent - 1);
        texts_.put(digits, count);
    } else {
        const size_t whole = static_cast<size_t>(exponent) + 1;
        texts_.put(digits, std::min(whole, count));
        if (whole >= count) {
            put_zeros(static_cast<int>(whole - count));
        } else {
            texts_.put('.');
            texts_.put(digits + whole, count - whole);
        }
    }
}

void Renderer::put_scientific(std::string_view digits, int exponent)
{
    texts_.put(digits[0]);
    if (digits.size() > 1) {
        texts_.put('.');
        texts_.put(digits.substr(1));
    }
    texts_.put(exponent < 0 ? "e" : "e+");
    put_integer(exponent);
}

void Renderer::put_zeros(int count)
{
    for (; count > 0; count--) {
        texts_.put('0');
    }
}

template <typename Integer> void Renderer::put_integer(Integer value)
{
    char digits[24];
    texts_.put(digits, std::to_chars(digits, digits + sizeof digits, value).ptr - digits);
}

/* Sorting keeps this linear but for a logarithm, whatever names an attacker picks. */
bool Renderer::shadowed_members(simdjson::dom::object object, bool last_counts,
                                Array<uint32_t> &positions)
{
    keys_.clear();
    const auto end = object.end();
    for (auto field = object.begin(); field != end; ++field) {
        if (!keys_.push(Key{field.key_c_str(), field.key_length(),
                            static_cast<uint32_t>(keys_.size())})) {
            return false;
        }
    }
    if (keys_.size() < 2) {
        return true;
    }
    const auto compare = [](const Key &a, const Key &b) {
        return a.len_bytes != b.len_bytes ? (a.len_bytes < b.len_bytes ? -1 : 1)
                                          : std::memcmp(a.text, b.text, a.len_bytes);
    };
    std::sort(keys_.data(), keys_.data() + keys_.size(), [compare](const Key &a, const Key &b) {
        const int order = compare(a, b);
        return order != 0 ? order < 0 : a.position < b.position;
    });
    const size_t loser = last_counts ? 1 : 0; /* of a pair in document order */
    const size_t before = positions.size();
    for (size_t i = 1; i < keys_.size(); i++) {
        if (compare(keys_[i - 1], keys_[i]) == 0 && !positions.push(keys_[i - loser].position)) {
            return false;
        }
    }
    std::sort(positions.data() + before, positions.data() + positions.size());
    return true;
}

} /* namespace kae */
