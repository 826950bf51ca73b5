/* host_two_copies LIBRARY OTHER: loads both and inits both, as a host does that was told of
 * another file before a hot reload. Prints for each "started" or "init: MESSAGE". */
#include "host.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    for (int i = 1; i <= 2; i++) {
        struct host host;
        host_load(&host, argv[i]);
        struct kae_abi_init_input input = {.config = ""};
        int32_t rc = 77;
        void *plugin = host.init(&input, &rc);
        EXPECT(plugin != NULL);
        if (rc == KAE_ABI_SUCCESS)
            puts("started");
        else
            printf("init: %s\n", host.get_last_error(plugin));
        host.destroy(plugin);
        host_unload(&host);
    }
    return 0;
}
