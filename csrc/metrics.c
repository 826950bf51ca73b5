#include "metrics.h"

void kae_metrics_add(struct kae_metrics *metrics, uint32_t index, uint64_t amount)
{
    if (index < KAE_METRIC_COUNT)
        atomic_fetch_add_explicit(&metrics->values[index], amount, memory_order_relaxed);
}

void kae_metrics_set(struct kae_metrics *metrics, uint32_t index, uint64_t value)
{
    if (index < KAE_METRIC_COUNT)
        atomic_store_explicit(&metrics->values[index], value, memory_order_relaxed);
}

void kae_metrics_read(const struct kae_metrics *metrics, struct kae_abi_metric *out)
{
    for (uint32_t i = 0; i < KAE_METRIC_COUNT; i++) {
        out[i].name = kae_metric_table[i].name;
        out[i].type = kae_metric_table[i].type;
        out[i].value_type = KAE_ABI_METRIC_U64;
        out[i].value.u64 = atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
    }
}
