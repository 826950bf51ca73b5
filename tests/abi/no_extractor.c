/* Stands in for extract.cpp in tests of the handle, which never extract. */
#include "extract/extract.h"

struct kae_extractor {
    int unused;
};

static struct kae_extractor the_only_one;

struct kae_extractor *kae_extractor_new(void)
{
    return &the_only_one;
}

void kae_extractor_free(struct kae_extractor *extractor)
{
    (void)extractor;
}
