/* add.c - gradients of one part of a batch to those of another. */
#include "engine/optim/optim.h"
#include "engine/optim/pieces.h"

struct addition {
    real *to;
    const real *from;
    size_t n;
};

/* Tile: PIECE_REALS of them. */
KERNEL static void add_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct addition *a = ctx;
    size_t at = (size_t)i * PIECE_REALS;
    size_t end = at + PIECE_REALS < a->n ? at + PIECE_REALS : a->n;
    real *restrict to = a->to;
    const real *restrict from = a->from;
    for (size_t j = at; j < end; j++) to[j] += from[j];
}

void grads_add(struct exec *ex, const struct weights *to, const struct weights *from, int g) {
    struct addition a = {to->group[g], from->group[g], to->table->groups[g].reals};
    pool_run(ex->pool, (int)((a.n + PIECE_REALS - 1) / PIECE_REALS), add_tile, &a);
}
