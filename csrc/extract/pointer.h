/* JSON Pointers (RFC 6901). */
#ifndef KAE_EXTRACT_POINTER_H
#define KAE_EXTRACT_POINTER_H

#include <string_view>

#include "extract/document.h"

namespace kae {

/* What the pointer reaches from the root; false if that is absent, JSON null, or the
 * pointer is malformed. Of several members with one name the first counts, below the
 * root the last one if last_counts. simdjson's at_pointer allocates, recurses, and lets
 * an index of more than 64 bits wrap round. */
bool follow_pointer(element root, std::string_view pointer, bool last_counts, element &out);

} /* namespace kae */
#endif
