/* Compiled beside the hosts' real headers: every structure that falco_abi.h declares
 * has the size and the offsets that the hosts use, every constant its value. */
#include <stddef.h>

#include <plugin/plugin_api.h>

#include "abi/falco_abi.h"

#define SAME_SIZE(ours, theirs)                                                          \
    _Static_assert(sizeof(ours) == sizeof(theirs), "size of " #ours)
#define SAME_OFFSET(ours, our_member, theirs, their_member)                              \
    _Static_assert(offsetof(ours, our_member) == offsetof(theirs, their_member),         \
                   "offset of " #ours "." #our_member);                                  \
    _Static_assert(sizeof(((ours *)0)->our_member) == sizeof(((theirs *)0)->their_member), \
                   "size of " #ours "." #our_member)
#define SAME_VALUE(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours)

typedef struct kae_abi_event event;
SAME_SIZE(event, ss_plugin_event);
SAME_OFFSET(event, ts_ns, ss_plugin_event, ts);
SAME_OFFSET(event, tid, ss_plugin_event, tid);
SAME_OFFSET(event, len_bytes, ss_plugin_event, len);
SAME_OFFSET(event, type, ss_plugin_event, type);
SAME_OFFSET(event, nparams, ss_plugin_event, nparams);
#ifdef PLUGIN_EVENT_PAYLOAD_OFFSET /* since API 3.11 */
_Static_assert(sizeof(struct kae_abi_plugin_event) == PLUGIN_EVENT_PAYLOAD_OFFSET,
               "where the payload starts");
#endif

typedef struct kae_abi_event_input event_input;
SAME_SIZE(event_input, ss_plugin_event_input);
SAME_OFFSET(event_input, evt, ss_plugin_event_input, evt);
SAME_OFFSET(event_input, evtnum, ss_plugin_event_input, evtnum);
SAME_OFFSET(event_input, evtsrc, ss_plugin_event_input, evtsrc);

typedef struct kae_abi_byte_buffer byte_buffer;
SAME_SIZE(byte_buffer, ss_plugin_byte_buffer);
SAME_OFFSET(byte_buffer, len_bytes, ss_plugin_byte_buffer, len);
SAME_OFFSET(byte_buffer, ptr, ss_plugin_byte_buffer, ptr);

typedef struct kae_abi_extract_field extract_field;
SAME_SIZE(extract_field, ss_plugin_extract_field);
SAME_OFFSET(extract_field, res, ss_plugin_extract_field, res);
SAME_OFFSET(extract_field, res_len, ss_plugin_extract_field, res_len);
SAME_OFFSET(extract_field, field_id, ss_plugin_extract_field, field_id);
SAME_OFFSET(extract_field, field, ss_plugin_extract_field, field);
SAME_OFFSET(extract_field, arg_key, ss_plugin_extract_field, arg_key);
SAME_OFFSET(extract_field, arg_index, ss_plugin_extract_field, arg_index);
SAME_OFFSET(extract_field, arg_present, ss_plugin_extract_field, arg_present);
SAME_OFFSET(extract_field, ftype, ss_plugin_extract_field, ftype);
SAME_OFFSET(extract_field, flist, ss_plugin_extract_field, flist);

/* The host's structure goes on, and is passed by pointer: only the front matters. */
typedef struct kae_abi_extract_input extract_input;
_Static_assert(sizeof(extract_input) <= sizeof(ss_plugin_field_extract_input), "front part");
SAME_OFFSET(extract_input, owner, ss_plugin_field_extract_input, owner);
SAME_OFFSET(extract_input, get_owner_last_error, ss_plugin_field_extract_input,
            get_owner_last_error);
SAME_OFFSET(extract_input, num_fields, ss_plugin_field_extract_input, num_fields);
SAME_OFFSET(extract_input, fields, ss_plugin_field_extract_input, fields);

typedef struct kae_abi_init_input init_input;
_Static_assert(sizeof(init_input) <= sizeof(ss_plugin_init_input), "front part");
SAME_OFFSET(init_input, config, ss_plugin_init_input, config);
SAME_OFFSET(init_input, owner, ss_plugin_init_input, owner);
SAME_OFFSET(init_input, get_owner_last_error, ss_plugin_init_input, get_owner_last_error);
SAME_OFFSET(init_input, tables, ss_plugin_init_input, tables);
SAME_OFFSET(init_input, log_fn, ss_plugin_init_input, log_fn);

typedef struct kae_abi_metric metric;
SAME_SIZE(metric, ss_plugin_metric);
SAME_OFFSET(metric, name, ss_plugin_metric, name);
SAME_OFFSET(metric, type, ss_plugin_metric, type);
SAME_OFFSET(metric, value, ss_plugin_metric, value);
SAME_OFFSET(metric, value_type, ss_plugin_metric, value_type);

/* Enumerations cross the boundary as int32_t here. */
_Static_assert(sizeof(ss_plugin_rc) == sizeof(int32_t), "return codes");
_Static_assert(sizeof(ss_plugin_schema_type) == sizeof(int32_t), "schema types");
_Static_assert(sizeof(ss_plugin_log_severity) == sizeof(int32_t), "severities");

SAME_VALUE(KAE_ABI_SUCCESS, SS_PLUGIN_SUCCESS);
SAME_VALUE(KAE_ABI_FAILURE, SS_PLUGIN_FAILURE);
SAME_VALUE(KAE_ABI_TIMEOUT, SS_PLUGIN_TIMEOUT);
SAME_VALUE(KAE_ABI_END_OF_FILE, SS_PLUGIN_EOF);
SAME_VALUE(KAE_ABI_NOT_SUPPORTED, SS_PLUGIN_NOT_SUPPORTED);
SAME_VALUE(KAE_ABI_SCHEMA_NONE, SS_PLUGIN_SCHEMA_NONE);
SAME_VALUE(KAE_ABI_SCHEMA_JSON, SS_PLUGIN_SCHEMA_JSON);
SAME_VALUE(KAE_ABI_FIELD_UINT64, FTYPE_UINT64);
SAME_VALUE(KAE_ABI_FIELD_STRING, FTYPE_STRING);
SAME_VALUE(KAE_ABI_FIELD_RELTIME, FTYPE_RELTIME);
SAME_VALUE(KAE_ABI_FIELD_ABSTIME, FTYPE_ABSTIME);
SAME_VALUE(KAE_ABI_FIELD_BOOL, FTYPE_BOOL);
SAME_VALUE(KAE_ABI_FIELD_IPADDR, FTYPE_IPADDR);
SAME_VALUE(KAE_ABI_FIELD_IPNET, FTYPE_IPNET);
SAME_VALUE(KAE_ABI_FATAL, SS_PLUGIN_LOG_SEV_FATAL);
SAME_VALUE(KAE_ABI_CRITICAL, SS_PLUGIN_LOG_SEV_CRITICAL);
SAME_VALUE(KAE_ABI_ERROR, SS_PLUGIN_LOG_SEV_ERROR);
SAME_VALUE(KAE_ABI_WARNING, SS_PLUGIN_LOG_SEV_WARNING);
SAME_VALUE(KAE_ABI_NOTICE, SS_PLUGIN_LOG_SEV_NOTICE);
SAME_VALUE(KAE_ABI_INFO, SS_PLUGIN_LOG_SEV_INFO);
SAME_VALUE(KAE_ABI_DEBUG, SS_PLUGIN_LOG_SEV_DEBUG);
SAME_VALUE(KAE_ABI_TRACE, SS_PLUGIN_LOG_SEV_TRACE);
SAME_VALUE(KAE_ABI_METRIC_MONOTONIC, SS_PLUGIN_METRIC_TYPE_MONOTONIC);
SAME_VALUE(KAE_ABI_METRIC_NON_MONOTONIC, SS_PLUGIN_METRIC_TYPE_NON_MONOTONIC);
SAME_VALUE(KAE_ABI_METRIC_U64, SS_PLUGIN_METRIC_VALUE_TYPE_U64);
