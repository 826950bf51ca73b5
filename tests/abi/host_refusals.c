/* host_refusals LIBRARY: every export refuses what it can't do, writes its
 * out-parameters while it does, and never claims success. */
#include <string.h>

#include "host.h"

#define UNSET 77

static void init_refuses(struct host *host)
{
    int32_t rc = UNSET;
    struct kae_abi_init_input input = {.config = "{\"no_such_key\": 1}"};
    void *plugin = host->init(&input, &rc);
    EXPECT(plugin != NULL);
    EXPECT(rc == KAE_ABI_FAILURE);
    EXPECT(strstr(host->get_last_error(plugin), "no_such_key") != NULL);

    /* A handle that only holds a message refuses everything else. */
    rc = UNSET;
    EXPECT(host->open(plugin, "file:///", &rc) == NULL && rc == KAE_ABI_FAILURE);
    rc = UNSET;
    EXPECT(host->list_open_params(plugin, &rc) == NULL && rc == KAE_ABI_FAILURE);
    host->destroy(plugin);
}

static void missing_handles_are_refused(struct host *host)
{
    int32_t rc = UNSET;
    EXPECT(host->open(NULL, "file:///", &rc) == NULL && rc == KAE_ABI_FAILURE);
    EXPECT(host->open(NULL, NULL, NULL) == NULL);
    rc = UNSET;
    EXPECT(host->list_open_params(NULL, &rc) == NULL && rc == KAE_ABI_FAILURE);
    EXPECT(strlen(host->get_last_error(NULL)) > 0);
    EXPECT(host->event_to_string(NULL, NULL) == NULL);

    uint32_t count = UNSET;
    EXPECT(host->get_metrics(NULL, &count) == NULL && count == 0);
    uint32_t progress = UNSET;
    EXPECT(host->get_progress(NULL, NULL, &progress) == NULL && progress == 0);

    uint32_t nevts = UNSET;
    struct kae_abi_event *garbage = NULL;
    struct kae_abi_event **evts = &garbage;
    EXPECT(host->next_batch(NULL, NULL, &nevts, &evts) == KAE_ABI_FAILURE);
    EXPECT(nevts == 0 && evts == NULL);
    EXPECT(host->next_batch(NULL, NULL, NULL, NULL) == KAE_ABI_FAILURE);

    struct kae_abi_extract_field field = {.res_len = UNSET};
    struct kae_abi_extract_input extract = {.num_fields = 1, .fields = &field};
    EXPECT(host->extract_fields(NULL, NULL, &extract) == KAE_ABI_FAILURE && field.res_len == 0);
    EXPECT(host->extract_fields(NULL, NULL, NULL) == KAE_ABI_FAILURE);

    host->close(NULL, NULL);
    host->destroy(NULL);
}

static void open_refuses(struct host *host, void *plugin)
{
    const char *refused[] = {"", "-not-a-cluster", "/a/path", "file:///no/such/path", NULL};
    for (size_t i = 0; refused[i] != NULL; i++) {
        int32_t rc = UNSET;
        EXPECT(host->open(plugin, refused[i], &rc) == NULL);
        EXPECT(rc == KAE_ABI_FAILURE);
        EXPECT(strlen(host->get_last_error(plugin)) > 0);
    }
    int32_t rc = UNSET;
    EXPECT(host->open(plugin, NULL, &rc) == NULL && rc == KAE_ABI_FAILURE);
}

static void malformed_events_are_refused(struct host *host, void *plugin)
{
    struct kae_abi_plugin_event event = {
        .header = {.len_bytes = sizeof event, .type = KAE_ABI_PLUGIN_EVENT_TYPE, .nparams = 2},
        .id_len_bytes = 4,
        .payload_len_bytes = 1000, /* more than there is */
        .plugin_id = 9,
    };
    struct kae_abi_event_input input = {.evt = &event.header, .evtnum = 1};
    EXPECT(host->event_to_string(plugin, &input) == NULL);
    EXPECT(strcmp(host_extract(host, plugin, &event.header, 1, "ka.verb"), "") == 0);
    event.header.len_bytes = 3;
    EXPECT(host->event_to_string(plugin, &input) == NULL);
    EXPECT(strcmp(host_extract(host, plugin, &event.header, 2, "ka.verb"), "") == 0);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    struct host host;
    host_load(&host, argv[1]);
    missing_handles_are_refused(&host); /* before Python was ever started */
    init_refuses(&host);
    void *plugin = host_init(&host, "", NULL, NULL);
    missing_handles_are_refused(&host);
    open_refuses(&host, plugin);
    malformed_events_are_refused(&host, plugin);
    host.destroy(plugin);
    host_unload(&host);
    puts("refused");
    return 0;
}
