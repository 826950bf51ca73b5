#include "extract/extract.h"

#include <cstdio>
#include <cstring>
#include <new>

#include "extract/document.h"
#include "extract/run.h"
#include "extract/program.h"

namespace {

using kae::Load;

/* The start of every event, and what follows it in a plugin's. */
const size_t kStartBytes = sizeof(struct kae_abi_event);
const size_t kRestBytes = sizeof(struct kae_abi_plugin_event) - kStartBytes;

/* What tells one event from another. The host may use an address or a number again,
 * but not both for an event with the same header before the next reset. */
struct EventKey {
    const struct kae_abi_event *evt = nullptr;
    uint64_t evtnum = 0;
    struct kae_abi_plugin_event header = {};

    /* Reads the input's header. False if it is none of a plugin event whose payload lies
     * inside it. */
    bool read(const struct kae_abi_event_input &input)
    {
        evt = input.evt;
        evtnum = input.evtnum;
        if (evt == nullptr || evt->type != KAE_ABI_PLUGIN_EVENT_TYPE ||
            evt->nparams != KAE_ABI_PLUGIN_EVENT_PARAMS || evt->len_bytes < sizeof header) {
            return false;
        }
        std::memcpy(&header, evt, sizeof header);
        return header.id_len_bytes == sizeof header.plugin_id &&
               header.payload_len_bytes <= header.header.len_bytes - sizeof header;
    }

    /* Whether the input has this header, which was read before and was a plugin event's.
     * What follows the start is there if the start, with its length, is the same. */
    bool is_of(const struct kae_abi_event_input &input) const
    {
        const char *ours = reinterpret_cast<const char *>(&header);
        const char *theirs = reinterpret_cast<const char *>(input.evt);
        return input.evt == evt && input.evtnum == evtnum &&
               std::memcmp(theirs, ours, kStartBytes) == 0 &&
               std::memcmp(theirs + kStartBytes, ours + kStartBytes, kRestBytes) == 0;
    }
};

} /* namespace */

struct kae_extractor {
    kae::Document document;
    kae::Runner runner{document};
    EventKey key;
    bool has_event = false; /* key and load are those of the current document */
    Load load = Load::kForeign;
    uint64_t unparsable = 0;
    char error[256] = "";

    kae::Value in_place = {}; /* what answer_in_place answered last */
    kae::Value truth = {"true"};  /* ka.truncated of what is not parsable */

    bool is_current(const struct kae_abi_event_input &input) const
    {
        return has_event && key.is_of(input);
    }
    /* Makes the input's event, which is not the current one, the current one. */
    Load select(const struct kae_abi_event_input &input);
    /* Most of what rules ask: a field of the current event whose text is one of its
     * strings. False, and nothing done, for anything else. */
    bool answer_in_place(struct kae_abi_extract_field &field);
    bool check(const struct kae_abi_extract_field &field);
};

Load kae_extractor::select(const struct kae_abi_event_input &input)
{
    has_event = false;
    if (!key.read(input)) {
        return Load::kForeign;
    }
    const char *payload =
        reinterpret_cast<const char *>(input.evt) + sizeof(struct kae_abi_plugin_event);
    runner.begin_event();
    load = document.load(std::string_view(payload, key.header.payload_len_bytes));
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
    const bool is_current = extractor->is_current(*input);
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
    const Load load = is_current ? extractor->load : extractor->select(*input);
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
            runner.answer(fields[i].field_id, argument, extractor->key.header.header.ts_ns);
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
