/* Times in audit events. */
#ifndef KAE_JSON_TIME_H
#define KAE_JSON_TIME_H

#include <cstdint>
#include <string_view>

namespace kae {

/* Nanoseconds since 1970-01-01T00:00:00Z of an RFC 3339 time with up to nine digits
 * of a second; false for anything else, a leap second included. Years 1678 to 2261.
 * src/k8saudit_eks/rfc3339.py takes the same texts, from 1970 on. */
bool parse_time_ns(std::string_view text, int64_t &ns);

} /* namespace kae */
#endif
