#include "abi/metrics.h"

#include <time.h>

/* An age that nobody has set. */
#define UNSET 0u

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

void kae_metrics_set_age(struct kae_metrics *metrics, uint32_t index, int64_t since_ms)
{
    /* Modulo 2^64, as the subtraction in age_ms is. */
    uint64_t value = (uint64_t)since_ms;
    kae_metrics_set(metrics, index, value != UNSET ? value : UNSET + 1);
}

static uint64_t age_ms(uint64_t since_ms)
{
    struct timespec now;
    if (since_ms == UNSET || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t age = now_ms - since_ms;
    /* A moment that is still to come: the clocks differ by a rounding. */
    return age <= INT64_MAX ? age : 0;
}

void kae_metrics_read(const struct kae_metrics *metrics, struct kae_abi_metric *out)
{
    for (uint32_t i = 0; i < KAE_METRIC_COUNT; i++) {
        out[i].name = kae_metric_table[i].name;
        out[i].type = kae_metric_table[i].type;
        out[i].value_type = KAE_ABI_METRIC_U64;
        uint64_t value = atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
        out[i].value.u64 = kae_metric_table[i].is_age ? age_ms(value) : value;
    }
}
