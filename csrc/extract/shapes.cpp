/* How each shape (model.py's Shape) makes values from an element. */
#include <algorithm>

#include "json/ascii.h"
#include "extract/pointer.h"
#include "extract/run.h"
#include "json/time.h"
#include "extract/uri.h"
#include "json/utf8.h"

namespace kae {

static const uint64_t kNsPerMs = 1000000;
static const size_t kMaxPrefixLevels = 8; /* as in model.py */

void Runner::visit_text(element value)
{
    if (first_part(value, value)) {
        add(renderer_.text(value));
        return;
    }
    if (instead_ == nullptr) {
        const element *fallback =
            program_->fallback != KAE_NO_NODE ? document_.node(program_->fallback) : nullptr;
        instead_ = fallback != nullptr ? renderer_.text(*fallback) : program_->default_text;
    }
    if (instead_ != nullptr) {
        add(instead_);
    }
}

void Runner::visit_joined(element value)
{
    simdjson::dom::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
        add(renderer_.text(value));
        return;
    }
    bool first = true;
    for (element item : array) {
        if (item.is_null()) {
            continue;
        }
        if (!first) {
            texts_.put(' ');
        }
        first = false;
        renderer_.put_text(item);
    }
    add(texts_.finish());
}

/* The digest starts at the first @, the tag at a colon behind the last slash; a colon
 * before that belongs to the registry's port. */
void Runner::visit_repository(element value)
{
    std::string_view image;
    if (!document_.string(value, image)) {
        return;
    }
    image = image.substr(0, image.find('@'));
    const size_t slash = image.rfind('/');
    const size_t colon = image.find(':', slash == std::string_view::npos ? 0 : slash);
    put_without_nul(texts_, image.substr(0, colon));
    add(texts_.finish());
}

void Runner::visit_capability(element value)
{
    static const std::string_view kPrefix = "CAP_";
    std::string_view name;
    if (!document_.string(value, name)) {
        add(renderer_.text(value));
        return;
    }
    if (is_same_any_case(name.substr(0, kPrefix.size()), kPrefix)) {
        name.remove_prefix(kPrefix.size());
    }
    for (const char c : name) {
        const char upper = upper_case(c);
        put_without_nul(texts_, std::string_view(&upper, 1));
    }
    add(texts_.finish());
}

/* The next segment of a path that is neither empty nor "."; false at its end. */
static bool next_segment(std::string_view &path, std::string_view &segment)
{
    while (!path.empty()) {
        segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size() < path.size() ? segment.size() + 1 : path.size());
        if (!segment.empty() && segment != ".") {
            return true;
        }
    }
    return false;
}

void Runner::add_host_path(std::string_view path, size_t num_levels)
{
    std::string_view segment;
    texts_.put('/');
    for (size_t i = 0; i < num_levels; i++) {
        next_segment(path, segment);
        if (i != 0) {
            texts_.put('/');
        }
        put_without_nul(texts_, segment);
    }
    add(texts_.finish());
}

void Runner::visit_host_path(element value)
{
    std::string_view path;
    if (!document_.string(value, path)) {
        add(renderer_.text(value));
        return;
    }
    std::string_view rest = path;
    std::string_view segment;
    size_t num_levels = 0;
    while (next_segment(rest, segment)) {
        num_levels++;
    }
    const bool prefixes = program_->shape == KAE_SHAPE_HOST_PATH_PREFIXES;
    const size_t last = prefixes ? std::min(num_levels, kMaxPrefixLevels) : num_levels;
    for (size_t level = prefixes ? 0 : last; level <= last; level++) {
        add_host_path(path, level);
    }
    if (last < num_levels) {
        add_host_path(path, num_levels);
    }
}

void Runner::visit_colon_joined(element value)
{
    element item;
    for (uint16_t i = 0; i < program_->parts.count; i++) {
        if (!part(value, i, item)) {
            texts_.abandon();
            return;
        }
        if (i != 0) {
            texts_.put(':');
        }
        renderer_.put_text(item);
    }
    add(texts_.finish());
}

