/* Escapes of JSON's strings (RFC 8259, section 7). */
#ifndef KAE_LOG_EVENTS_ESCAPES_H
#define KAE_LOG_EVENTS_ESCAPES_H

#include <string_view>

namespace kae {

/*
 * Whether each escape stands for one character: none is unknown, none is half of a
 * surrogate pair. `text` is what stands between the quotes of a string whose end simdjson
 * found; the byte behind it, which is the quote, may be read.
 */
bool has_valid_escapes(std::string_view text);

} /* namespace kae */
#endif
