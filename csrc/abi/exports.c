/*
 * Every symbol the host looks up, and nothing else. Each export does the same
 * four steps: preset the refusal, check what it was given, delegate, answer.
 *
 * Callbacks into Python happen in init, destroy, open, close and
 * list_open_params only; no other export ever takes the GIL.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/callbacks.h"
#include "extract/extract.h"
#include "generated/tables.h"
#include "python/interpreter.h"
#include "abi/plugin.h"
#include "queue/queue.h"

#define KAE_EXPORT __attribute__((visibility("default")))

/* open_params says nothing about sizes, so this is replaced by buffer_size before
 * the first event (embed.py). */
#define KAE_INITIAL_QUEUE_EVENTS 1

static const char NO_HANDLE[] = "k8saudit-eks has no memory left to start";

KAE_EXPORT const char *plugin_get_required_api_version(void)
{
    return KAE_ABI_REQUIRED_API_VERSION;
}

KAE_EXPORT const char *plugin_get_version(void)
{
    return KAE_PLUGIN_VERSION;
}

KAE_EXPORT const char *plugin_get_name(void)
{
    return KAE_PLUGIN_NAME;
}

KAE_EXPORT const char *plugin_get_description(void)
{
    return KAE_PLUGIN_DESCRIPTION;
}

KAE_EXPORT const char *plugin_get_contact(void)
{
    return KAE_PLUGIN_CONTACT;
}

KAE_EXPORT uint32_t plugin_get_id(void)
{
    return KAE_PLUGIN_ID;
}

KAE_EXPORT const char *plugin_get_event_source(void)
{
    return KAE_EVENT_SOURCE;
}

KAE_EXPORT const char *plugin_get_extract_event_sources(void)
{
    return "[\"" KAE_EVENT_SOURCE "\"]";
}

KAE_EXPORT const char *plugin_get_fields(void)
{
    return kae_fields_json;
}

KAE_EXPORT const char *plugin_get_init_schema(int32_t *schema_type)
{
    if (schema_type != NULL)
        *schema_type = KAE_ABI_SCHEMA_JSON;
    return kae_config_schema_json;
}

KAE_EXPORT void *plugin_init(const struct kae_abi_init_input *input, int32_t *rc)
{
    if (rc != NULL)
        *rc = KAE_ABI_FAILURE;
    struct kae_plugin *plugin = kae_plugin_new(input != NULL ? input->log_fn : NULL,
                                               input != NULL ? input->owner : NULL);
    if (plugin == NULL)
        return NULL;

    /* From here on a handle is returned on every path: it holds the message. */
    const char *refusal = kae_interpreter_start();
    if (refusal != NULL) {
        kae_plugin_set_error(plugin, refusal);
        return plugin;
    }
    const char *warning = kae_interpreter_warning();
    if (warning != NULL)
        kae_plugin_log(plugin, KAE_ABI_WARNING, warning);
    kae_plugin_set_error(plugin, "k8saudit-eks could not be initialised: Python gave no reason");
    const char *config = input != NULL && input->config != NULL ? input->config : "";
    if (kae_py_init(plugin, config) != KAE_DONE)
        return plugin;
    kae_plugin_set_error(plugin, "");
    plugin->ready = true;
    if (rc != NULL)
        *rc = KAE_ABI_SUCCESS;
    return plugin;
}

KAE_EXPORT void plugin_destroy(void *handle)
{
    struct kae_plugin *plugin = handle;
    if (plugin == NULL)
        return;
    if (plugin->ready)
        (void)kae_py_destroy(plugin); /* closes the instances that the host left open */
    kae_plugin_detach_host(plugin);
    kae_plugin_unref(plugin);
    /* A hot reload starts again at once: what the captures held must not stay with
     * the process beside what the next ones take. */
    malloc_trim(0);
}

KAE_EXPORT const char *plugin_get_last_error(void *handle)
{
    return handle != NULL ? kae_plugin_last_error(handle) : NO_HANDLE;
}

