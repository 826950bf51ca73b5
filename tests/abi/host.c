#include "host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <string.h>

void host_fail(const char *condition, const char *file, int line)
{
    fprintf(stdout, "%s:%d: does not hold: %s\n", file, line, condition);
    fflush(stdout);
    _Exit(1);
}

static void *symbol(struct host *host, const char *name)
{
    void *address = dlsym(host->library, name);
    if (address == NULL) {
        fprintf(stdout, "%s\n", dlerror());
        fflush(stdout);
        _Exit(1);
    }
    return address;
}

void host_load(struct host *host, const char *path)
{
    host->library = dlopen(path, RTLD_LOCAL | RTLD_NOW);
    if (host->library == NULL) {
        fprintf(stdout, "%s\n", dlerror());
        fflush(stdout);
        _Exit(1);
    }
    *(void **)&host->get_required_api_version = symbol(host, "plugin_get_required_api_version");
    *(void **)&host->get_version = symbol(host, "plugin_get_version");
    *(void **)&host->get_name = symbol(host, "plugin_get_name");
    *(void **)&host->get_description = symbol(host, "plugin_get_description");
    *(void **)&host->get_contact = symbol(host, "plugin_get_contact");
    *(void **)&host->get_id = symbol(host, "plugin_get_id");
    *(void **)&host->get_event_source = symbol(host, "plugin_get_event_source");
    *(void **)&host->get_extract_event_sources =
        symbol(host, "plugin_get_extract_event_sources");
    *(void **)&host->get_fields = symbol(host, "plugin_get_fields");
    *(void **)&host->get_init_schema = symbol(host, "plugin_get_init_schema");
    *(void **)&host->init = symbol(host, "plugin_init");
    *(void **)&host->destroy = symbol(host, "plugin_destroy");
    *(void **)&host->get_last_error = symbol(host, "plugin_get_last_error");
    *(void **)&host->open = symbol(host, "plugin_open");
    *(void **)&host->close = symbol(host, "plugin_close");
    *(void **)&host->next_batch = symbol(host, "plugin_next_batch");
    *(void **)&host->list_open_params = symbol(host, "plugin_list_open_params");
    *(void **)&host->get_progress = symbol(host, "plugin_get_progress");
    *(void **)&host->event_to_string = symbol(host, "plugin_event_to_string");
    *(void **)&host->extract_fields = symbol(host, "plugin_extract_fields");
    *(void **)&host->get_metrics = symbol(host, "plugin_get_metrics");
}

void host_unload(struct host *host)
{
    dlclose(host->library);
    memset(host, 0, sizeof *host);
}

void *host_init(struct host *host, const char *config, kae_abi_log_fn log_fn, void *owner)
{
    struct kae_abi_init_input input = {.config = config, .owner = owner, .log_fn = log_fn};
    int32_t rc = 77;
    void *plugin = host->init(&input, &rc);
    if (plugin == NULL || rc != KAE_ABI_SUCCESS) {
        fprintf(stdout, "init: %s\n", host->get_last_error(plugin));
        fflush(stdout);
        _Exit(1);
    }
    return plugin;
}

void *host_open(struct host *host, void *plugin, const char *params)
{
    int32_t rc = 77;
    void *instance = host->open(plugin, params, &rc);
    if (instance == NULL || rc != KAE_ABI_SUCCESS) {
        fprintf(stdout, "open: %s\n", host->get_last_error(plugin));
        fflush(stdout);
        _Exit(1);
    }
    return instance;
}

int32_t host_next(struct host *host, void *plugin, void *instance, uint32_t *nevts,
                  struct kae_abi_event ***evts)
{
    int32_t rc;
    do {
        rc = host->next_batch(plugin, instance, nevts, evts);
        EXPECT(rc == KAE_ABI_SUCCESS ? *nevts > 0 : *nevts == 0);
    } while (rc == KAE_ABI_TIMEOUT);
    return rc;
}

/* The id of a field is its position in the fields JSON. */
static uint32_t field_id(struct host *host, const char *field)
{
    char needle[256];
    snprintf(needle, sizeof needle, "\"name\":\"%s\"", field);
    const char *json = host->get_fields();
    const char *found = strstr(json, needle);
    EXPECT(found != NULL);
    uint32_t id = 0;
    for (const char *at = strstr(json, "\"name\":"); at != found; at = strstr(at + 1, "\"name\":"))
        id++;
    return id;
}

const char *host_extract(struct host *host, void *plugin, const struct kae_abi_event *event,
                         uint64_t evtnum, const char *field)
{
    struct kae_abi_event_input input = {.evt = event, .evtnum = evtnum, .evtsrc = "k8s_audit"};
    struct kae_abi_extract_field asked = {
        .field_id = field_id(host, field), .field = field, .ftype = KAE_ABI_FIELD_STRING};
    struct kae_abi_extract_input extract = {.num_fields = 1, .fields = &asked};
    asked.res_len = 77;
    EXPECT(host->extract_fields(plugin, &input, &extract) == KAE_ABI_SUCCESS);
    return asked.res_len == 0 ? "" : asked.res.str[0];
}

static int count_threads(void)
{
    int threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    EXPECT(tasks != NULL);
    for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks))
        threads += entry->d_name[0] != '.';
    closedir(tasks);
    return threads;
}

/* A thread that was joined may need a moment more to be taken off the kernel's list;
 * one that stays is counted. */
int host_threads(void)
{
    int threads = count_threads();
    for (int tries = 0; threads > 1 && tries < 100000; tries++) {
        sched_yield();
        threads = count_threads();
    }
    return threads;
}
