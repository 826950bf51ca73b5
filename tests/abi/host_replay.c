/* host_replay LIBRARY CONFIG OPEN_PARAMS: what a host does with one source, to its
 * end. Prints the audit id of each event, then its log, then how it ended. */
#include <string.h>

#include "host.h"

static void log_line(void *owner, const char *component, const char *text, int32_t severity)
{
    (void)owner;
    (void)component;
    printf("log %d: %s\n", severity, text);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 4);
    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, argv[2], log_line, NULL);
    void *instance = host_open(&host, plugin, argv[3]);
    uint64_t evtnum = 0;
    uint32_t nevts = 77;
    struct kae_abi_event **evts = NULL;
    int32_t rc;
    while ((rc = host_next(&host, plugin, instance, &nevts, &evts)) == KAE_ABI_SUCCESS) {
        for (uint32_t i = 0; i < nevts; i++) {
            EXPECT(evts[i]->type == KAE_ABI_PLUGIN_EVENT_TYPE);
            EXPECT(evts[i]->nparams == KAE_ABI_PLUGIN_EVENT_PARAMS);
            EXPECT(((struct kae_abi_plugin_event *)evts[i])->plugin_id == host.get_id());
            printf("%s\n", host_extract(&host, plugin, evts[i], ++evtnum, "ka.auditid"));
        }
    }
    printf("%s\n", rc == KAE_ABI_END_OF_FILE ? "end" : host.get_last_error(plugin));
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
    return rc == KAE_ABI_END_OF_FILE ? 0 : 1;
}
