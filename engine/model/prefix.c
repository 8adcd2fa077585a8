/* prefix.c - what lies below the lowest group that learns: embedding and blocks [0, cut).
 *
 * Its output for a sequence depends on nothing but the sequence's tokens, so it may come from
 * an earlier step. For that it must be the same bits whatever it is computed with, and a
 * product of 32 sequences' rows is computed otherwise than one of 3. So here every sequence is
 * a share of its own. */
#include <string.h>

#include "engine/model/transformer_impl.h"

static real *kept_row(const struct prefix *prefix, int sequence) {
    return prefix ? prefix->rows[sequence] : NULL;
}

static bool is_known(const struct prefix *prefix, int sequence) {
    return kept_row(prefix, sequence) && prefix->known[sequence];
}

static void fetch_or_compute(const struct share *s, void *ctx) {
    const struct prefix *prefix = ctx;
    const struct pass *p = s->p;
    real *kept = kept_row(prefix, s->first), *x = share_stream(s, p->kept_from);
    size_t bytes = (size_t)s->rows * (size_t)p->tf->width.model * sizeof *x;
    if (is_known(prefix, s->first)) {
        memcpy(x, kept, bytes);
        return;
    }
    embed_forward(s);
    blocks_forward(s, 0, p->kept_from);
    if (kept) memcpy(kept, x, bytes);
}

/* A narrow block is widened once for all sequences, so those that are computed go through the
 * blocks side by side; between two, a sequence's stream stands where it is to be in the end. */
struct level {
    const struct prefix *prefix;
    int layer;
};

static void through_level(const struct share *s, void *ctx) {
    const struct level *level = ctx;
    const struct pass *p = s->p;
    real *x = share_stream(s, p->kept_from), *lane = share_stream(s, 0);
    real *kept = kept_row(level->prefix, s->first);
    size_t bytes = (size_t)s->rows * (size_t)p->tf->width.model * sizeof *x;
    if (level->layer == 0) embed_forward(s);
    else memcpy(lane, x, bytes);
    blocks_forward(s, level->layer, level->layer + 1);
    bool last = level->layer + 1 == p->kept_from;
    if (!last) memcpy(x, lane, bytes);
    if (last && kept) memcpy(kept, x, bytes);
}

static bool any_narrow(const struct pass *p) {
    bool any = false;
    for (int l = 0; l < p->kept_from; l++) any = any || block_is_narrow(p->w, l);
    return any;
}

/* todo[n]: sequences, the unknown ones first. */
static void level_by_level(const struct pass *p, const struct prefix *prefix, const int *todo,
                           int n, int unknown) {
    struct level level = {.prefix = prefix};
    for (; unknown > 0 && level.layer < p->kept_from; level.layer++) {
        block_widen(p, level.layer);
        sequences_run(p, todo, unknown, through_level, &level);
    }
    sequences_run(p, todo + unknown, n - unknown, fetch_or_compute, (void *)prefix);
}

static int count_unknown(const struct pass *p, const struct prefix *prefix) {
    int n = 0;
    for (int i = 0; i < p->batch; i++) n += !is_known(prefix, i);
    return n;
}

/* Those to compute first: they take longest. */
void prefix_forward(const struct pass *p, const struct prefix *prefix) {
    int *todo = p->tf->todo, n = 0;
    for (int known = 0; known <= 1; known++)
        for (int i = 0; i < p->batch; i++)
            if (is_known(prefix, i) == (known == 1)) todo[n++] = i;
    int unknown = count_unknown(p, prefix);
    if (any_narrow(p)) {
        level_by_level(p, prefix, todo, n, unknown);
        return;
    }
    if (unknown > 0) blocks_turn(p, 0, p->kept_from);
    sequences_run(p, todo, n, fetch_or_compute, (void *)prefix);
}

int transformer_cut(const struct param_table *t, const bool *learn) {
    int cut = t->config.layers;
    for (int g = 0; g < t->n_groups; g++) {
        if (learn && !learn[g]) continue;
        if (g == 0) return 0; /* the embedding's lookup lies below all blocks */
        if (t->groups[g].layer >= 0 && t->groups[g].layer < cut) cut = t->groups[g].layer;
    }
    return cut;
}
