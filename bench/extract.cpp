/*
 * What extraction costs, through the C ABI as the host calls it.
 *
 *     extract EVENTS GROWTH_FIELD:FILE...
 *
 * EVENTS holds one audit event a line. Each GROWTH file holds one event; the time
 * for that field on a freshly parsed event is reported. Prints one JSON object;
 * times are medians over rounds, in nanoseconds.
 */
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "extract/extract.h"
#include "extract/program.h"

namespace {

/* CPU time of this thread: what others do on a busy machine does not count. */
double now_ns()
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/* The fields that a typical rule set asks for on every event. */
const char *const kTypical[] = {
    "ka.verb",        "ka.user.name",   "ka.target.resource",
    "ka.target.namespace", "ka.response.code", "ka.stage",
    "ka.auth.decision", "ka.target.name", "ka.user.groups",
    "ka.req.pod.containers.image", "ka.req.pod.containers.privileged", "ka.uri",
};

double elapsed_ns(double start_ns)
{
    return now_ns() - start_ns;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

uint32_t field_id(const std::string &name)
{
    simdjson::dom::parser parser;
    simdjson::dom::array rows;
    if (parser.parse(kae_fields_json, std::strlen(kae_fields_json)).get(rows) == 0) {
        uint32_t id = 0;
        for (simdjson::dom::element row : rows) {
            std::string_view found;
            if (row["name"].get(found) == 0 && found == name) {
                return id;
            }
            id++;
        }
    }
    std::fprintf(stderr, "no field %s\n", name.c_str());
    std::exit(1);
}

/* One plugin event in memory, as in the host's batch. */
std::string as_event(const std::string &payload)
{
    struct kae_abi_plugin_event header = {};
    header.header.ts_ns = 1767225600000000000;
    header.header.tid = KAE_ABI_NO_THREAD;
    header.header.len_bytes = static_cast<uint32_t>(sizeof header + payload.size());
    header.header.type = KAE_ABI_PLUGIN_EVENT_TYPE;
    header.header.nparams = KAE_ABI_PLUGIN_EVENT_PARAMS;
    header.id_len_bytes = 4;
    header.payload_len_bytes = static_cast<uint32_t>(payload.size());
    header.plugin_id = 9;
    std::string event(reinterpret_cast<const char *>(&header), sizeof header);
    return event + payload;
}

struct Host {
    kae_extractor *extractor = kae_extractor_new();
    uint64_t evtnum = 0;
    uint64_t values = 0; /* counted, so that nothing is optimised away */

    ~Host() { kae_extractor_free(extractor); }

    void ask(const std::string &event, uint32_t id)
    {
        kae_abi_event_input input = {};
        input.evt = reinterpret_cast<const kae_abi_event *>(event.data());
        input.evtnum = evtnum;
        kae_abi_extract_field field = {};
        field.field_id = id;
        if (kae_extract(extractor, &input, &field, 1) != KAE_ABI_SUCCESS) {
            std::fprintf(stderr, "%s\n", kae_extractor_error(extractor));
            std::exit(1);
        }
        values += field.res_len;
    }
};

std::vector<std::string> read_lines(const char *path)
{
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    if (lines.empty()) {
        std::fprintf(stderr, "%s holds no events\n", path);
        std::exit(1);
    }
    return lines;
}

/* Per event: a bare DOM parse, and all typical fields one call each; per call: a
 * scalar two levels deep on an event that was parsed before. */
void compare(const std::vector<std::string> &payloads)
{
    const int kRounds = 200;
    const int kCalls = 1000;
    std::vector<simdjson::padded_string> padded(payloads.begin(), payloads.end());
    std::vector<std::string> events;
    size_t bytes = 0;
    for (const std::string &payload : payloads) {
        events.push_back(as_event(payload));
        bytes += payload.size();
    }
    std::vector<uint32_t> ids;
    for (const char *name : kTypical) {
        ids.push_back(field_id(name));
    }
    const uint32_t user_name = field_id("ka.user.name");

    simdjson::dom::parser parser;
    Host host;
    uint64_t parsed = 0;
    std::vector<double> parse_ns;
    std::vector<double> fields_ns;
    std::vector<double> ratio;
    std::vector<double> scalar_ns;
    for (int round = 0; round < kRounds; round++) {
        double start_ns = now_ns();
        for (const simdjson::padded_string &payload : padded) {
            parsed += parser.parse(payload).error() == simdjson::SUCCESS;
        }
        const double parse = elapsed_ns(start_ns) / static_cast<double>(padded.size());
        start_ns = now_ns();
        for (const std::string &event : events) {
            host.evtnum++;
            for (const uint32_t id : ids) {
                host.ask(event, id);
            }
        }
        const double fields = elapsed_ns(start_ns) / static_cast<double>(events.size());
        host.evtnum++;
        host.ask(events[0], user_name);
        start_ns = now_ns();
        for (int call = 0; call < kCalls; call++) {
            host.ask(events[0], user_name);
        }
        scalar_ns.push_back(elapsed_ns(start_ns) / kCalls);
        parse_ns.push_back(parse);
        fields_ns.push_back(fields);
        ratio.push_back(fields / parse);
    }
    if (parsed != kRounds * payloads.size() || host.values == 0) {
        std::fprintf(stderr, "an event could not be parsed\n");
        std::exit(1);
    }
    std::printf("{\"events\": %zu, \"mean_bytes\": %zu, \"parse_ns\": %.1f, "
                "\"twelve_fields_ns\": %.1f, \"ratio\": %.3f, \"scalar_ns\": %.1f",
                events.size(), bytes / events.size(), median(parse_ns), median(fields_ns),
                median(ratio), median(scalar_ns));
}

/* The first call for an event, its parse included, and how many values it gave. */
void grow(const char *argument)
{
    const char *colon = std::strchr(argument, ':');
    const std::string name(argument, colon);
    const std::string event = as_event(read_lines(colon + 1)[0]);
    const uint32_t id = field_id(name);
    Host host;
    std::vector<double> times_ns;
    for (int round = 0; round < 9; round++) {
        host.evtnum++;
        host.values = 0;
        const double start_ns = now_ns();
        host.ask(event, id);
        times_ns.push_back(elapsed_ns(start_ns));
    }
    std::printf("{\"field\": \"%s\", \"bytes\": %zu, \"values\": %llu, \"ns\": %.0f}",
                name.c_str(), event.size(),
                static_cast<unsigned long long>(host.values), median(times_ns));
}

} /* namespace */

int main(int argc, char **argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "usage: extract EVENTS [FIELD:FILE...]\n");
        return 2;
    }
    compare(read_lines(argv[1]));
    std::printf(", \"growth\": [");
    for (int i = 2; i < argc; i++) {
        std::printf("%s", i == 2 ? "" : ", ");
        grow(argv[i]);
    }
    std::printf("]}\n");
    return 0;
}
