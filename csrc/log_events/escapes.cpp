#include "log_events/escapes.h"

#include <cstdint>
#include <cstring>

namespace kae {

/* Compilers turn operators on it into whatever vectors the machine has. */
typedef uint8_t Vector __attribute__((vector_size(16)));

static const size_t kBlockBytes = 4 * sizeof(Vector);
static_assert(kBlockBytes == 64 && kUnescapePaddingBytes >= kBlockBytes, "a bit for each byte");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte has the lowest bit");

static inline Vector load(const char *bytes)
{
    Vector vector;
    std::memcpy(&vector, bytes, sizeof vector);
    return vector;
}

/* Bits are set where a backslash is followed by something else than a quote. */
static inline Vector other_escapes(const char *at)
{
    const Vector escaping = (Vector)(load(at) == uint8_t{'\\'});
    const Vector quoted = (Vector)(load(at + 1) == uint8_t{'"'});
    return escaping & ~quoted;
}

/*
 * Whether \" is the only escape in the block. Nearly every message is JSON, so that it is
 * nearly every escape. No backslash escapes another one then, so a block can be looked at
 * without its left neighbour. Reads one byte behind the block.
 */
static inline bool has_quotes_only(const char *at)
{
    const Vector others = other_escapes(at) | other_escapes(at + sizeof(Vector)) |
                          other_escapes(at + 2 * sizeof(Vector)) |
                          other_escapes(at + 3 * sizeof(Vector));
    uint64_t halves[2];
    std::memcpy(halves, &others, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The code unit of an escape \uXXXX at `at`; -1 if there is none. */
static int32_t code_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        const int value = hex_value(at[i]);
        if (value < 0) {
            return -1;
        }
        unit = unit * 16 + value;
    }
    return unit;
}

/* How long the escape at `at` is, a surrogate pair as one; 0 if it stands for no character. */
static size_t escape_len_bytes(const char *at, const char *end)
{
    switch (end - at >= 2 ? at[1] : '\0') {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    const int32_t unit = code_unit(at, end);
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit >= 0 ? 6 : 0;
    }
    const int32_t low = unit < 0xDC00 ? code_unit(at + 6, end) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}

bool has_valid_escapes(std::string_view text)
{
    const char *at = text.data();
    const char *const end = at + text.size();
    while (at < end) {
        const bool is_block = static_cast<size_t>(end - at) >= kBlockBytes;
        if (is_block && has_quotes_only(at)) {
            at += kBlockBytes;
            continue;
        }
        const char *const stop = is_block ? at + kBlockBytes : end;
        while (at < stop) {
            const size_t len_bytes = *at == '\\' ? escape_len_bytes(at, end) : 1;
            if (len_bytes == 0) {
                return false;
            }
            at += len_bytes;
        }
    }
    return true;
}

/* Bit i is set where at[i] is a backslash. */
static inline uint64_t backslashes(const char *at)
{
    const uint64_t ones = 0x0101010101010101;
    const uint64_t low_bits = 0x7F * ones;
    uint64_t found = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t bytes;
        std::memcpy(&bytes, at + i, sizeof bytes);
        bytes ^= '\\' * ones;
        /* The highest bit of each byte that is zero, and of no other. */
        const uint64_t zeros = ~(((bytes & low_bits) + low_bits) | bytes | low_bits);
        /* The eight of them side by side. */
        found |= ((zeros >> 7) * 0x0102040810204080 >> 56) << i;
    }
    return found;
}

/* Up to 64 bytes. Compilers make a few moves of it, and no call. */
static inline void copy_run(char *out, const char *in, size_t len_bytes)
{
    std::memcpy(out, in, 16);
    if (len_bytes > 16) {
        std::memcpy(out + 16, in + 16, 48);
    }
}

static char *put_character(char *out, uint32_t character)
{
    const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
    if (character < 0x80) {
        put(character);
        return out;
    }
    if (character < 0x800) {
        put(0xC0 | character >> 6);
    } else {
        if (character < 0x10000) {
            put(0xE0 | character >> 12);
        } else {
            put(0xF0 | character >> 18);
            put(0x80 | (character >> 12 & 0x3F));
        }
        put(0x80 | (character >> 6 & 0x3F));
    }
    put(0x80 | (character & 0x3F));
    return out;
}

/* Writes what the escape at `at` stands for; returns the escape's length. */
static inline size_t put_escape(const char *at, const char *end, char *&out)
{
    switch (at[1]) {
    case 'b':
        *out++ = '\b';
        return 2;
    case 'f':
        *out++ = '\f';
        return 2;
    case 'n':
        *out++ = '\n';
        return 2;
    case 'r':
        *out++ = '\r';
        return 2;
    case 't':
        *out++ = '\t';
        return 2;
    case 'u':
        break;
    default: /* itself: a quote, a slash, a backslash */
        *out++ = at[1];
        return 2;
    }
    const uint32_t unit = static_cast<uint32_t>(code_unit(at, end));
    if (unit < 0xD800 || unit > 0xDFFF) {
        out = put_character(out, unit);
        return 6;
    }
    const uint32_t low = static_cast<uint32_t>(code_unit(at + 6, end));
    out = put_character(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
    return 12;
}

size_t unescape(std::string_view text, char *out)
{
    const char *const start = out;
    const char *at = text.data();
    const char *const end = at + text.size();
    while (at < end) {
        const size_t left = static_cast<size_t>(end - at);
        const size_t block = left < 64 ? left : 64;
        uint64_t escapes = backslashes(at);
        if (block < 64) {
            escapes &= (uint64_t{1} << block) - 1;
        }
        size_t from = 0; /* in the block: what comes before it is written */
        while (escapes != 0) {
            const size_t place = static_cast<size_t>(__builtin_ctzll(escapes));
            copy_run(out, at + from, place - from);
            out += place - from;
            from = place + put_escape(at + place, end, out);
            escapes = from < 64 ? escapes & ~uint64_t{0} << from : 0;
        }
        if (from < block) {
            copy_run(out, at + from, block - from);
            out += block - from;
            from = block;
        }
        at += from;
    }
    return static_cast<size_t>(out - start);
}

} /* namespace kae */
