/* JSON Pointers (RFC 6901). */
#ifndef KAE_EXTRACT_POINTER_H
#define KAE_EXTRACT_POINTER_H

#include <string_view>

#include "extract_document.h"

namespace kae {

/* What the pointer reaches from `value`; false if that is absent, JSON null, or the
 * pointer is malformed. simdjson's at_pointer allocates, recurses, and lets an index
 * of more than 64 bits wrap round. */
bool follow_pointer(element value, std::string_view pointer, element &out);

} /* namespace kae */
#endif
