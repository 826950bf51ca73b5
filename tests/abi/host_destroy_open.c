/* host_destroy_open LIBRARY OPEN_PARAMS: destroys a handle whose capture it has not closed,
 * while the poller waits in a push for room for one event. Prints how many threads are
 * left, then does the same with a handle that it closes. */
#include "host.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    struct host host;
    host_load(&host, argv[1]);
    for (int closes = 0; closes < 2; closes++) {
        void *plugin = host_init(&host, "{\"buffer_size\": 1}", NULL, NULL);
        void *instance = host_open(&host, plugin, argv[2]);
        uint32_t nevts = 0;
        struct kae_abi_event **evts = NULL;
        EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
        if (closes)
            host.close(plugin, instance);
        host.destroy(plugin);
        printf("%d\n", host_threads());
    }
    host_unload(&host);
    return 0;
}
