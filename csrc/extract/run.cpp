#include "extract/run.h"

namespace kae {

void Runner::add(const char *text)
{
    Value value;
    value.str = text;
    values_.put(value);
    done_ = program_->is_list == 0;
}

void Runner::add_number(uint64_t number)
{
    Value value;
    value.u64 = number;
    values_.put(value);
    done_ = true;
}

Answer Runner::answer(uint32_t field_id, const Argument &argument, uint64_t event_time_ns)
{
    if (failed_) { /* the answer before this one */
        failed_ = false;
        texts_.recover();
        values_.recover();
    }
    const Answer *known = answers_.find(field_id, argument);
    if (known != nullptr) {
        return *known;
    }
    scratch_.clear();
    renderer_.clear();
    program_ = &kae_programs[field_id];
    argument_ = argument;
    event_time_ns_ = event_time_ns;
    run();
    const size_t count = values_.size();
    const Answer answer = {values_.finish(), count};
    failed_ = failed_ || values_.short_of_memory() || scratch_.short_of_memory() ||
              renderer_.short_of_memory() || !answers_.keep(field_id, argument, answer);
    return answer;
}

void Runner::run()
{
    instead_ = nullptr;
    done_ = false;
    visited_ = false;
    matched_ = false;
    if (program_->guards.count != 0 && !document_.holds(program_->guards)) {
        return;
    }
    for (uint16_t i = 0; i < program_->paths.count && !is_done(); i++) {
        const struct kae_path &path = kae_paths[program_->paths.first + i];
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
            found = document_.member(value, view(op->name), value);
            break;
        case KAE_OP_MEMBER_ANY_CASE:
            found = document_.member_any_case(value, view(op->name), value);
            break;
        case KAE_OP_KEY_MEMBER:
            found = document_.member(value, argument_.key, value);
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
            found = document_.member(value, view(op->name), other) && document_.string(other, text) &&
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
    case KAE_SHAPE_CAPABILITY:
        visit_capability(value);
        return;
    case KAE_SHAPE_HOST_PATH:
    case KAE_SHAPE_HOST_PATH_PREFIXES:
        visit_host_path(value);
        return;
    case KAE_SHAPE_COLON_JOINED:
        visit_colon_joined(value);
        return;
    case KAE_SHAPE_MEMBER_NAMES:
        visit_member_names(value);
        return;
    case KAE_SHAPE_ANY_TRUE:
    case KAE_SHAPE_TRUNCATED: {
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
    case KAE_SHAPE_QUERY_REFUSED:
        add(has_too_many_parameters(value) ? "true" : "false");
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
    case KAE_SHAPE_TRUNCATED: {
        const element *uri = document_.node(program_->fallback);
        matched_ = matched_ || document_.is_cut() ||
                   (uri != nullptr && has_too_many_parameters(*uri));
        add(matched_ ? "true" : "false");
        return;
    }
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
        if (!document_.member(value, view(ops[i].name), value)) {
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

} /* namespace kae */
