/*
 * Counters, gauges and ages of one plugin handle.
 *
 * Writers and readers: any thread, without locks. Each reader brings its own array. Names,
 * kinds and order come from src/k8saudit_eks/metrics.py by way of
 * generated/tables.h.
 */
#ifndef KAE_METRICS_H
#define KAE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "abi/falco_abi.h"
#include "generated/tables.h"

struct kae_metrics {
    _Atomic uint64_t values[KAE_METRIC_COUNT];
};

/* An index outside the table is ignored: Python can't make C write elsewhere. */
void kae_metrics_add(struct kae_metrics *metrics, uint32_t index, uint64_t amount);
void kae_metrics_set(struct kae_metrics *metrics, uint32_t index, uint64_t value);

/* An age: kae_metrics_read gives the milliseconds since `since_ms`, which is
 * CLOCK_MONOTONIC's and may be negative (before the machine started). */
void kae_metrics_set_age(struct kae_metrics *metrics, uint32_t index, int64_t since_ms);

/* Fills out[0..KAE_METRIC_COUNT); names are static. */
void kae_metrics_read(const struct kae_metrics *metrics, struct kae_abi_metric *out);

#endif
