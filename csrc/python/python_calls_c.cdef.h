/*
 * What Python asks of C: declared in abi/plugin.h and queue/queue.h, where the contracts
 * stand; callbacks.h lets the compiler compare. cffi releases the GIL around each call, so a
 * push may wait.
 */
struct kae_plugin;
struct kae_queue;
struct kae_abi_event;

void kae_plugin_ref(struct kae_plugin *plugin);
void kae_plugin_unref(struct kae_plugin *plugin);
void kae_plugin_log(struct kae_plugin *plugin, int32_t severity, const char *text);
void kae_plugin_set_error(struct kae_plugin *plugin, const char *text);
void kae_plugin_set_open_params(struct kae_plugin *plugin, const char *json);
void kae_plugin_count(struct kae_plugin *plugin, uint32_t metric, uint64_t amount);
void kae_plugin_gauge(struct kae_plugin *plugin, uint32_t metric, uint64_t value);
void kae_plugin_age(struct kae_plugin *plugin, uint32_t metric, int64_t since_ms);

void kae_queue_ref(struct kae_queue *queue);
void kae_queue_unref(struct kae_queue *queue);
void kae_queue_close(struct kae_queue *queue, const struct kae_abi_event *last_evaluated);
int32_t kae_queue_set_capacity(struct kae_queue *queue, uint32_t capacity_events);
uint64_t kae_queue_delivered(struct kae_queue *queue);
void kae_queue_end(struct kae_queue *queue);
void kae_queue_fail(struct kae_queue *queue);
void kae_queue_set_progress(struct kae_queue *queue, uint32_t hundredths_percent);
