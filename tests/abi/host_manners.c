/* host_manners LIBRARY OPEN_PARAMS: a whole life of the plugin leaves the host's
 * signals, working directory, locale and standard streams as they were. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

/* glibc adds this flag of the kernel's to whatever it sets; it is no behaviour. */
#define RESTORER 0x04000000

struct manners {
    struct sigaction actions[NSIG];
    sigset_t mask;
    char cwd[4096];
    char locale[256];
    int flags[3];
};

static void observe(struct manners *seen)
{
    memset(seen, 0, sizeof *seen);
    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, NULL, &seen->actions[sig]);
    EXPECT(sigprocmask(SIG_SETMASK, NULL, &seen->mask) == 0);
    EXPECT(getcwd(seen->cwd, sizeof seen->cwd) != NULL);
    snprintf(seen->locale, sizeof seen->locale, "%s", setlocale(LC_ALL, NULL));
    for (int fd = 0; fd < 3; fd++)
        seen->flags[fd] = fcntl(fd, F_GETFL);
}

static void expect_same(const struct manners *before, const struct manners *after)
{
    for (int sig = 1; sig < NSIG; sig++) {
        EXPECT(before->actions[sig].sa_handler == after->actions[sig].sa_handler);
        EXPECT((before->actions[sig].sa_flags & ~RESTORER) ==
               (after->actions[sig].sa_flags & ~RESTORER));
    }
    EXPECT(memcmp(&before->mask, &after->mask, sizeof before->mask) == 0);
    EXPECT(strcmp(before->cwd, after->cwd) == 0);
    EXPECT(strcmp(before->locale, after->locale) == 0);
    EXPECT(memcmp(before->flags, after->flags, sizeof before->flags) == 0);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    struct manners before;
    struct manners after;
    observe(&before);

    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, "", NULL, NULL);
    void *instance = host_open(&host, plugin, argv[2]);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    observe(&after);
    expect_same(&before, &after);
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);
    observe(&after);
    expect_same(&before, &after);
    puts("unchanged");
    return 0;
}
