/*
 * What can be kept of cut JSON. No preprocessor lines in this file: cffi reads it, too.
 */
enum kae_cut_limits {
    /* Objects and arrays open at once, at most; deeper ones are damage. Kubernetes accepts
     * JSON nested up to 10,000 levels (the limit of Go's encoding/json); an audit event
     * wraps that in a few more. */
    KAE_CUT_MAX_OPEN = 10100,
    /* The members of a cut object that are told: kind, apiVersion, auditID, stageTimestamp,
     * requestReceivedTimestamp, items; tests/reference/closed_json.py's MEMBERS. */
    KAE_CUT_MEMBERS = 6
};

/* Where a value stands in the text. Of several members with one name the first counts. */
struct kae_cut_member {
    uint64_t start_bytes; /* 0: there is no such member */
    uint64_t len_bytes;   /* of a string with its quotes, also one that closers end; else 0 */
};

struct kae_cut {
    uint64_t start_bytes;        /* behind blanks */
    uint64_t end_bytes;          /* what comes before this is kept */
    uint32_t closers_len_bytes;  /* and these come behind it */
    uint32_t is_whole;           /* nothing was cut off: no closers */
    uint32_t is_alone;           /* nothing but blanks is behind a whole value */
    struct kae_cut_member members[KAE_CUT_MEMBERS];
    char closers[KAE_CUT_MAX_OPEN + 1];
};

/*
 * Finds what can be kept of the JSON value at the start of `text`; `text` stays as it is.
 * The auditID, which a client chooses and without which no event is answered, is closed
 * where it is cut; of other members only complete ones are kept.
 *
 * Returns 1, or 0 when not even one member or element is complete; `cut` means nothing
 * then. Strict as RFC 8259, but that strings may hold any bytes from 0x80 on: what is
 * kept is UTF-8 if the text is. Linear in the text, without recursion or memory of its
 * own. Any thread; does not touch Python.
 */
int32_t kae_cut_json(const uint8_t *text, uint64_t len_bytes, struct kae_cut *cut);
