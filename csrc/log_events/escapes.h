/* Escapes of JSON's strings (RFC 8259, section 7). */
#ifndef KAE_LOG_EVENTS_ESCAPES_H
#define KAE_LOG_EVENTS_ESCAPES_H

#include <cstddef>
#include <string_view>

namespace kae {

/*
 * Whether each escape stands for one character: none is unknown, none is half of a
 * surrogate pair. `text` is what stands between the quotes of a string whose end simdjson
 * found; the byte behind it, which is the quote, may be read.
 */
bool has_valid_escapes(std::string_view text);

/* What unescape() may read behind the text, and write behind what it writes. */
inline constexpr size_t kUnescapePaddingBytes = 64;

/*
 * Writes the characters of such a text; returns how many bytes. They are never more than
 * the text has. simdjson's own goes from escape to escape, each of which waits for the one
 * before: audit events are JSON in a JSON string, an escape every 15 bytes, and it took two
 * thirds of the time that framing took. bench/poller.py measures the whole.
 */
size_t unescape(std::string_view text, char *out);

} /* namespace kae */
#endif
