#include "extract/answers.h"

namespace kae {

bool Answers::init(uint32_t num_fields)
{
    for (uint32_t i = 0; i < num_fields; i++) {
        if (!latest_.push(kNone)) {
            return false;
        }
    }
    return true;
}

uint32_t Answers::latest(uint32_t field_id) const
{
    const uint32_t position = latest_[field_id];
    return position < kept_.size() && kept_[position].field_id == field_id ? position : kNone;
}

const Answer *Answers::find(uint32_t field_id, const Argument &argument) const
{
    for (uint32_t at = latest(field_id); at != kNone; at = kept_[at].previous) {
        const Argument &asked = kept_[at].argument;
        if (asked.present == argument.present && asked.index == argument.index &&
            asked.key == argument.key) {
            return &kept_[at].answer;
        }
    }
    return nullptr;
}

bool Answers::keep(uint32_t field_id, const Argument &argument, const Answer &answer)
{
    Kept kept = {field_id, latest(field_id), argument, answer};
    if (!argument.key.empty()) {
        keys_.put(argument.key);
        kept.argument.key = std::string_view(keys_.finish(), argument.key.size());
    }
    if (keys_.short_of_memory() || !kept_.push(kept)) {
        keys_.recover();
        return false;
    }
    latest_[field_id] = static_cast<uint32_t>(kept_.size() - 1);
    return true;
}

} /* namespace kae */
