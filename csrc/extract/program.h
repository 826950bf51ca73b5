/*
 * The field programs: the shape of the generated table (generated/fields.c).
 *
 * src/k8saudit_eks/fields/compile.py makes the contents from the field table,
 * model.py says what each shape and guard means. All tables are constant; a
 * range is a first position and a count.
 */
#ifndef KAE_PROGRAM_H
#define KAE_PROGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kae_range {
    uint16_t first;
    uint16_t count;
};

struct kae_name {
    const char *text;
    uint32_t len_bytes;
};

/* One step from an element to others below it. */
enum kae_op_code {
    KAE_OP_MEMBER,          /* the member `name` of an object */
    KAE_OP_MEMBER_ANY_CASE, /* the same without regard to ASCII letter case */
    KAE_OP_KEY_MEMBER,      /* the member named by the field's key argument */
    KAE_OP_INDEX,           /* element `index` of an array */
    KAE_OP_EACH,            /* every element of an array */
    KAE_OP_EACH_OR_INDEX,   /* the same; with an index argument only that element */
    KAE_OP_WHOLE_OR_INDEX,  /* the element itself; with an index argument that element of it */
    KAE_OP_WHERE            /* the element itself, if its member `name` is the string `value` */
};

struct kae_op {
    uint32_t code;
    uint32_t index;
    struct kae_name name;
    struct kae_name value;
};

/* A place in the document that needs no argument: resolved at most once an event. */
enum kae_node_kind {
    KAE_NODE_ROOT,   /* always node 0 */
    KAE_NODE_MEMBER, /* the member `name` of the node `parent` */
    KAE_NODE_CHOICE  /* the first of `choices` whose guards hold and which is present */
};

struct kae_node {
    uint16_t kind;
    uint16_t parent; /* smaller than the node's own position */
    struct kae_range choices;
    struct kae_name name;
};

struct kae_choice {
    uint16_t node;
    struct kae_range guards;
};

/* Holds if the node's text is one of `values`, or none of them when negated;
 * without values, if the node is absent. */
struct kae_guard {
    uint16_t node;
    uint16_t negated;
    struct kae_range values;
};

/* From a node through ops; a relative path starts from an element and has no node. */
#define KAE_NO_NODE UINT16_MAX

struct kae_path {
    uint16_t node;
    struct kae_range ops;
};

/* As in model.py's Shape. */
enum kae_shape {
    KAE_SHAPE_TEXT,
    KAE_SHAPE_JOINED,
    KAE_SHAPE_REPOSITORY,
    KAE_SHAPE_CAPABILITY,
    KAE_SHAPE_HOST_PATH,
    KAE_SHAPE_HOST_PATH_PREFIXES,
    KAE_SHAPE_COLON_JOINED,
    KAE_SHAPE_MEMBER_NAMES,
    KAE_SHAPE_ANY_TRUE,
    KAE_SHAPE_ANY_MATCHES_KEY,
    KAE_SHAPE_TRUNCATED,
    KAE_SHAPE_ALWAYS_TRUE,
    KAE_SHAPE_QUERY_PARAMETER,
    KAE_SHAPE_QUERY_VALUES,
    KAE_SHAPE_QUERY_VALUES_JOINED,
    KAE_SHAPE_QUERY_REFUSED,
    KAE_SHAPE_URI_PATH,
    KAE_SHAPE_MILLISECONDS_AFTER_EVENT,
    KAE_SHAPE_MILLISECONDS_BETWEEN,
    KAE_SHAPE_POINTER
};

enum kae_arg { KAE_ARG_NONE, KAE_ARG_INDEX, KAE_ARG_KEY };

struct kae_program {
    uint8_t shape;
    uint8_t arg;
    uint8_t is_list;
    uint16_t plain;    /* the node whose text is the field's whole answer, or KAE_NO_NODE */
    uint16_t fallback; /* a node, or KAE_NO_NODE */
    struct kae_range paths;
    struct kae_range parts; /* relative paths */
    struct kae_range guards;
    const char *default_text; /* or NULL */
};

/* Indexed by field id. */
extern const struct kae_program kae_programs[];
extern const uint32_t kae_num_programs;

extern const struct kae_node kae_nodes[];
extern const uint32_t kae_num_nodes;

extern const struct kae_path kae_paths[];
extern const struct kae_op kae_ops[];
extern const struct kae_choice kae_choices[];
extern const struct kae_guard kae_guards[];
extern const struct kae_name kae_guard_values[];

/* What plugin_get_fields answers: a JSON array, NUL-terminated. */
extern const char kae_fields_json[];

#ifdef __cplusplus
}
#endif
#endif
