#include "log_events/escapes.h"

#include <cstdint>
#include <cstring>

namespace kae {

/* Compilers turn operators on it into whatever vectors the machine has. */
typedef uint8_t Vector __attribute__((vector_size(16)));

static const size_t kBlockBytes = 4 * sizeof(Vector);

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

} /* namespace kae */
