/*
 * rule_host LIBRARY INIT_CONFIG OPEN_PARAMS RULES: evaluates rules as Falco does.
 *
 * One libsinsp, one plugin, and for each rule a filter and an output of its own, which
 * every event is shown to. RULES is a JSON array of {"name", "condition", "output"},
 * lists and macros expanded. What it prints is Falco's JSON output, in short:
 *
 *     {"rule": NAME, "output_fields": {FIELD: TEXT, ...}}     each alert
 *     {"events": COUNT}                                       at the end of the source
 *
 * To standard error goes what libsinsp warns of in a condition, a line each. Ends with 1
 * when the plugin or a rule is refused, or the source fails.
 *
 * C++, because libsinsp has no other interface.
 */
#include <libsinsp/eventformatter.h>
#include <libsinsp/filter.h>
#include <libsinsp/plugin.h>
#include <libsinsp/sinsp.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Rule {
    std::string quoted_name;
    std::unique_ptr<sinsp_filter> filter;
    std::unique_ptr<sinsp_evt_formatter> output;
};

std::shared_ptr<sinsp_plugin> load_plugin(sinsp &inspector, const char *library,
                                          const char *init_config)
{
    auto plugin = inspector.register_plugin(library);
    std::string error;
    if (!plugin->init(init_config, error)) {
        throw std::runtime_error(error);
    }
    return plugin;
}

Rule compile(sinsp &inspector, filter_check_list &checks, const Json::Value &row)
{
    const std::string name = row["name"].asString();
    try {
        auto factory = std::make_shared<sinsp_filter_factory>(&inspector, checks);
        sinsp_filter_compiler compiler(factory, row["condition"].asString());
        Rule rule = {Json::valueToQuotedString(name.c_str()), compiler.compile(), nullptr};
        for (const auto &warning : compiler.get_warnings()) {
            std::cerr << name << ": " << warning.msg << "\n";
        }
        rule.output = std::make_unique<sinsp_evt_formatter>(&inspector, checks);
        rule.output->set_format(sinsp_evt_formatter::OF_JSON, row["output"].asString());
        return rule;
    } catch (const std::exception &error) {
        throw std::runtime_error(name + ": " + error.what());
    }
}

std::vector<Rule> compile_all(sinsp &inspector, filter_check_list &checks, const char *path)
{
    Json::Value rows;
    std::ifstream(path) >> rows;
    std::vector<Rule> rules;
    for (const Json::Value &row : rows) {
        rules.push_back(compile(inspector, checks, row));
    }
    return rules;
}

/* How many events the source had. */
uint64_t evaluate(sinsp &inspector, std::vector<Rule> &rules)
{
    uint64_t events = 0;
    std::string fields;
    for (;;) {
        sinsp_evt *event = nullptr;
        const int32_t rc = inspector.next(&event);
        if (rc == SCAP_EOF) {
            return events;
        }
        if (rc == SCAP_TIMEOUT || rc == SCAP_FILTERED_EVENT) {
            continue;
        }
        if (rc != SCAP_SUCCESS) {
            throw std::runtime_error(inspector.getlasterr());
        }
        events++;
        for (Rule &rule : rules) {
            if (rule.filter->run(event)) {
                rule.output->tostring(event, fields);
                std::cout << "{\"rule\": " << rule.quoted_name << ", \"output_fields\": " << fields
                          << "}" << std::endl;
            }
        }
    }
}

} /* namespace */

int main(int argc, char **argv)
{
    if (argc != 5) {
        std::cerr << "usage: rule_host LIBRARY INIT_CONFIG OPEN_PARAMS RULES\n";
        return 2;
    }
    try {
        sinsp inspector;
        auto plugin = load_plugin(inspector, argv[1], argv[2]);
        /* As Falco's for a plugin's source: its fields, and those that any event has. */
        filter_check_list checks;
        checks.add_filter_check(sinsp_plugin::new_filtercheck(plugin));
        checks.add_filter_check(sinsp::new_generic_filtercheck());
        std::vector<Rule> rules = compile_all(inspector, checks, argv[4]);
        inspector.open_plugin(plugin->name(), argv[3],
                              sinsp_plugin_platform::SINSP_PLATFORM_GENERIC);
        const uint64_t events = evaluate(inspector, rules);
        std::cout << "{\"events\": " << events << "}\n";
        inspector.close();
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
    return 0;
}
