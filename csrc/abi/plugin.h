/*
 * One plugin handle: what plugin_init returns and plugin_destroy ends.
 *
 * Fields are grouped by who may touch them. The handle is reference-counted,
 * since Python objects that log or count may outlive plugin_destroy; after it
 * their calls do nothing.
 */
#ifndef KAE_PLUGIN_H
#define KAE_PLUGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "extract/extract.h"
#include "abi/falco_abi.h"
#include "abi/metrics.h"

struct kae_plugin {
    atomic_uint refs;

    /* Any thread, without locks. */
    struct kae_metrics metrics;

    /* Guarded by host_lock: the logger belongs to the host and dies with
     * plugin_destroy, while poller threads may still be on their way out; the
     * error is also written by a poller whose source fails. */
    pthread_mutex_t host_lock;
    kae_abi_log_fn log_fn;
    void *owner;
    char *error;

    /* The host's threads, one at a time: each buffer answers one export. */
    char *last_error;
    char *open_params;
    char *event_text;
    size_t event_text_size_bytes;
    struct kae_extractor *extractor;
    const struct kae_abi_event *last_evaluated;
    int32_t ready; /* init succeeded: Python knows this handle */
};

/* NULL when memory is short. `log_fn` may be NULL. */
struct kae_plugin *kae_plugin_new(kae_abi_log_fn log_fn, void *owner);
void kae_plugin_ref(struct kae_plugin *plugin);
void kae_plugin_unref(struct kae_plugin *plugin);

/* From now on the host's logger is not called any more. */
void kae_plugin_detach_host(struct kae_plugin *plugin);

/* To the host's log; does nothing after detach. Any thread. */
void kae_plugin_log(struct kae_plugin *plugin, int32_t severity, const char *text);

/* Remembers the sentence for plugin_get_last_error. Any thread. */
void kae_plugin_set_error(struct kae_plugin *plugin, const char *text);

/* The last sentence, "" when there was none; valid until the next call. */
const char *kae_plugin_last_error(struct kae_plugin *plugin);

/* The answer of plugin_list_open_params, a JSON array. */
void kae_plugin_set_open_params(struct kae_plugin *plugin, const char *json);

void kae_plugin_count(struct kae_plugin *plugin, uint32_t metric, uint64_t amount);
void kae_plugin_gauge(struct kae_plugin *plugin, uint32_t metric, uint64_t value);
void kae_plugin_age(struct kae_plugin *plugin, uint32_t metric, int64_t since_ms);

/* The answer of plugin_get_metrics, KAE_METRIC_COUNT long. Any thread: Falco asks in
 * two. It is the calling thread's until that thread asks again, of whatever handle. */
struct kae_abi_metric *kae_plugin_metrics(struct kae_plugin *plugin);

/* `text` (need not be terminated) as a string of the handle, valid until the next
 * call; NULL when memory is short. */
const char *kae_plugin_event_text(struct kae_plugin *plugin, const char *text,
                                  size_t len_bytes);

#endif
