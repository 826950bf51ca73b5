/* host_counting LIBRARY CONFIG OPEN_PARAMS: a host that captures until its standard
 * input ends. Prints "event AUDIT_ID", "log SEVERITY TEXT", for each byte of its input
 * and before close "metric NAME VALUE" for every metric then "metrics_told N" (how
 * often until now), at the end "rc N" (the last answer of next_batch) and "close_ms N",
 * how long plugin_close took. */
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static void log_line(void *owner, const char *component, const char *text, int32_t severity)
{
    (void)owner;
    (void)component;
    printf("log %d %s\n", severity, text);
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

enum wish { GO_ON, TELL_METRICS, END };

static enum wish wish_on_stdin(void)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    char byte;
    if (poll(&in, 1, 0) <= 0)
        return GO_ON;
    return read(0, &byte, 1) == 1 ? TELL_METRICS : END;
}

static void print_metrics(struct host *host, void *plugin)
{
    static unsigned told = 0;
    uint32_t count = 0;
    struct kae_abi_metric *metrics = host->get_metrics(plugin, &count);
    for (uint32_t i = 0; i < count; i++)
        printf("metric %s %llu\n", metrics[i].name, (unsigned long long)metrics[i].value.u64);
    printf("metrics_told %u\n", ++told);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 4);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, argv[2], log_line, NULL);
    void *instance = host_open(&host, plugin, argv[3]);
    uint64_t evtnum = 0;
    uint32_t nevts = 77;
    struct kae_abi_event **evts = NULL;
    int32_t rc = KAE_ABI_TIMEOUT;
    while (rc == KAE_ABI_SUCCESS || rc == KAE_ABI_TIMEOUT) {
        enum wish wish = wish_on_stdin();
        if (wish == END)
            break;
        if (wish == TELL_METRICS)
            print_metrics(&host, plugin);
        rc = host.next_batch(plugin, instance, &nevts, &evts);
        for (uint32_t i = 0; rc == KAE_ABI_SUCCESS && i < nevts; i++)
            printf("event %s\n", host_extract(&host, plugin, evts[i], ++evtnum, "ka.auditid"));
    }
    printf("rc %d\n", rc);
    print_metrics(&host, plugin);
    long closing_ms = now_ms();
    host.close(plugin, instance);
    printf("close_ms %ld\n", now_ms() - closing_ms);
    host.destroy(plugin);
    host_unload(&host);
    return 0;
}
