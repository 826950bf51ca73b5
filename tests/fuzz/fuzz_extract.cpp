/*
 * A libFuzzer target: any bytes as an event's payload, every field asked of it.
 *
 * What must hold for all of them: extraction succeeds; a field that is no list has
 * one value at most; every string is UTF-8; the same question gets the same answer; the
 * auditID is answered, or it is counted that it could not be and ka.truncated is true,
 * and of what is cut both; and the next event is answered as if this one had never been.
 */
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "extract/extract.h"
#include "extract/program.h"

#define HOLDS(condition)                                                                  \
    ((condition) ? (void)0 : (std::fprintf(stderr, "does not hold: %s\n", #condition), std::abort()))

using Answers = std::vector<std::string>;

/* One event flush against the end of its memory: a read beyond it is seen. */
static kae_abi_plugin_event *new_event(const uint8_t *payload, size_t len_bytes)
{
    auto *event = static_cast<kae_abi_plugin_event *>(std::malloc(sizeof(kae_abi_plugin_event) + len_bytes));
    event->header = {1767225600123456789u, UINT64_MAX, static_cast<uint32_t>(sizeof *event + len_bytes),
                     KAE_ABI_PLUGIN_EVENT_TYPE, KAE_ABI_PLUGIN_EVENT_PARAMS};
    event->id_len_bytes = sizeof event->plugin_id;
    event->payload_len_bytes = static_cast<uint32_t>(len_bytes);
    event->plugin_id = 9;
    if (len_bytes != 0) {
        std::memcpy(event + 1, payload, len_bytes);
    }
    return event;
}

static void ask(kae_extractor *extractor, const kae_abi_event_input &input, uint32_t id, const char *key,
                const uint64_t *index, Answers &answers)
{
    kae_abi_extract_field field = {};
    field.field_id = id;
    field.field = "fuzzed";
    field.arg_key = key;
    field.arg_index = index != nullptr ? *index : 0;
    field.arg_present = key != nullptr || index != nullptr;
    HOLDS(kae_extract(extractor, &input, &field, 1) == KAE_ABI_SUCCESS);
    const kae_program &program = kae_programs[id];
    HOLDS(program.is_list != 0 || field.res_len <= 1);
    const bool is_number = program.shape == KAE_SHAPE_MILLISECONDS_AFTER_EVENT ||
                           program.shape == KAE_SHAPE_MILLISECONDS_BETWEEN;
    for (uint64_t i = 0; i < field.res_len; i++) {
        const std::string value = is_number ? std::to_string(field.res.u64[i]) : field.res.str[i];
        HOLDS(simdjson::validate_utf8(value.data(), value.size()));
        answers.push_back(std::to_string(id) + "=" + value);
    }
}

static Answers ask_everything(kae_extractor *extractor, const kae_abi_plugin_event *event, uint64_t evtnum,
                              const std::vector<std::string> &keys)
{
    const kae_abi_event_input input = {&event->header, evtnum, "k8s_audit"};
    const uint64_t indexes[] = {0, 1, UINT64_MAX};
    Answers answers;
    for (uint32_t id = 0; id < kae_num_programs; id++) {
        if (kae_programs[id].arg == KAE_ARG_KEY) {
            for (const std::string &key : keys) {
                ask(extractor, input, id, key.c_str(), nullptr, answers);
            }
            continue;
        }
        ask(extractor, input, id, nullptr, nullptr, answers);
        for (const uint64_t &index : indexes) {
            if (kae_programs[id].arg == KAE_ARG_INDEX) {
                ask(extractor, input, id, nullptr, &index, answers);
            }
        }
    }
    return answers;
}

static bool is_truncated(const Answers &answers)
{
    for (uint32_t id = 0; id < kae_num_programs; id++) {
        if (kae_programs[id].shape == KAE_SHAPE_TRUNCATED) {
            const std::string yes = std::to_string(id) + "=true";
            return std::find(answers.begin(), answers.end(), yes) != answers.end();
        }
    }
    return false;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static kae_extractor *const extractor = kae_extractor_new();
    static uint64_t evtnum = 0;
    static const std::string good_text = R"({"auditID":"good","user":{"username":"alice"}})";
    HOLDS(extractor != nullptr);

    /* The first line is a key to ask with, the rest the payload. */
    const auto *newline = static_cast<const uint8_t *>(size != 0 ? std::memchr(data, '\n', size) : nullptr);
    const size_t key_len = newline != nullptr ? static_cast<size_t>(newline - data) : 0;
    const size_t skipped = newline != nullptr ? key_len + 1 : 0;
    const std::vector<std::string> keys = {"", "timeout", "/", "/requestObject/spec", "a*",
                                           std::string(reinterpret_cast<const char *>(data), key_len)};
    kae_abi_plugin_event *event = new_event(data + skipped, size - skipped);
    const uint64_t unparsable = kae_extractor_unparsable(extractor);
    const Answers first = ask_everything(extractor, event, ++evtnum, keys);
    const bool is_counted = kae_extractor_unparsable(extractor) == unparsable + 1;
    HOLDS(is_counted || kae_extractor_unparsable(extractor) == unparsable);
    HOLDS(is_counted || first[0].substr(0, 2) == "0=");
    HOLDS(!is_counted || is_truncated(first));
    kae_extractor_reset(extractor);
    HOLDS(ask_everything(extractor, event, evtnum, keys) == first);
    std::free(event);

    kae_abi_plugin_event *good = new_event(reinterpret_cast<const uint8_t *>(good_text.data()), good_text.size());
    const kae_abi_event_input input = {&good->header, ++evtnum, "k8s_audit"};
    Answers answers;
    ask(extractor, input, 0, nullptr, nullptr, answers);
    HOLDS(answers == Answers{"0=good"});
    std::free(good);
    return 0;
}
