#include "engine/data/tokens_format.h"

#include "engine/core/rng.h"

/* Bytes of a list of one split. */
static uint64_t list_size(const struct tokens_tail *t, enum tokens_list list, int split) {
    const struct tokens_counts *c = &t->splits[split];
    switch (list) {
    case LIST_IDS:
        return c->tokens * tokens_id_bytes(t->vocab);
    case LIST_STARTS:
        return (c->units + 1) * sizeof(uint64_t);
    case LIST_ANSWERS:
        return t->flags & TOKENS_ASK ? c->units * sizeof(uint64_t) : 0;
    default:
        return t->flags & TOKENS_MASKED ? c->tokens : 0;
    }
}

bool tokens_lay_out(const struct tokens_tail *t, struct tokens_layout *out) {
    uint64_t at = TOKENS_ALIGN;
    for (int split = 0; split < TOKENS_SPLITS; split++)
        if (t->splits[split].tokens > TOKENS_COUNT_MAX ||
            t->splits[split].units > TOKENS_COUNT_MAX)
            return false;
    if (t->tokenizer_bytes > TOKENS_COUNT_MAX) return false;
    for (int list = 0; list < TOKENS_LISTS; list++)
        for (int split = 0; split < TOKENS_SPLITS; split++) {
            out->at[list][split] = at;
            out->size[list][split] = list_size(t, (enum tokens_list)list, split);
            at = tokens_aligned(at + out->size[list][split]);
        }
    out->tokenizer = at;
    out->tail = tokens_aligned(at + t->tokenizer_bytes);
    return true;
}

uint64_t tokens_sum(uint64_t before, const void *block, size_t n) {
    uint64_t both[2] = {before, rng_hash(block, n)};
    return rng_hash(both, sizeof both);
}

uint64_t tokens_tail_sum(const struct tokens_tail *t) {
    return rng_hash(t, offsetof(struct tokens_tail, sum));
}
