#include "extract/document.h"

#include <cstring>
#include <new>

#include "json/ascii.h"

namespace kae {

/* simdjson refuses what reaches its limit. */
static const size_t kMaxDepth = KAE_CUT_MAX_OPEN + 1;
static const size_t kFirstCapacityBytes = 64 * 1024;
/* Zeros behind the payload, which simdjson reads. */
static const size_t kPaddingBytes = simdjson::SIMDJSON_PADDING;
/* simdjson's own buffers begin at the start of a page. A payload a little way into one is
 * never read at the same place of a page as they are written, which processors take for
 * the same address at first; a parse cost up to a tenth more, as the heap happened to lie. */
static const size_t kPageBytes = 4096;
static const size_t kIntoPageBytes = 1024;

Document::~Document()
{
    std::free(memos_);
    std::free(block_);
}

bool Document::init()
{
    const size_t size = kae_num_nodes * sizeof(Memo);
    memos_ = static_cast<Memo *>(std::malloc(size));
    if (memos_ == nullptr) {
        return false;
    }
    for (uint32_t i = 0; i < kae_num_nodes; i++) {
        new (&memos_[i]) Memo{element(), nullptr, 0, 0, false};
    }
    index_top_level();
    return reserve(kFirstCapacityBytes);
}

/* Room for a payload of that length; grows by doubling, so that a series of ever
 * longer events allocates seldom. */
bool Document::reserve(size_t len_bytes)
{
    if (len_bytes <= capacity_) {
        return true;
    }
    size_t capacity = capacity_ != 0 ? capacity_ : kFirstCapacityBytes;
    while (capacity < len_bytes) {
        capacity *= 2;
    }
    std::free(block_);
    capacity_ = 0;
    const size_t needed = kIntoPageBytes + capacity + kPaddingBytes;
    const size_t pages = (needed + kPageBytes - 1) / kPageBytes;
    block_ = static_cast<char *>(std::aligned_alloc(kPageBytes, pages * kPageBytes));
    if (block_ == nullptr) {
        return false;
    }
    bytes_ = block_ + kIntoPageBytes;
    if (parser_.allocate(capacity, kMaxDepth) != simdjson::SUCCESS) {
        return false;
    }
    capacity_ = capacity;
    return true;
}

void Document::next_generation()
{
    if (++generation_ == 0) { /* wrapped round: old memos must not look current */
        for (uint32_t i = 0; i < kae_num_nodes; i++) {
            memos_[i].generation = 0;
        }
        generation_ = 1;
    }
}

/* Whether an escape \u0000 stands anywhere: no other way leads a NUL into a string. */
static bool holds_nul_escape(const char *bytes, size_t len_bytes)
{
    const char *end = bytes + len_bytes;
    const char *at = bytes;
    for (;;) {
        at = static_cast<const char *>(std::memchr(at, '\\', static_cast<size_t>(end - at)));
        if (at == nullptr) {
            return false;
        }
        if (std::memcmp(at + 1, "u0000", 5) == 0) { /* the padding may be read */
            return true;
        }
        at++;
    }
}

/* Parses what stands in bytes_. */
simdjson::error_code Document::parse_bytes(size_t len_bytes)
{
    std::memset(bytes_ + len_bytes, 0, kPaddingBytes);
    return parser_.parse(bytes_, len_bytes, false).get(root_);
}

/* As it stands; else repaired; else that, cut before the token that no parser takes. */
simdjson::error_code Document::parse(std::string_view payload)
{
    repaired_ = false;
    is_cut_ = false;
    if (!reserve(payload.size())) {
        return simdjson::MEMALLOC;
    }
    std::memcpy(bytes_, payload.data(), payload.size());
    simdjson::error_code error = parse_bytes(payload.size());
    may_hold_nul_ = holds_nul_escape(bytes_, payload.size());
    if (error == simdjson::SUCCESS || error == simdjson::MEMALLOC) {
        return error;
    }
    if (!reserve(repaired_len_bytes(payload) + sizeof cut_.closers)) {
        return simdjson::MEMALLOC;
    }
    repaired_ = true;
    const size_t len_bytes = repair(payload, bytes_);
    error = parse_bytes(len_bytes);
    if (error == simdjson::SUCCESS || error == simdjson::MEMALLOC ||
        kae_cut_json(reinterpret_cast<uint8_t *>(bytes_), len_bytes, &cut_) == 0) {
        return error;
    }
    is_cut_ = true;
    std::memcpy(bytes_ + cut_.end_bytes, cut_.closers, cut_.closers_len_bytes);
    return parse_bytes(cut_.end_bytes + cut_.closers_len_bytes);
}

Load Document::load(std::string_view payload)
{
    next_generation();
    const simdjson::error_code error = parse(payload);
    if (error != simdjson::SUCCESS) {
        return error == simdjson::MEMALLOC ? Load::kNoMemory : Load::kUnparsable;
    }
    find_top_level();
    last_counts_ = is_patch();
    return audit_id_ != 0 && node(audit_id_) != nullptr ? Load::kAuditEvent
                                                        : Load::kUnparsable;
}

static size_t slot_of(std::string_view name)
{
    const unsigned char first = name.empty() ? 0 : static_cast<unsigned char>(name[0]);
    return (name.size() + first * 7u) % kTopLevelSlots;
}

void Document::index_top_level()
{
    for (uint32_t i = 1; i < kae_num_nodes; i++) {
        if (kae_nodes[i].kind == KAE_NODE_MEMBER && kae_nodes[i].parent == 0) {
            uint16_t &slot = slots_[slot_of(view(kae_nodes[i].name))];
            memos_[i].next_in_slot = slot;
            slot = static_cast<uint16_t>(i);
            if (view(kae_nodes[i].name) == "auditID") {
                audit_id_ = slot;
            } else if (view(kae_nodes[i].name) == "verb") {
                verb_ = slot;
            }
        }
    }
}

/* Resolves all nodes right below the root in one walk over the event: rules ask for
 * most of them. */
void Document::find_top_level()
{
    simdjson::dom::object object;
    if (root_.get_object().get(object) != simdjson::SUCCESS) {
        return;
    }
    const auto end = object.end();
    for (auto field = object.begin(); field != end; ++field) {
        const std::string_view name(field.key_c_str(), field.key_length());
        for (uint16_t id = slots_[slot_of(name)]; id != 0; id = memos_[id].next_in_slot) {
            Memo &memo = memos_[id];
            if (memo.generation != generation_ && name == view(kae_nodes[id].name)) {
                memo.generation = generation_;
                memo.text = nullptr;
                memo.value = field.value();
                memo.found = !memo.value.is_null();
                break;
            }
        }
    }
}

bool Document::is_patch()
{
    const element *verb = verb_ != 0 ? node(verb_) : nullptr;
    std::string_view text;
    return verb != nullptr && string(*verb, text) && text == "patch";
}

void Document::resolve(uint16_t id, Memo &memo)
{
    const struct kae_node &place = kae_nodes[id];
    memo.generation = generation_;
    memo.text = nullptr;
    memo.found = false;
    switch (place.kind) {
    case KAE_NODE_ROOT:
        memo.value = root_;
        memo.found = true;
        return;
    case KAE_NODE_MEMBER: {
        if (place.parent == 0) {
            return; /* find_top_level did not meet it */
        }
        const element *parent = node(place.parent);
        memo.found = parent != nullptr && member(*parent, view(place.name), memo.value);
        return;
    }
    case KAE_NODE_CHOICE:
        for (uint16_t i = 0; i < place.choices.count && !memo.found; i++) {
            const struct kae_choice &choice = kae_choices[place.choices.first + i];
            const element *found = holds(choice.guards) ? node(choice.node) : nullptr;
            if (found != nullptr) {
                memo.value = *found;
                memo.found = true;
            }
        }
        return;
    }
}

bool Document::holds(struct kae_range guards)
{
    for (uint16_t i = 0; i < guards.count; i++) {
        const struct kae_guard &guard = kae_guards[guards.first + i];
        const element *value = node(guard.node);
        bool met = guard.values.count == 0 && value == nullptr;
        std::string_view text;
        if (value != nullptr && string(*value, text)) {
            for (uint16_t n = 0; n < guard.values.count; n++) {
                met = met || text == view(kae_guard_values[guard.values.first + n]);
            }
        }
        if (met == (guard.negated != 0)) {
            return false;
        }
    }
    return true;
}

bool Document::member(element value, std::string_view name, element &out) const
{
    simdjson::dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        return false;
    }
    if (last_counts_) {
        const auto matches = [name](std::string_view key) { return key == name; };
        return find_member(object, true, matches, out);
    }
    element found;
    if (object.at_key(name).get(found) != simdjson::SUCCESS || found.is_null()) {
        return false;
    }
    out = found;
    return true;
}

bool Document::member_any_case(element value, std::string_view name, element &out) const
{
    simdjson::dom::object object;
    const auto matches = [name](std::string_view key) { return is_same_any_case(key, name); };
    return value.get_object().get(object) == simdjson::SUCCESS &&
           find_member(object, last_counts_, matches, out);
}

bool element_at(element value, uint64_t index, element &out)
{
    simdjson::dom::array array;
    element found;
    if (value.get_array().get(array) != simdjson::SUCCESS ||
        array.at(index).get(found) != simdjson::SUCCESS || found.is_null()) {
        return false;
    }
    out = found;
    return true;
}

} /* namespace kae */
