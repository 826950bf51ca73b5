/* host_start LIBRARY: one init, and what it says. "init: MESSAGE" or "started". */
#include "host.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    struct host host;
    host_load(&host, argv[1]);
    struct kae_abi_init_input input = {.config = ""};
    for (int attempt = 0; attempt < 2; attempt++) {
        int32_t rc = 77;
        void *plugin = host.init(&input, &rc);
        EXPECT(plugin != NULL);
        EXPECT(rc == KAE_ABI_SUCCESS || rc == KAE_ABI_FAILURE);
        if (rc == KAE_ABI_SUCCESS)
            puts("started");
        else
            printf("init: %s\n", host.get_last_error(plugin));
        host.destroy(plugin);
    }
    host_unload(&host);
    return 0;
}