KAE_EXPORT void *plugin_open(void *handle, const char *params, int32_t *rc)
{
    if (rc != NULL)
        *rc = KAE_ABI_FAILURE;
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || !plugin->ready)
        return NULL;
    kae_extractor_reset(plugin->extractor);
    plugin->last_evaluated = NULL;
    struct kae_queue *queue = kae_queue_new(KAE_INITIAL_QUEUE_EVENTS, &plugin->metrics);
    if (queue == NULL) {
        kae_plugin_set_error(plugin, "k8saudit-eks has no memory left for its event queue");
        return NULL;
    }
    kae_plugin_set_error(plugin, "k8saudit-eks could not be opened: Python gave no reason");
    if (kae_py_open(plugin, queue, params != NULL ? params : "") != KAE_DONE) {
        kae_queue_close(queue, NULL);
        kae_queue_unref(queue);
        return NULL;
    }
    kae_plugin_set_error(plugin, "");
    if (rc != NULL)
        *rc = KAE_ABI_SUCCESS;
    return queue;
}

KAE_EXPORT void plugin_close(void *handle, void *instance)
{
    struct kae_plugin *plugin = handle;
    struct kae_queue *queue = instance;
    if (plugin == NULL || queue == NULL)
        return;
    /* First the queue, so that a poller waiting in a push comes out of it. */
    kae_queue_close(queue, plugin->last_evaluated);
    (void)kae_py_close(plugin, queue);
    kae_extractor_reset(plugin->extractor);
    plugin->last_evaluated = NULL;
    kae_queue_unref(queue);
}

KAE_EXPORT const char *plugin_list_open_params(void *handle, int32_t *rc)
{
    if (rc != NULL)
        *rc = KAE_ABI_FAILURE;
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || !plugin->ready)
        return NULL;
    if (kae_py_list_open_params(plugin) != KAE_DONE || plugin->open_params == NULL)
        return NULL;
    if (rc != NULL)
        *rc = KAE_ABI_SUCCESS;
    return plugin->open_params;
}

KAE_EXPORT const char *plugin_get_progress(void *handle, void *instance, uint32_t *progress_pct)
{
    (void)handle;
    if (progress_pct != NULL)
        *progress_pct = instance != NULL ? kae_queue_progress(instance) : 0;
    return NULL; /* the host formats the number */
}

KAE_EXPORT int32_t plugin_next_batch(void *handle, void *instance, uint32_t *nevts,
                                     struct kae_abi_event ***evts)
{
    if (nevts != NULL)
        *nevts = 0;
    if (evts != NULL)
        *evts = NULL;
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || instance == NULL || nevts == NULL || evts == NULL)
        return KAE_ABI_FAILURE;
    plugin->last_evaluated = NULL;
    return kae_queue_next_batch(instance, nevts, evts);
}

KAE_EXPORT int32_t plugin_extract_fields(void *handle, const struct kae_abi_event_input *event,
                                         const struct kae_abi_extract_input *input)
{
    if (input != NULL && input->fields != NULL) {
        for (uint32_t i = 0; i < input->num_fields; i++)
            input->fields[i].res_len = 0;
    }
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || event == NULL || event->evt == NULL || input == NULL ||
        (input->fields == NULL && input->num_fields > 0))
        return KAE_ABI_FAILURE;
    plugin->last_evaluated = event->evt;
    int32_t rc = kae_extract(plugin->extractor, event, input->fields, input->num_fields);
    kae_metrics_set(&plugin->metrics, KAE_METRIC_EVENTS_UNPARSABLE,
                    kae_extractor_unparsable(plugin->extractor));
    if (rc != KAE_ABI_SUCCESS)
        kae_plugin_set_error(plugin, kae_extractor_error(plugin->extractor));
    return rc;
}

KAE_EXPORT const char *plugin_event_to_string(void *handle,
                                              const struct kae_abi_event_input *event)
{
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || event == NULL || event->evt == NULL)
        return NULL;
    const struct kae_abi_plugin_event *plugin_event =
        (const struct kae_abi_plugin_event *)event->evt;
    const size_t fixed_bytes = sizeof *plugin_event;
    if (event->evt->len_bytes < fixed_bytes ||
        plugin_event->payload_len_bytes > event->evt->len_bytes - fixed_bytes)
        return NULL;
    plugin->last_evaluated = event->evt;
    return kae_plugin_event_text(plugin, (const char *)(plugin_event + 1),
                                 plugin_event->payload_len_bytes);
}

KAE_EXPORT struct kae_abi_metric *plugin_get_metrics(void *handle, uint32_t *num_metrics)
{
    if (num_metrics != NULL)
        *num_metrics = 0;
    struct kae_plugin *plugin = handle;
    if (plugin == NULL || num_metrics == NULL)
        return NULL;
    *num_metrics = KAE_METRIC_COUNT;
    return kae_plugin_metrics(plugin);
}
