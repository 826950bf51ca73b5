/* host_same_event LIBRARY OPEN_PARAMS_1 OPEN_PARAMS_2: one handle, two captures. The
 * host's counter starts again and the event lies at the same address, has the same
 * length and the same time; only its contents differ. Prints both audit ids. */
#include <string.h>

#include "host.h"

static _Alignas(16) char at_the_same_address[65536];

static void first_event(struct host *host, void *plugin, const char *open_params)
{
    void *instance = host_open(host, plugin, open_params);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    EXPECT(evts[0]->len_bytes <= sizeof at_the_same_address);
    memcpy(at_the_same_address, evts[0], evts[0]->len_bytes);
    printf("%u %s\n", evts[0]->len_bytes,
           host_extract(host, plugin, (struct kae_abi_event *)at_the_same_address, 1,
                        "ka.auditid"));
    host->close(plugin, instance);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 4);
    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, "", NULL, NULL);
    first_event(&host, plugin, argv[2]);
    first_event(&host, plugin, argv[3]);
    host.destroy(plugin);
    host_unload(&host);
    return 0;
}
