/* unit_plugin: the handle's contract with the host's logger, without Python. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "abi/plugin.h"

struct owner {
    atomic_int alive;
    atomic_int lines;
};

static void log_line(void *data, const char *component, const char *text, int32_t severity)
{
    struct owner *owner = data;
    (void)component;
    EXPECT(atomic_load(&owner->alive));
    EXPECT(strcmp(text, "line") == 0 && severity == KAE_ABI_WARNING);
    atomic_fetch_add(&owner->lines, 1);
}

static void *log_many(void *plugin)
{
    for (int i = 0; i < 20000; i++)
        kae_plugin_log(plugin, KAE_ABI_WARNING, "line");
    kae_plugin_unref(plugin);
    return NULL;
}

/* The logger dies with plugin_destroy; a poller that is still on its way out may go
 * on logging and counting. */
static void nobody_logs_to_a_host_that_is_gone(void)
{
    struct owner owner;
    atomic_init(&owner.alive, 1);
    atomic_init(&owner.lines, 0);
    struct kae_plugin *plugin = kae_plugin_new(log_line, &owner);
    pthread_t thread;
    kae_plugin_ref(plugin);
    EXPECT(pthread_create(&thread, NULL, log_many, plugin) == 0);
    while (atomic_load(&owner.lines) < 100)
        continue;
    kae_plugin_detach_host(plugin);
    atomic_store(&owner.alive, 0);
    kae_plugin_count(plugin, KAE_METRIC_API_CALLS, 1);
    kae_plugin_unref(plugin);
    EXPECT(pthread_join(thread, NULL) == 0);
}

static void errors_and_texts_have_their_own_buffers(void)
{
    struct kae_plugin *plugin = kae_plugin_new(NULL, NULL);
    EXPECT(strcmp(kae_plugin_last_error(plugin), "") == 0);
    kae_plugin_set_error(plugin, "first");
    const char *error = kae_plugin_last_error(plugin);
    const char *text = kae_plugin_event_text(plugin, "payload and more", 7);
    kae_plugin_set_open_params(plugin, "[]");
    kae_plugin_set_error(plugin, "second");
    EXPECT(strcmp(error, "first") == 0);
    EXPECT(strcmp(text, "payload") == 0);
    EXPECT(strcmp(kae_plugin_last_error(plugin), "second") == 0);
    kae_plugin_unref(plugin);
}

static void metrics_outside_the_table_are_ignored(void)
{
    struct kae_plugin *plugin = kae_plugin_new(NULL, NULL);
    kae_plugin_count(plugin, KAE_METRIC_COUNT, 1);
    kae_plugin_age(plugin, UINT32_MAX, 1);
    struct kae_abi_metric *metrics = kae_plugin_metrics(plugin);
    for (uint32_t i = 0; i < KAE_METRIC_COUNT; i++)
        EXPECT(metrics[i].value.u64 == 0);
    kae_plugin_unref(plugin);
}

static uint64_t read_lag_ms(struct kae_plugin *plugin)
{
    return kae_plugin_metrics(plugin)[KAE_METRIC_LAG_MILLISECONDS].value.u64;
}

static void an_age_grows_by_itself(void)
{
    struct kae_plugin *plugin = kae_plugin_new(NULL, NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    EXPECT(read_lag_ms(plugin) == 0);
    /* Longer ago than the machine runs. */
    kae_plugin_age(plugin, KAE_METRIC_LAG_MILLISECONDS, -300000);
    uint64_t first_ms = read_lag_ms(plugin);
    EXPECT(first_ms >= (uint64_t)now_ms + 300000);
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
    EXPECT(read_lag_ms(plugin) >= first_ms + 2);
    kae_plugin_age(plugin, KAE_METRIC_LAG_MILLISECONDS, now_ms + 3600000);
    EXPECT(read_lag_ms(plugin) == 0);
    kae_plugin_unref(plugin);
}

static void *read_metrics(void *plugin)
{
    uint64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        struct kae_abi_metric *metrics = kae_plugin_metrics(plugin);
        uint64_t calls = metrics[KAE_METRIC_API_CALLS].value.u64;
        EXPECT(calls >= last && metrics[KAE_METRIC_COUNT - 1].name != NULL);
        last = calls;
    }
    return NULL;
}

/* Falco's are the stats writer and the Prometheus endpoint. */
static void each_thread_that_reads_metrics_has_an_answer_of_its_own(void)
{
    struct kae_plugin *plugin = kae_plugin_new(NULL, NULL);
    struct kae_abi_metric *answer = kae_plugin_metrics(plugin);
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&readers[i], NULL, read_metrics, plugin) == 0);
    for (int i = 0; i < 20000; i++)
        kae_plugin_count(plugin, KAE_METRIC_API_CALLS, 1);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_join(readers[i], NULL) == 0);
    EXPECT(answer[KAE_METRIC_API_CALLS].value.u64 == 0);
    EXPECT(kae_plugin_metrics(plugin)[KAE_METRIC_API_CALLS].value.u64 == 20000);
    kae_plugin_unref(plugin);
}

int main(void)
{
    each_thread_that_reads_metrics_has_an_answer_of_its_own();
    an_age_grows_by_itself();
    nobody_logs_to_a_host_that_is_gone();
    errors_and_texts_have_their_own_buffers();
    metrics_outside_the_table_are_ignored();
    puts("held");
    return 0;
}
