/* The request URI's path and query parameters (RFC 3986; + is a space in queries). */
#ifndef KAE_EXTRACT_URI_H
#define KAE_EXTRACT_URI_H

#include <string_view>

#include "json/memory.h"

namespace kae {

/*
 * Walks over the parameters of a URI's query, in their order, as the API server's Go reads
 * them (net/url.ParseQuery): a pair with a ; or a % without two hexadecimal digits is
 * passed over. Above 10,000 parameters there are none: newer API servers refuse such a
 * query as a whole (CVE-2025-61726), older ones obey it, and nobody can tell which.
 */
class QueryParameters {
  public:
    explicit QueryParameters(std::string_view uri);

    /* Whether there are more than 10,000. */
    bool are_refused() const { return refused_; }

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
    bool refused_ = false;
};

/* The part before the query, still encoded. */
std::string_view uri_path(std::string_view uri);

/* Appends what is percent-encoded, decoded: ill-formed UTF-8 and NUL as U+FFFD, a %
 * without two hexadecimal digits as it is. */
void put_decoded(Texts &texts, std::string_view encoded, bool plus_is_space);

} /* namespace kae */
#endif
