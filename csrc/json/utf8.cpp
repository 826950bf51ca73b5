#include "json/utf8.h"

#include <cstring>

namespace kae {

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

Utf8Step utf8_step(std::string_view text)
{
    const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) {
        return {1, true};
    }
    size_t length;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        low = lead == 0xE0 ? 0xA0 : 0x80;  /* no overlong form */
        high = lead == 0xED ? 0x9F : 0xBF; /* no surrogate */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF; /* up to U+10FFFF */
    } else {
        return {1, false};
    }
    if (text.size() < 2 || byte(1) < low || byte(1) > high) {
        return {1, false};
    }
    for (size_t i = 2; i < length; i++) {
        if (i >= text.size() || !is_continuation(byte(i))) {
            return {i, false};
        }
    }
    return {length, true};
}

void put_without_nul(Texts &texts, std::string_view text)
{
    for (;;) {
        const void *nul = std::memchr(text.data(), 0, text.size());
        if (nul == nullptr) {
            texts.put(text);
            return;
        }
        const size_t before = static_cast<const char *>(nul) - text.data();
        texts.put(text.substr(0, before));
        texts.put(kReplacement);
        text.remove_prefix(before + 1);
        if (text.empty()) {
            return;
        }
    }
}

void put_repaired(Texts &texts, std::string_view bytes)
{
    while (!bytes.empty()) {
        const Utf8Step step = utf8_step(bytes);
        const bool keep = step.valid && bytes[0] != '\0';
        texts.put(keep ? bytes.substr(0, step.len_bytes) : kReplacement);
        bytes.remove_prefix(step.len_bytes);
    }
}

} /* namespace kae */
