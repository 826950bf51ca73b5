#include "extract_render.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "extract_utf8.h"

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

const char *Renderer::text(element value)
{
    std::string_view text;
    if (document_.string(value, text)) {
        if (std::memchr(text.data(), 0, text.size()) == nullptr) {
            return text.data(); /* simdjson ends every string with a NUL */
        }
    }
    put_text(value);
    return texts_.finish();
}

/* Never recurses: an event may nest 10,000 levels deep. */
void Renderer::put_json(element value)
{
    frames_.clear();
    repeated_.clear();
    put_leaf_or_open(value);
    while (frames_.size() != 0 && !short_of_memory()) {
        if (next(value)) {
            put_leaf_or_open(value);
        } else {
            texts_.put(frames_.back().is_object ? '}' : ']');
            repeated_.truncate(frames_.back().repeated_top);
            frames_.truncate(frames_.size() - 1);
        }
    }
}

/* The results are taken unchecked: the type says what the element is. */
void Renderer::put_leaf_or_open(element value)
{
    char digits[24];
    switch (value.type()) {
    case element_type::ARRAY: {
        const simdjson::dom::array array = value.get_array().value_unsafe();
        Frame frame = {};
        frame.item = array.begin();
        frame.item_end = array.end();
        frame.is_first = true;
        frame.repeated_top = repeated_.size();
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
        frame.repeated = repeated_.size();
        frame.repeated_top = repeated_.size();
        texts_.put('{');
        failed_ = failed_ || !repeated_members(object, repeated_) || !frames_.push(frame);
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
    case element_type::INT64: {
        const int64_t number = value.get_int64().value_unsafe();
        texts_.put(digits, std::to_chars(digits, digits + sizeof digits, number).ptr - digits);
        return;
    }
    case element_type::UINT64: {
        const uint64_t number = value.get_uint64().value_unsafe();
        texts_.put(digits, std::to_chars(digits, digits + sizeof digits, number).ptr - digits);
        return;
    }
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
        while (frame.repeated < repeated_.size() && frame.member != frame.member_end &&
               frame.member.key_c_str() == repeated_[frame.repeated]) {
            frame.repeated++;
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

void Renderer::put_double(double value)
{
    const double magnitude = std::fabs(value);
    const bool plain = magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21);
    char digits[40];
    char *end = std::to_chars(digits, digits + sizeof digits, value,
                              plain ? std::chars_format::fixed : std::chars_format::scientific)
                    .ptr;
    /* Go writes e-7 where C++ writes e-07. */
    if (!plain && end - digits > 4 && end[-4] == 'e' && end[-3] == '-' && end[-2] == '0') {
        end[-2] = end[-1];
        end--;
    }
    texts_.put(digits, end - digits);
}

/* Sorting keeps this linear but for a logarithm, whatever names an attacker picks. */
bool Renderer::repeated_members(simdjson::dom::object object, Array<const char *> &keys)
{
    keys_.clear();
    const auto end = object.end();
    for (auto field = object.begin(); field != end; ++field) {
        if (!keys_.push(Key{field.key_c_str(), field.key_length()})) {
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
        return order != 0 ? order < 0 : a.text < b.text;
    });
    const size_t before = keys.size();
    for (size_t i = 1; i < keys_.size(); i++) {
        if (compare(keys_[i - 1], keys_[i]) == 0 && !keys.push(keys_[i].text)) {
            return false;
        }
    }
    std::sort(keys.data() + before, keys.data() + keys.size());
    return true;
}

} /* namespace kae */
