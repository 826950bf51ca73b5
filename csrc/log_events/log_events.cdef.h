/*
 * Which list the log events stand in, and what they are called there. No preprocessor
 * lines in this file: cffi reads it, too.
 */
enum kae_form {
    /* FilterLogEvents: {"events":[{"eventId","timestamp","message","ingestionTime"?,
     * "logStreamName"?}], ...}. */
    KAE_FORM_ANSWER = 0,
    /* Subscription filters and Firehose: {"logEvents":[{"id","timestamp","message"}], ...}. */
    KAE_FORM_SUBSCRIPTION = 1
};

enum kae_log_events_limits {
    KAE_KEY_BYTES = 15,             /* BLAKE2b (RFC 7693) of the event id, 120 bits, no key */
    KAE_TIME_UNKNOWN = -1,          /* an ingestion time or timestamp that is not known */
    KAE_NO_STREAM = -1,             /* a log event whose stream is not known */
    KAE_DOCUMENT_MAX_BYTES = 67108864, /* longer documents are declined: 64 MiB */
    KAE_STREAMS_MAX = 256,          /* of one object; a document with more is declined */
    /* Longer ones are declined: each event of a list gets a copy of the id. CloudWatch's ids
     * have 56 digits, and its names up to 512 characters. */
    KAE_EVENT_ID_MAX_BYTES = 256,
    KAE_STREAM_NAME_MAX_BYTES = 2048
};

enum kae_read_refusal {
    KAE_READ_OK = 0,
    KAE_READ_DECLINED = 1,  /* not in the usual form: whoever reads JSON leniently must look */
    KAE_READ_NO_MEMORY = 2
};

struct kae_log_events;

/* Entry i of each array is log event i. Valid as long as the object, until the next add. */
struct kae_log_events_view {
    uint32_t count;
    uint32_t stream_count;
    const int64_t *timestamps_ms;      /* since the epoch; KAE_TIME_UNKNOWN only if added so */
    const int64_t *ingestion_times_ms; /* KAE_TIME_UNKNOWN where there is none */
    const int32_t *streams;            /* place among the stream names, or KAE_NO_STREAM */
    const uint8_t *keys;               /* KAE_KEY_BYTES each; zeros without an event id */
};

/* Bytes that belong to the object: UTF-8, not NUL-terminated. */
struct kae_text {
    const char *start;
    uint64_t len_bytes;
};

/*
 * Reads a document, which must be all of the bytes, strictly: RFC 8259, UTF-8, each member
 * that the form names at most once, no other member in a log event, ids and names without
 * escapes, timestamps that are integers of 0 to 2^63-1, strings whose escapes all stand for
 * characters (no lone surrogate). What differs is declined, never guessed at, and is for a
 * reader of JSON to judge. Members beside the list are stepped over: whoever parses the rest
 * refuses it if, and only if, he would have refused the document. If he does not, he reads
 * the same log events as are read here.
 * The bytes are copied: `document` may go. `*refusal` is a kae_read_refusal.
 */
struct kae_log_events *kae_log_events_read(const uint8_t *document, uint64_t len_bytes,
                                           int32_t form, int32_t *refusal);

/* An empty object for kae_log_events_add; NULL when memory is short. */
struct kae_log_events *kae_log_events_new(void);

/*
 * Adds one log event: its text as it was logged (any bytes; ill-formed UTF-8 becomes U+FFFD),
 * its event id (UTF-8, empty if unknown). Copies both. Only for objects of kae_log_events_new.
 * 1, or 0 when memory is short.
 */
int32_t kae_log_events_add(struct kae_log_events *events, const uint8_t *message,
                           uint64_t message_len_bytes, const uint8_t *event_id,
                           uint64_t event_id_len_bytes, int64_t timestamp_ms,
                           int64_t ingestion_time_ms, int32_t stream);

/* NULL is allowed. */
void kae_log_events_free(struct kae_log_events *events);

void kae_log_events_view(const struct kae_log_events *events, struct kae_log_events_view *view);

/* The document without what stands in its list of log events: JSON if the document is.
 * Empty for an object of kae_log_events_new. */
void kae_log_events_rest(const struct kae_log_events *events, struct kae_text *rest);

/* The name of a stream, the text of an event id; empty for a place that does not exist. */
void kae_log_events_stream(const struct kae_log_events *events, uint32_t place,
                           struct kae_text *name);
void kae_log_events_id(const struct kae_log_events *events, uint32_t place, struct kae_text *id);

/*
 * Events that are ready for the queue. `events_of` has an entry for each chosen log event:
 * how many events it became. One in which something is no audit event counts in
 * `unreadable_of` (not one that is cut: that is repaired);
 * as long as fewer than `unreadable_max` of them were made, an event takes its place that
 * says so, and counts in events_of, too.
 */
struct kae_frames;
struct kae_frames_view {
    uint32_t chosen;               /* entries of the arrays */
    uint32_t events;               /* in all */
    uint32_t truncated;            /* of these, cut and repaired */
    const uint32_t *events_of;
    const uint8_t *unreadable_of;  /* 1: something in it is no audit event */
};

/*
 * Frames the log events at `places`, in that order: envelope.h shows
 * the payload. `envelopes` has the beginning of the envelope for each stream, and behind
 * them one for log events without a stream: stream_count + 1 texts of JSON, from
 * {"k8saudit_eks":{ to before its closing brace. Events longer than max_size_bytes
 * (without the envelope) are cut. NULL when memory is short, or a place or the number of
 * envelopes is wrong.
 */
struct kae_frames *kae_log_events_frame(const struct kae_log_events *events,
                                        const uint32_t *places, uint32_t count,
                                        const struct kae_text *envelopes,
                                        uint32_t envelope_count, uint64_t max_size_bytes,
                                        uint32_t unreadable_max);

void kae_frames_view(const struct kae_frames *frames, struct kae_frames_view *view);

/* The payload and time of one event, for tests and tools; false for a place that does not
 * exist, or was pushed already. */
int32_t kae_frames_payload(const struct kae_frames *frames, uint32_t place,
                           struct kae_text *payload, uint64_t *time_ns);

/* Moves all events to the queue; waits while it is full. As kae_queue_push. */
int64_t kae_frames_push(struct kae_frames *frames, struct kae_queue *queue);

/* NULL is allowed. Frees what was not pushed. */
void kae_frames_free(struct kae_frames *frames);
