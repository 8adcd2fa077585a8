#include "engine/nn/op_embedding.h"

#include <stddef.h>
#include <string.h>

#include "engine/nn/tiling.h"

struct embedding_job {
    real *y, *dW, *dP;
    const real *W, *P, *dy;
    const int32_t *tokens;
    struct embedding_dims d;
    int per_tile; /* rows, or positions */
};

static inline void add_row(real *restrict y, const real *restrict x, int n) {
    for (int j = 0; j < n; j++) y[j] += x[j];
}

KERNEL static void forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct embedding_job *job = ctx;
    size_t width = (size_t)job->d.width;
    struct span rows = tile_span(i, job->d.rows, job->per_tile);
    for (int r = rows.from; r < rows.to; r++) {
        real *y = job->y + (size_t)r * width;
        memcpy(y, job->W + (size_t)job->tokens[r] * width, width * sizeof *y);
        if (job->P) add_row(y, job->P + (size_t)(r % job->d.time) * width, job->d.width);
    }
}

/* A token may stand in many rows, so columns are shared out, and each tile goes through all
 * rows. */
KERNEL static void token_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct embedding_job *job = ctx;
    size_t width = (size_t)job->d.width;
    struct span cols = tile_span(i, job->d.width, TILE_COLUMNS);
    for (int r = 0; r < job->d.rows; r++)
        add_row(job->dW + (size_t)job->tokens[r] * width + cols.from,
                job->dy + (size_t)r * width + cols.from, cols.to - cols.from);
}

KERNEL static void position_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct embedding_job *job = ctx;
    size_t width = (size_t)job->d.width;
    int time = job->d.time;
    struct span positions =
        tile_span(i, time < job->d.rows ? time : job->d.rows, job->per_tile);
    for (int t = positions.from; t < positions.to; t++)
        for (int r = t; r < job->d.rows; r += time)
            add_row(job->dP + (size_t)t * width, job->dy + (size_t)r * width, job->d.width);
}

void embedding_forward(struct exec *ex, real *y, const int32_t *tokens, const real *W,
                       const real *P, struct embedding_dims d) {
    struct embedding_job job = {
        .y = y, .W = W, .P = P, .tokens = tokens, .d = d, .per_tile = tile_rows(d.width)};
    pool_run(ex->pool, tile_count(d.rows, job.per_tile), forward_tile, &job);
}

void embedding_backward(struct exec *ex, real *dW, real *dP, const real *dy,
                        const int32_t *tokens, struct embedding_dims d) {
    int positions = d.time < d.rows ? d.time : d.rows, batch = tile_count(d.rows, d.time);
    struct embedding_job job = {.dW = dW,
                                .dP = dP,
                                .dy = dy,
                                .tokens = tokens,
                                .d = d,
                                .per_tile = tile_rows(d.width * batch)};
    if (dW) pool_run(ex->pool, tile_count(d.width, TILE_COLUMNS), token_tile, &job);
    if (dP) pool_run(ex->pool, tile_count(positions, job.per_tile), position_tile, &job);
}