void Runner::visit_member_names(element value)
{
    simdjson::dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        return;
    }
    shadowed_.clear();
    failed_ = failed_ ||
              !renderer_.shadowed_members(object, document_.last_counts(), shadowed_);
    size_t position = 0;
    size_t next_shadowed = 0;
    for (auto field : object) {
        const size_t place = position++;
        if (next_shadowed < shadowed_.size() && place == shadowed_[next_shadowed]) {
            next_shadowed++;
            continue;
        }
        bool listed = false;
        for (uint16_t i = 0; i < program_->parts.count; i++) {
            const struct kae_path &path = kae_paths[program_->parts.first + i];
            listed = listed || field.key == view(kae_ops[path.ops.first].name);
        }
        if (!listed && !field.value.is_null()) {
            put_without_nul(texts_, field.key);
            add(texts_.finish());
        }
    }
}

void Runner::visit_match(element value)
{
    std::string_view text;
    if (!first_part(value, value) || !document_.string(value, text)) {
        return;
    }
    std::string_view key = argument_.key;
    if (!key.empty() && key.back() == '*') {
        key.remove_suffix(1);
        matched_ = matched_ || text.substr(0, key.size()) == key;
    } else {
        matched_ = matched_ || text == key;
    }
}

void Runner::visit_query(element value)
{
    std::string_view uri;
    if (!document_.string(value, uri)) {
        return;
    }
    const bool joined = program_->shape == KAE_SHAPE_QUERY_VALUES_JOINED;
    std::string_view name = argument_.key;
    if (program_->parts.count != 0) {
        name = view(kae_ops[kae_paths[program_->parts.first].ops.first].name);
    }
    bool found = false;
    QueryParameters parameters(uri);
    while (!is_done() && parameters.next()) {
        if (!parameters.is_named(name, scratch_)) {
            continue;
        }
        if (joined && found) {
            texts_.put(' ');
        }
        found = true;
        put_decoded(texts_, parameters.value(), true);
        if (!joined) {
            add(texts_.finish());
        }
    }
    if (joined && found) {
        add(texts_.finish());
    }
}

bool Runner::has_too_many_parameters(element uri) const
{
    std::string_view text;
    return document_.string(uri, text) && QueryParameters(text).are_refused();
}

void Runner::visit_uri_path(element value)
{
    std::string_view uri;
    if (document_.string(value, uri)) {
        put_decoded(texts_, uri_path(uri), false);
        add(texts_.finish());
    }
}

void Runner::elapsed(element value)
{
    if (program_->shape == KAE_SHAPE_MILLISECONDS_AFTER_EVENT) {
        uint64_t time_ms;
        if (value.get_uint64().get(time_ms) == simdjson::SUCCESS) {
            const uint64_t event_ms = event_time_ns_ / kNsPerMs;
            add_number(time_ms > event_ms ? time_ms - event_ms : 0);
        }
        return;
    }
    const element *start = document_.node(program_->fallback);
    std::string_view text;
    int64_t start_ns;
    int64_t end_ns;
    if (start != nullptr && document_.string(*start, text) && parse_time_ns(text, start_ns) &&
        document_.string(value, text) && parse_time_ns(text, end_ns)) {
        const uint64_t elapsed_ns =
            static_cast<uint64_t>(end_ns) - static_cast<uint64_t>(start_ns);
        add_number(end_ns > start_ns ? elapsed_ns / kNsPerMs : 0);
    }
}

void Runner::visit_pointer(element value)
{
    if (argument_.key.empty()) {
        add(renderer_.event_text(value));
    } else if (follow_pointer(value, argument_.key, document_.last_counts(), value)) {
        add(renderer_.text(value));
    }
}

} /* namespace kae */
