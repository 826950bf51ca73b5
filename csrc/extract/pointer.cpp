#include "extract/pointer.h"

namespace kae {

/* Whether a member's name is the token of a JSON Pointer (~0 is ~, ~1 is /). */
static bool is_token(std::string_view name, std::string_view token)
{
    size_t at = 0;
    for (size_t i = 0; i < token.size(); i++, at++) {
        char c = token[i];
        if (c == '~') {
            i++;
            c = token[i] == '0' ? '~' : '/';
        }
        if (at >= name.size() || name[at] != c) {
            return false;
        }
    }
    return at == name.size();
}

static bool is_valid_token(std::string_view token)
{
    for (size_t i = 0; i < token.size(); i++) {
        if (token[i] == '~') {
            i++;
            if (i == token.size() || (token[i] != '0' && token[i] != '1')) {
                return false;
            }
        }
    }
    return true;
}

static bool pointer_index(std::string_view token, uint64_t &index)
{
    if (token.empty() || token.size() > 18 || (token.size() > 1 && token[0] == '0')) {
        return false;
    }
    index = 0;
    for (const char c : token) {
        if (c < '0' || c > '9') {
            return false;
        }
        index = index * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
}

static bool pointer_step(element value, std::string_view token, bool last_counts, element &out)
{
    simdjson::dom::object object;
    uint64_t index;
    if (value.get_object().get(object) == simdjson::SUCCESS) {
        const auto matches = [token](std::string_view key) { return is_token(key, token); };
        return find_member(object, last_counts, matches, out);
    }
    return pointer_index(token, index) && element_at(value, index, out);
}

bool follow_pointer(element root, std::string_view pointer, bool last_counts, element &out)
{
    element value = root;
    bool is_root = true;
    while (!pointer.empty()) {
        if (pointer[0] != '/') {
            return false;
        }
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(token.size());
        if (!is_valid_token(token) ||
            !pointer_step(value, token, last_counts && !is_root, value)) {
            return false;
        }
        is_root = false;
    }
    out = value;
    return true;
}

} /* namespace kae */
