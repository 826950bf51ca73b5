/*
 * A source plugin that does nothing: a host with it is the host without ours.
 *
 * open_params "": never an event. "PATH": the lines of that file, read before the
 * capture begins and handed out as they are; then the end. It has no fields.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/falco_abi.h"

#define PLUGIN_ID 999
#define BATCH_EVENTS 128
#define IDLE_US 30000

struct capture {
    char *bytes; /* events, one behind the other */
    size_t len_bytes;
    size_t next;
    struct kae_abi_event *batch[BATCH_EVENTS];
};

const char *plugin_get_required_api_version(void)
{
    return KAE_ABI_REQUIRED_API_VERSION;
}

const char *plugin_get_version(void)
{
    return "0.1.0";
}

const char *plugin_get_name(void)
{
    return "do_nothing";
}

const char *plugin_get_description(void)
{
    return "does nothing";
}

const char *plugin_get_contact(void)
{
    return "bench/do_nothing.c";
}

const char *plugin_get_last_error(void *plugin)
{
    (void)plugin;
    return "the file can't be read";
}

const char *plugin_get_event_source(void)
{
    return "do_nothing";
}

uint32_t plugin_get_id(void)
{
    return PLUGIN_ID;
}

void *plugin_init(const struct kae_abi_init_input *input, int32_t *rc)
{
    static int the_only_one;
    (void)input;
    *rc = KAE_ABI_SUCCESS;
    return &the_only_one;
}

void plugin_destroy(void *plugin)
{
    (void)plugin;
}

/* Appends one event; the sizes of a benchmark need no care. */
static void append(struct capture *capture, const char *line, size_t len_bytes)
{
    struct kae_abi_plugin_event event = {
        .header = {.ts_ns = UINT64_C(1767225600000000000),
                   .tid = KAE_ABI_NO_THREAD,
                   .len_bytes = (uint32_t)(sizeof event + len_bytes),
                   .type = KAE_ABI_PLUGIN_EVENT_TYPE,
                   .nparams = KAE_ABI_PLUGIN_EVENT_PARAMS},
        .id_len_bytes = sizeof event.plugin_id,
        .payload_len_bytes = (uint32_t)len_bytes,
        .plugin_id = PLUGIN_ID,
    };
    memcpy(capture->bytes + capture->len_bytes, &event, sizeof event);
    memcpy(capture->bytes + capture->len_bytes + sizeof event, line, len_bytes);
    capture->len_bytes += sizeof event + len_bytes;
}

static int read_lines(struct capture *capture, FILE *file)
{
    char *line = NULL;
    size_t size_bytes = 0;
    size_t capacity_bytes = 0;
    for (ssize_t read = getline(&line, &size_bytes, file); read > 0;
         read = getline(&line, &size_bytes, file)) {
        size_t needed_bytes =
            capture->len_bytes + sizeof(struct kae_abi_plugin_event) + (size_t)read;
        if (needed_bytes > capacity_bytes) {
            capacity_bytes = 2 * needed_bytes;
            capture->bytes = realloc(capture->bytes, capacity_bytes);
            if (capture->bytes == NULL)
                return 0;
        }
        append(capture, line, (size_t)read - 1);
    }
    free(line);
    return 1;
}

void *plugin_open(void *plugin, const char *params, int32_t *rc)
{
    (void)plugin;
    *rc = KAE_ABI_FAILURE;
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture != NULL && params[0] != '\0') {
        FILE *file = fopen(params, "r");
        if (file == NULL || !read_lines(capture, file))
            return NULL;
        fclose(file);
    }
    *rc = capture != NULL ? KAE_ABI_SUCCESS : KAE_ABI_FAILURE;
    return capture;
}

void plugin_close(void *plugin, void *instance)
{
    struct capture *capture = instance;
    (void)plugin;
    free(capture->bytes);
    free(capture);
}

int32_t plugin_next_batch(void *plugin, void *instance, uint32_t *nevts,
                          struct kae_abi_event ***evts)
{
    struct capture *capture = instance;
    (void)plugin;
    *nevts = 0;
    *evts = capture->batch;
    if (capture->bytes == NULL) {
        usleep(IDLE_US);
        return KAE_ABI_TIMEOUT;
    }
    while (*nevts < BATCH_EVENTS && capture->next < capture->len_bytes) {
        struct kae_abi_event *event = (struct kae_abi_event *)(capture->bytes + capture->next);
        capture->batch[(*nevts)++] = event;
        capture->next += event->len_bytes;
    }
    return *nevts > 0 ? KAE_ABI_SUCCESS : KAE_ABI_END_OF_FILE;
}
