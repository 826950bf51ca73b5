/* host_kept_answers LIBRARY OPEN_PARAMS: asks three fields of the first event and prints
 * what the first answer points to only after the others were asked, as libsinsp does. */
#include "host.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, "", NULL, NULL);
    void *instance = host_open(&host, plugin, argv[2]);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    const char *path = host_extract(&host, plugin, evts[0], 1, "ka.req.workload.hostpaths");
    const char *code = host_extract(&host, plugin, evts[0], 1, "ka.response.code");
    const char *subjects = host_extract(&host, plugin, evts[0], 1, "ka.req.binding.subjects");
    printf("%s %s %s\n", path, code, subjects);
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
    return 0;
}
