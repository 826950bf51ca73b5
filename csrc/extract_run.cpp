#include "extract_run.h"

#include "extract_time.h"
#include "extract_uri.h"
#include "extract_utf8.h"

namespace kae {

static const uint64_t kNsPerMs = 1000000;

void Runner::clear()
{
    texts_.clear();
    scratch_.clear();
    renderer_.clear();
    values_.clear();
    failed_ = false;
}

bool Runner::short_of_memory() const
{
    return failed_ || renderer_.short_of_memory() || scratch_.short_of_memory();
}

void Runner::add(const char *text)
{
    Value value;
    value.str = text;
    failed_ = failed_ || !values_.push(value);
    done_ = program_->is_list == 0;
}

void Runner::add_number(uint64_t number)
{
    Value value;
    value.u64 = number;
    failed_ = failed_ || !values_.push(value);
    done_ = true;
}

void Runner::run(const struct kae_program &program, const Argument &argument,
                 uint64_t event_time_ns)
{
    program_ = &program;
    argument_ = argument;
    event_time_ns_ = event_time_ns;
    done_ = false;
    visited_ = false;
    matched_ = false;
    if (program.guards.count != 0 && !document_.holds(program.guards)) {
        return;
    }
    for (uint16_t i = 0; i < program.paths.count && !is_done(); i++) {
        const struct kae_path &path = kae_paths[program.paths.first + i];
        const element *start = document_.node(path.node);
        if (start != nullptr) {
            const struct kae_op *ops = kae_ops + path.ops.first;
            walk(*start, ops, ops + path.ops.count);
        }
    }
    finish();
}

/* Recurses once an op that reaches several elements, so as deep as a program is long. */
void Runner::walk(element value, const struct kae_op *op, const struct kae_op *end)
{
    for (; op != end; op++) {
        bool found = true;
        switch (op->code) {
        case KAE_OP_MEMBER:
            found = member(value, view(op->name), value);
            break;
        case KAE_OP_MEMBER_ANY_CASE:
            found = member_any_case(value, view(op->name), value);
            break;
        case KAE_OP_KEY_MEMBER:
            found = member(value, argument_.key, value);
            break;
        case KAE_OP_INDEX:
            found = element_at(value, op->index, value);
            break;
        case KAE_OP_EACH:
            walk_each(value, op + 1, end);
            return;
        case KAE_OP_EACH_OR_INDEX:
            if (!argument_.present) {
                walk_each(value, op + 1, end);
                return;
            }
            found = element_at(value, argument_.index, value);
            break;
        case KAE_OP_WHOLE_OR_INDEX:
            found = !argument_.present || element_at(value, argument_.index, value);
            break;
        case KAE_OP_WHERE: {
            element other;
            std::string_view text;
            found = member(value, view(op->name), other) && document_.string(other, text) &&
                    text == view(op->value);
            break;
        }
        }
        if (!found) {
            return;
        }
    }
    visit(value);
}

void Runner::walk_each(element value, const struct kae_op *op, const struct kae_op *end)
{
    simdjson::dom::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
        return;
    }
    for (element item : array) {
        if (!item.is_null()) {
            walk(item, op, end);
        }
        if (is_done() || failed_) {
            return;
        }
    }
}

void Runner::visit(element value)
{
    visited_ = true;
    switch (program_->shape) {
    case KAE_SHAPE_TEXT:
        visit_text(value);
        return;
    case KAE_SHAPE_JOINED:
        visit_joined(value);
        return;
    case KAE_SHAPE_REPOSITORY:
        visit_repository(value);
        return;
    case KAE_SHAPE_COLON_JOINED:
        visit_colon_joined(value);
        return;
    case KAE_SHAPE_MEMBER_NAMES:
        visit_member_names(value);
        return;
    case KAE_SHAPE_ANY_TRUE:
    case KAE_SHAPE_IS_TRUE: {
        bool truth = false;
        matched_ = matched_ || (first_part(value, value) &&
                                value.get_bool().get(truth) == simdjson::SUCCESS && truth);
        return;
    }
    case KAE_SHAPE_ANY_MATCHES_KEY:
        visit_match(value);
        return;
    case KAE_SHAPE_QUERY_PARAMETER:
    case KAE_SHAPE_QUERY_VALUES:
    case KAE_SHAPE_QUERY_VALUES_JOINED:
        visit_query(value);
        return;
    case KAE_SHAPE_URI_PATH:
        visit_uri_path(value);
        return;
    case KAE_SHAPE_MILLISECONDS_AFTER_EVENT:
    case KAE_SHAPE_MILLISECONDS_BETWEEN:
        elapsed(value);
        return;
    case KAE_SHAPE_POINTER:
        visit_pointer(value);
        return;
    }
}

