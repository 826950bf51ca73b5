#include "extract/extract.h"

#include <cstdio>
#include <cstring>
#include <new>

#include "extract/document.h"
#include "extract/run.h"
#include "extract/program.h"

namespace {

using kae::Load;

/* What tells one event from another. The host may use an address or a number again,
 * but not both for an event of the same time and length before the next reset. */
struct EventKey {
    const struct kae_abi_event *evt;
    uint64_t evtnum;
    uint64_t ts_ns;
    uint32_t len_bytes;
    uint32_t payload_len_bytes;

    bool operator==(const EventKey &other) const
    {
        return evt == other.evt && evtnum == other.evtnum && ts_ns == other.ts_ns &&
               len_bytes == other.len_bytes && payload_len_bytes == other.payload_len_bytes;
    }
};

/* Whether the header is that of a plugin event whose payload lies inside it; all that is
 * ever read of a header. */
inline bool read_key(const struct kae_abi_event_input &input, EventKey &key)
{
    if (input.evt == nullptr || input.evt->type != KAE_ABI_PLUGIN_EVENT_TYPE ||
        input.evt->nparams != KAE_ABI_PLUGIN_EVENT_PARAMS ||
        input.evt->len_bytes < sizeof(struct kae_abi_plugin_event)) {
        return false;
    }
    struct kae_abi_plugin_event event;
    std::memcpy(&event, input.evt, sizeof event);
    key = {input.evt, input.evtnum, event.header.ts_ns, event.header.len_bytes,
           event.payload_len_bytes};
    return event.id_len_bytes == sizeof event.plugin_id &&
           event.payload_len_bytes <= event.header.len_bytes - sizeof event;
}

} /* namespace */

struct kae_extractor {
    kae::Document document;
    kae::Runner runner{document};
    EventKey key = {};
    bool has_event = false; /* key and load are those of the current document */
    Load load = Load::kForeign;
    uint64_t unparsable = 0;
    char error[256] = "";

    kae::Value in_place = {}; /* what answer_in_place answered last */
    kae::Value truth = {"true"};  /* ka.truncated of what is not parsable */

    /* Makes the event that has this header the current one. */
    Load select(const EventKey &wanted);
    /* Most of what rules ask: a field of the current event whose text is one of its
     * strings. False, and nothing done, for anything else. */
    bool answer_in_place(struct kae_abi_extract_field &field);
    bool check(const struct kae_abi_extract_field &field);
};

Load kae_extractor::select(const EventKey &wanted)
{
    const char *payload =
        reinterpret_cast<const char *>(wanted.evt) + sizeof(struct kae_abi_plugin_event);
    runner.begin_event();
    load = document.load(std::string_view(payload, wanted.payload_len_bytes));
    key = wanted;
    has_event = load != Load::kNoMemory;
    unparsable += load == Load::kUnparsable || (has_event && document.is_cut()) ? 1 : 0;
    return load;
}

bool kae_extractor::answer_in_place(struct kae_abi_extract_field &field)
{
    if (field.field_id >= kae_num_programs || load != Load::kAuditEvent) {
        return false;
    }
    const uint16_t node = kae_programs[field.field_id].plain;
    if (node == KAE_NO_NODE) {
        return false;
    }
    switch (document.text_of_node(node, in_place.str)) {
    case kae::Place::kInPlace:
        field.res.str = &in_place.str;
        field.res_len = 1;
        return true;
    case kae::Place::kAbsent:
        field.res.str = nullptr;
        field.res_len = 0;
        return true;
    case kae::Place::kElsewhere:
        break;
    }
    return false;
}

bool kae_extractor::check(const struct kae_abi_extract_field &field)
{
    if (field.field_id >= kae_num_programs) {
        std::snprintf(error, sizeof error, "the host asked for field %u, but there are only %u",
                      static_cast<unsigned>(field.field_id),
                      static_cast<unsigned>(kae_num_programs));
        return false;
    }
    if (kae_programs[field.field_id].arg == KAE_ARG_KEY &&
        (field.arg_present == 0 || field.arg_key == nullptr)) {
        const char *name = field.field != nullptr ? field.field : "the field";
        std::snprintf(error, sizeof error, "%s needs a key in brackets: %s[...]", name, name);
        return false;
    }
    return true;
}

extern "C" {

struct kae_extractor *kae_extractor_new(void)
{
    struct kae_extractor *extractor = new (std::nothrow) kae_extractor;
    if (extractor != nullptr && !(extractor->document.init() && extractor->runner.init())) {
        delete extractor;
        return nullptr;
    }
    return extractor;
}

void kae_extractor_free(struct kae_extractor *extractor)
{
    delete extractor;
}

void kae_extractor_reset(struct kae_extractor *extractor)
{
    extractor->has_event = false;
}

int32_t kae_extract(struct kae_extractor *extractor, const struct kae_abi_event_input *input,
                    struct kae_abi_extract_field *fields, uint32_t num_fields)
{
    extractor->error[0] = '\0';
    EventKey wanted;
    const bool is_event = read_key(*input, wanted);
    const bool is_current = is_event && extractor->has_event && extractor->key == wanted;
    if (is_current && num_fields == 1 && extractor->answer_in_place(fields[0])) {
        return KAE_ABI_SUCCESS;
    }
    kae::Runner &runner = extractor->runner;
    bool all_known = true;
    for (uint32_t i = 0; i < num_fields; i++) {
        fields[i].res_len = 0;
        fields[i].res.str = nullptr;
        all_known = all_known && extractor->check(fields[i]);
    }
    if (!all_known) {
        return KAE_ABI_FAILURE;
    }
    Load load = extractor->load;
    if (!is_event) {
        extractor->has_event = false;
        load = Load::kForeign;
    } else if (!is_current) {
        load = extractor->select(wanted);
    }
    bool complete = load != Load::kNoMemory;
    for (uint32_t i = 0; i < num_fields && load == Load::kUnparsable; i++) {
        if (kae_programs[fields[i].field_id].shape == KAE_SHAPE_TRUNCATED) {
            fields[i].res.str = &extractor->truth.str;
            fields[i].res_len = 1;
        }
    }
    for (uint32_t i = 0; i < num_fields && complete && load == Load::kAuditEvent; i++) {
        const uint8_t arg = kae_programs[fields[i].field_id].arg;
        kae::Argument argument = {};
        if (arg == KAE_ARG_KEY) {
            argument.key = std::string_view(fields[i].arg_key);
        } else if (arg == KAE_ARG_INDEX && fields[i].arg_present != 0) {
            argument.present = true;
            argument.index = fields[i].arg_index;
        }
        const kae::Answer answer =
            runner.answer(fields[i].field_id, argument, extractor->key.ts_ns);
        complete = !runner.short_of_memory();
        if (complete && answer.count != 0) {
            fields[i].res.str = &answer.values->str;
            fields[i].res_len = answer.count;
        }
    }
    if (!complete) {
        for (uint32_t i = 0; i < num_fields; i++) {
            fields[i].res_len = 0;
        }
        std::snprintf(extractor->error, sizeof extractor->error,
                      "memory ran out while fields were extracted");
        return KAE_ABI_FAILURE;
    }
    return KAE_ABI_SUCCESS;
}

const char *kae_extractor_error(const struct kae_extractor *extractor)
{
    return extractor->error;
}

uint64_t kae_extractor_unparsable(const struct kae_extractor *extractor)
{
    return extractor->unparsable;
}

} /* extern "C" */
