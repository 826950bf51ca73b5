/*
 * What C asks of Python. Implemented in src/k8saudit_eks/embed.py; called by
 * exports.c in the host's threads, without the GIL, only after
 * kae_interpreter_start succeeded.
 *
 * Each returns KAE_DONE, and anything else is a refusal whose sentence was handed
 * to kae_plugin_set_error. Zero is a refusal on purpose: it is what cffi returns
 * for a callback that raised, is not attached, or has no interpreter.
 */
enum kae_py_answer {
    KAE_REFUSED = 0,
    KAE_DONE = 1
};

int32_t kae_py_init(struct kae_plugin *plugin, const char *config);
int32_t kae_py_destroy(struct kae_plugin *plugin);
int32_t kae_py_open(struct kae_plugin *plugin, struct kae_queue *queue, const char *params);
int32_t kae_py_close(struct kae_plugin *plugin, struct kae_queue *queue);
int32_t kae_py_list_open_params(struct kae_plugin *plugin);
