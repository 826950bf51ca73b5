#include "abi/plugin.h"

#include <stdlib.h>
#include <string.h>

struct kae_plugin *kae_plugin_new(kae_abi_log_fn log_fn, void *owner)
{
    struct kae_plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL)
        return NULL;
    plugin->extractor = kae_extractor_new();
    if (plugin->extractor == NULL || pthread_mutex_init(&plugin->host_lock, NULL) != 0) {
        kae_extractor_free(plugin->extractor);
        free(plugin);
        return NULL;
    }
    atomic_init(&plugin->refs, 1);
    plugin->log_fn = log_fn;
    plugin->owner = owner;
    return plugin;
}

void kae_plugin_ref(struct kae_plugin *plugin)
{
    atomic_fetch_add_explicit(&plugin->refs, 1, memory_order_relaxed);
}

void kae_plugin_unref(struct kae_plugin *plugin)
{
    if (plugin == NULL ||
        atomic_fetch_sub_explicit(&plugin->refs, 1, memory_order_acq_rel) != 1)
        return;
    kae_extractor_free(plugin->extractor);
    pthread_mutex_destroy(&plugin->host_lock);
    free(plugin->error);
    free(plugin->last_error);
    free(plugin->open_params);
    free(plugin->event_text);
    free(plugin);
}

void kae_plugin_detach_host(struct kae_plugin *plugin)
{
    pthread_mutex_lock(&plugin->host_lock);
    plugin->log_fn = NULL;
    plugin->owner = NULL;
    pthread_mutex_unlock(&plugin->host_lock);
}

void kae_plugin_log(struct kae_plugin *plugin, int32_t severity, const char *text)
{
    pthread_mutex_lock(&plugin->host_lock);
    if (plugin->log_fn != NULL)
        plugin->log_fn(plugin->owner, NULL, text, severity);
    pthread_mutex_unlock(&plugin->host_lock);
}

void kae_plugin_set_error(struct kae_plugin *plugin, const char *text)
{
    char *copy = strdup(text);
    pthread_mutex_lock(&plugin->host_lock);
    free(plugin->error);
    plugin->error = copy;
    pthread_mutex_unlock(&plugin->host_lock);
}

const char *kae_plugin_last_error(struct kae_plugin *plugin)
{
    free(plugin->last_error);
    pthread_mutex_lock(&plugin->host_lock);
    plugin->last_error = plugin->error != NULL ? strdup(plugin->error) : NULL;
    pthread_mutex_unlock(&plugin->host_lock);
    return plugin->last_error != NULL ? plugin->last_error : "";
}

void kae_plugin_set_open_params(struct kae_plugin *plugin, const char *json)
{
    free(plugin->open_params);
    plugin->open_params = strdup(json);
}

void kae_plugin_count(struct kae_plugin *plugin, uint32_t metric, uint64_t amount)
{
    kae_metrics_add(&plugin->metrics, metric, amount);
}

void kae_plugin_gauge(struct kae_plugin *plugin, uint32_t metric, uint64_t value)
{
    kae_metrics_set(&plugin->metrics, metric, value);
}

void kae_plugin_age(struct kae_plugin *plugin, uint32_t metric, int64_t since_ms)
{
    kae_metrics_set_age(&plugin->metrics, metric, since_ms);
}

struct kae_abi_metric *kae_plugin_metrics(struct kae_plugin *plugin)
{
    static _Thread_local struct kae_abi_metric answer[KAE_METRIC_COUNT];
    kae_metrics_read(&plugin->metrics, answer);
    return answer;
}

const char *kae_plugin_event_text(struct kae_plugin *plugin, const char *text,
                                  size_t len_bytes)
{
    if (len_bytes + 1 > plugin->event_text_size_bytes) {
        char *grown = realloc(plugin->event_text, len_bytes + 1);
        if (grown == NULL)
            return NULL;
        plugin->event_text = grown;
        plugin->event_text_size_bytes = len_bytes + 1;
    }
    memcpy(plugin->event_text, text, len_bytes);
    plugin->event_text[len_bytes] = '\0';
    return plugin->event_text;
}
