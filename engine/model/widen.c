/* widen.c - a block whose matrices are numbers of 16 bits becomes reals right before it is
 * computed.
 *
 * Widening is exact, and the products are those of the same weights kept as reals, so the bits
 * are the same. What is widened serves all rows of the batch, and stays in a cache that holds a
 * block. */
#include <assert.h>

#include "engine/model/transformer_impl.h"
#include "engine/nn/tiling.h"

enum { MATRICES = 4 };

struct widening {
    struct {
        real *to;
        const uint16_t *from; /* NULL: nothing to do */
        int n, tiles;
        enum narrow_kind kind;
    } matrix[MATRICES];
};

static void widen_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct widening *job = ctx;
    int m = 0;
    for (; i >= job->matrix[m].tiles; m++) i -= job->matrix[m].tiles;
    struct span s = tile_span(i, job->matrix[m].n, TILE_REALS);
    narrow_widen(job->matrix[m].to + s.from, job->matrix[m].from + s.from,
                 (size_t)(s.to - s.from), job->matrix[m].kind);
}

bool block_is_narrow(const struct weights *w, int layer) {
    struct narrow_view from = weights_block_narrow(w, layer);
    return from.qkv || from.up;
}

void block_widen(const struct pass *p, int layer) {
    const struct block_view *to = &p->tf->wide;
    struct narrow_view from = weights_block_narrow(p->w, layer);
    struct widths w = p->tf->width;
    struct widening job = {.matrix = {{to->qkv, from.qkv, w.qkv * w.model, 0, from.attn},
                                      {to->proj, from.proj, w.model * w.q, 0, from.attn},
                                      {to->up, from.up, w.up * w.model, 0, from.mlp},
                                      {to->down, from.down, w.model * w.ffn, 0, from.mlp}}};
    int tiles = 0;
    assert(to->qkv || (!from.qkv && !from.up)); /* plan.narrow */
    for (int m = 0; m < MATRICES; m++) {
        if (job.matrix[m].from) job.matrix[m].tiles = tile_count(job.matrix[m].n, TILE_REALS);
        tiles += job.matrix[m].tiles;
    }
    if (tiles > 0) pool_run(p->tf->ex->pool, tiles, widen_tile, &job);
}

struct block_view block_weights(const struct pass *p, int layer) {
    const struct block_view *wide = &p->tf->wide;
    struct block_view v = weights_block(p->w, layer, NULL);
    if (!v.qkv) {
        v.qkv = wide->qkv;
        v.proj = wide->proj;
    }
    if (!v.up) {
        v.up = wide->up;
        v.down = wide->down;
    }
    return v;
}