/* What a shape can only say once every node has been visited. */
void Runner::finish()
{
    switch (program_->shape) {
    case KAE_SHAPE_ALWAYS_TRUE:
        add("true");
        return;
    case KAE_SHAPE_IS_TRUE:
        add(matched_ ? "true" : "false");
        return;
    case KAE_SHAPE_ANY_TRUE:
    case KAE_SHAPE_ANY_MATCHES_KEY:
        if (visited_) {
            add(matched_ ? "true" : "false");
        }
        return;
    default:
        return;
    }
}

/* Follows a relative path, which reaches one element at most. */
bool Runner::follow(element value, const struct kae_path &path, element &out)
{
    const struct kae_op *ops = kae_ops + path.ops.first;
    for (uint16_t i = 0; i < path.ops.count; i++) {
        if (!member(value, view(ops[i].name), value)) {
            return false;
        }
    }
    out = value;
    return true;
}

bool Runner::part(element value, uint16_t number, element &out)
{
    return follow(value, kae_paths[program_->parts.first + number], out);
}

bool Runner::first_part(element value, element &out)
{
    if (program_->parts.count == 0) {
        out = value;
        return true;
    }
    for (uint16_t i = 0; i < program_->parts.count; i++) {
        if (part(value, i, out)) {
            return true;
        }
    }
    return false;
}

void Runner::visit_text(element value)
{
    if (first_part(value, value)) {
        add(renderer_.text(value));
        return;
    }
    const element *fallback =
        program_->fallback != KAE_NO_NODE ? document_.node(program_->fallback) : nullptr;
    if (fallback != nullptr) {
        add(renderer_.text(*fallback));
    } else if (program_->default_text != nullptr) {
        add(program_->default_text);
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
    repeated_.clear();
    failed_ = failed_ || !renderer_.repeated_members(object, repeated_);
    size_t next_repeated = 0;
    for (auto field : object) {
        if (next_repeated < repeated_.size() && field.key.data() == repeated_[next_repeated]) {
            next_repeated++;
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

/* Whether a member's name is the token of a JSON Pointer (~0 is ~, ~1 is /). */
static bool is_token(std::string_view name, std::string_view token)
{
    size_t at = 0;
    for (size_t i = 0; i < token.size(); i++, at++) {
        char c = token[i];
        if (c == '~') {
            i++;
            c = token[i] == '0' ? '~' : '/';
        }
        if (at >= name.size() || name[at] != c) {
            return false;
        }
    }
    return at == name.size();
}

static bool is_valid_token(std::string_view token)
{
    for (size_t i = 0; i < token.size(); i++) {
        if (token[i] == '~') {
            i++;
            if (i == token.size() || (token[i] != '0' && token[i] != '1')) {
                return false;
            }
        }
    }
    return true;
}

static bool pointer_index(std::string_view token, uint64_t &index)
{
    if (token.empty() || token.size() > 18 || (token.size() > 1 && token[0] == '0')) {
        return false;
    }
    index = 0;
    for (const char c : token) {
        if (c < '0' || c > '9') {
            return false;
        }
        index = index * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
}

static bool pointer_step(element value, std::string_view token, element &out)
{
    simdjson::dom::object object;
    uint64_t index;
    if (value.get_object().get(object) == simdjson::SUCCESS) {
        const auto end = object.end();
        for (auto field = object.begin(); field != end; ++field) {
            if (is_token(field.key(), token)) {
                out = field.value();
                return !out.is_null();
            }
        }
        return false;
    }
    return pointer_index(token, index) && element_at(value, index, out);
}

void Runner::visit_pointer(element value)
{
    std::string_view rest = argument_.key;
    while (!rest.empty()) {
        if (rest[0] != '/') {
            return;
        }
        rest.remove_prefix(1);
        const std::string_view token = rest.substr(0, rest.find('/'));
        rest.remove_prefix(token.size());
        if (!is_valid_token(token) || !pointer_step(value, token, value)) {
            return;
        }
    }
    add(renderer_.text(value));
}

} /* namespace kae */
