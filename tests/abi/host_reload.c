/* host_reload LIBRARY INIT_CONFIG OPEN_PARAMS CYCLES: Falco's hot reload, again and again
 * in one process: while one handle captures, a second thread loads, inits, destroys and
 * unloads the library (the dry run); then close, destroy, unload, and all over. Prints,
 * for every cycle, the process's threads and its resident memory in KiB. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static long resident_kib(void)
{
    long pages = 0;
    long resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    EXPECT(statm != NULL && fscanf(statm, "%ld %ld", &pages, &resident) == 2);
    fclose(statm);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

struct dry_run {
    const char *library;
    const char *config;
    atomic_int done;
};

static void *run_dry(void *argument)
{
    struct dry_run *dry_run = argument;
    struct host host;
    host_load(&host, dry_run->library);
    host.destroy(host_init(&host, dry_run->config, NULL, NULL));
    host_unload(&host);
    atomic_store(&dry_run->done, 1);
    return NULL;
}

static void live_once(const char *library, const char *config, const char *open_params)
{
    struct host host;
    host_load(&host, library);
    void *plugin = host_init(&host, config, NULL, NULL);
    void *instance = host_open(&host, plugin, open_params);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    EXPECT(strlen(host_extract(&host, plugin, evts[0], 1, "ka.auditid")) > 0);

    struct dry_run dry_run = {.library = library, .config = config};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, run_dry, &dry_run) == 0);
    int32_t rc = KAE_ABI_SUCCESS;
    while (rc != KAE_ABI_END_OF_FILE && !atomic_load(&dry_run.done)) {
        rc = host.next_batch(plugin, instance, &nevts, &evts);
        EXPECT(rc != KAE_ABI_FAILURE);
    }
    EXPECT(pthread_join(thread, NULL) == 0);

    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 5);
    int cycles = atoi(argv[4]);
    for (int cycle = 1; cycle <= cycles; cycle++) {
        live_once(argv[1], argv[2], argv[3]);
        int threads = host_threads();
        printf("%d %ld\n", threads, resident_kib());
    }
    /* Python can't be unloaded, so the library must still be there. */
    EXPECT(dlopen(argv[1], RTLD_LOCAL | RTLD_NOW | RTLD_NOLOAD) != NULL);
    return 0;
}
