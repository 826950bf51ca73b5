/* host_dry_run LIBRARY OPEN_PARAMS: while one handle captures, a second thread loads,
 * inits, destroys and unloads the library, as Falco does before a hot reload. Prints
 * the audit ids that the capturing handle saw. */
#include <pthread.h>
#include <stdatomic.h>

#include "host.h"

static atomic_int capturing = 1;
static atomic_int dry_runs;

static void *dry_run(void *library)
{
    while (atomic_load(&capturing)) {
        struct host host;
        host_load(&host, library);
        host.destroy(host_init(&host, "{\"region\":\"eu-west-1\"}", NULL, NULL));
        host_unload(&host);
        atomic_fetch_add(&dry_runs, 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, "", NULL, NULL);
    void *instance = host_open(&host, plugin, argv[2]);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, dry_run, argv[1]) == 0);

    uint64_t evtnum = 0;
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    int32_t rc;
    while ((rc = host_next(&host, plugin, instance, &nevts, &evts)) == KAE_ABI_SUCCESS) {
        /* At least one dry run falls into every batch. */
        int before = atomic_load(&dry_runs);
        while (atomic_load(&dry_runs) == before)
            continue;
        for (uint32_t i = 0; i < nevts; i++)
            printf("%s\n", host_extract(&host, plugin, evts[i], ++evtnum, "ka.auditid"));
    }
    EXPECT(rc == KAE_ABI_END_OF_FILE);
    atomic_store(&capturing, 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
    return 0;
}
