/* host_reload LIBRARY OPEN_PARAMS CYCLES: the life that Falco's hot reload gives the
 * plugin, again and again in one process. Prints, for the tenth and the last cycle,
 * the process's threads and its resident memory in KiB. */
#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

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

/* close() has joined the thread as Python sees it; the kernel may need a moment more
 * to take it off the list. A thread that stays is still counted. */
static int threads_left(void)
{
    int threads = count_threads();
    for (int tries = 0; threads > 1 && tries < 100000; tries++) {
        sched_yield();
        threads = count_threads();
    }
    return threads;
}

static long resident_kib(void)
{
    long pages = 0;
    long resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    EXPECT(statm != NULL && fscanf(statm, "%ld %ld", &pages, &resident) == 2);
    fclose(statm);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void live_once(const char *library, const char *open_params)
{
    struct host host;
    host_load(&host, library);
    void *plugin = host_init(&host, "", NULL, NULL);
    void *instance = host_open(&host, plugin, open_params);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    EXPECT(strlen(host_extract(&host, plugin, evts[0], 1, "ka.auditid")) > 0);
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 4);
    int cycles = atoi(argv[3]);
    for (int cycle = 1; cycle <= cycles; cycle++) {
        live_once(argv[1], argv[2]);
        if (cycle == 10 || cycle == cycles)
            printf("%d %ld\n", threads_left(), resident_kib());
    }
    /* Python can't be unloaded, so the library must still be there. */
    EXPECT(dlopen(argv[1], RTLD_LOCAL | RTLD_NOW | RTLD_NOLOAD) != NULL);
    return 0;
}
