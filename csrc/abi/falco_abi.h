/*
 * The plugin ABI of Falco and sysdig, as far as this plugin uses it.
 *
 * These are this project's own declarations of a binary interface that is fixed
 * by the hosts (plugin API 3.6.0 and later minor versions of major 3).
 * tests/abi compiles them beside the hosts' real headers and asserts that every
 * size, offset and constant agrees.
 */
#ifndef KAE_FALCO_ABI_H
#define KAE_FALCO_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The oldest API that has everything used here: log_fn (3.4), get_metrics (3.6). */
#define KAE_ABI_REQUIRED_API_VERSION "3.6.0"

/* What the host does next: SUCCESS goes on, FAILURE stops every source and ends
 * the host, TIMEOUT asks again at once, END_OF_FILE ends this source cleanly. */
enum kae_abi_rc {
    KAE_ABI_TIMEOUT = -1,
    KAE_ABI_SUCCESS = 0,
    KAE_ABI_FAILURE = 1,
    KAE_ABI_END_OF_FILE = 2,
    KAE_ABI_NOT_SUPPORTED = 3
};

enum kae_abi_schema_type { KAE_ABI_SCHEMA_NONE = 0, KAE_ABI_SCHEMA_JSON = 1 };

enum kae_abi_field_type {
    KAE_ABI_FIELD_UINT64 = 8,
    KAE_ABI_FIELD_STRING = 9,
    KAE_ABI_FIELD_RELTIME = 20,
    KAE_ABI_FIELD_ABSTIME = 21,
    KAE_ABI_FIELD_BOOL = 25,
    KAE_ABI_FIELD_IPADDR = 40,
    KAE_ABI_FIELD_IPNET = 41
};

#include "abi/severity.cdef.h"

/* Event type of plugin events: two parameters, the plugin id and the payload. */
#define KAE_ABI_PLUGIN_EVENT_TYPE 322
#define KAE_ABI_PLUGIN_EVENT_PARAMS 2
#define KAE_ABI_NO_THREAD UINT64_MAX

#pragma pack(push, 1)
struct kae_abi_event {
    uint64_t ts_ns;
    uint64_t tid;
    uint32_t len_bytes; /* of the whole event, this header included */
    uint16_t type;
    uint32_t nparams;
};

/* A plugin event's fixed part: the header, both parameter lengths, the plugin
 * id. The payload follows. */
struct kae_abi_plugin_event {
    struct kae_abi_event header;
    uint32_t id_len_bytes;
    uint32_t payload_len_bytes;
    uint32_t plugin_id;
};
#pragma pack(pop)

struct kae_abi_event_input {
    const struct kae_abi_event *evt;
    uint64_t evtnum;
    const char *evtsrc;
};

struct kae_abi_byte_buffer {
    uint32_t len_bytes;
    const void *ptr;
};

/* One field asked for: res and res_len are the plugin's to fill in. */
struct kae_abi_extract_field {
    union {
        const char **str;
        uint64_t *u64;
        uint32_t *u32;
        uint32_t *boolean;
        struct kae_abi_byte_buffer *buf;
    } res;
    uint64_t res_len;
    uint32_t field_id;
    const char *field;
    const char *arg_key;
    uint64_t arg_index;
    uint32_t arg_present;
    uint32_t ftype;
    uint32_t flist;
};

/* The host's structure goes on after `fields`; nothing behind it is read here. */
struct kae_abi_extract_input {
    void *owner;
    const char *(*get_owner_last_error)(void *owner);
    uint32_t num_fields;
    struct kae_abi_extract_field *fields;
};

typedef void (*kae_abi_log_fn)(void *owner, const char *component, const char *text,
                               int32_t severity);

struct kae_abi_init_input {
    const char *config;
    void *owner;
    const char *(*get_owner_last_error)(void *owner);
    const void *tables;
    kae_abi_log_fn log_fn;
};

enum kae_abi_metric_type { KAE_ABI_METRIC_MONOTONIC = 0, KAE_ABI_METRIC_NON_MONOTONIC = 1 };

enum kae_abi_metric_value_type { KAE_ABI_METRIC_U64 = 2 };

struct kae_abi_metric {
    const char *name;
    int32_t type;
    union {
        uint32_t u32;
        int32_t s32;
        uint64_t u64;
        int64_t s64;
        double d;
        float f;
        int i;
    } value;
    int32_t value_type;
};

#ifdef __cplusplus
}
#endif
#endif
