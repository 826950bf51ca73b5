/* The request URI's path and query parameters (RFC 3986; + is a space in queries). */
#ifndef KAE_EXTRACT_URI_H
#define KAE_EXTRACT_URI_H

#include <string_view>

#include "extract_memory.h"

namespace kae {

/* Walks over the parameters of a URI's query, in their order. */
class QueryParameters {
  public:
    explicit QueryParameters(std::string_view uri);

    /* Goes on to the next one; false at the end. */
    bool next();

    /* Whether the decoded name is this one. `scratch` must hold no unfinished text. */
    bool is_named(std::string_view name, Texts &scratch) const;

    /* Still encoded; empty where the parameter has no =. */
    std::string_view value() const { return value_; }

  private:
    std::string_view rest_;
    std::string_view name_;
    std::string_view value_;
};

/* The part before the query, still encoded. */
std::string_view uri_path(std::string_view uri);

/* Appends what is percent-encoded, decoded: ill-formed UTF-8 and NUL as U+FFFD, a %
 * without two hexadecimal digits as it is. */
void put_decoded(Texts &texts, std::string_view encoded, bool plus_is_space);

} /* namespace kae */
#endif
