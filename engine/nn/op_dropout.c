#include "engine/nn/op_dropout.h"

#include <stddef.h>

#include "engine/core/rng.h"
#include "engine/nn/tiling.h"

struct job {
    real *y;
    const real *x;
    struct dropout_dims d;
    bool add;
    int per_tile; /* rows */
};

/* 32 bits of a row's seed and a column, well mixed (C. Wellons' lowbias32), in arithmetic that
 * a vector does. */
static inline uint32_t mix(uint32_t z) {
    z = (z ^ (z >> 16)) * UINT32_C(0x7feb352d);
    z = (z ^ (z >> 15)) * UINT32_C(0x846ca68b);
    return z ^ (z >> 16);
}

KERNEL static void drop_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct job *job = ctx;
    struct span s = tile_span(tile, job->d.rows, job->per_tile);
    uint32_t dropped = (uint32_t)(job->d.share * 4294967296.0);
    real grow = (real)(1 / (1 - job->d.share));
    int width = job->d.width;
    for (int r = s.from; r < s.to; r++) {
        struct rng stream = rng_make(job->d.key, job->d.row + (uint64_t)r, 0);
        uint64_t seed = rng_next(&stream);
        uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
        real *y = job->y + (size_t)r * (size_t)width;
        const real *x = job->x + (size_t)r * (size_t)width;
#pragma omp simd
        for (int j = 0; j < width; j++) {
            uint32_t bits = mix(mix((uint32_t)j + low) ^ high);
            real kept = bits >= dropped ? grow * x[j] : 0;
            y[j] = job->add ? y[j] + kept : kept;
        }
    }
}

static void drop(struct exec *ex, real *y, const real *x, struct dropout_dims d, bool add) {
    struct job job = {.y = y, .x = x, .d = d, .add = add, .per_tile = tile_rows(d.width)};
    pool_run(ex->pool, tile_count(d.rows, job.per_tile), drop_tile, &job);
}

void dropout_forward(struct exec *ex, real *y, const real *x, struct dropout_dims d) {
    drop(ex, y, x, d, false);
}

void dropout_add(struct exec *ex, real *y, const real *x, struct dropout_dims d) {
    drop(ex, y, x, d, true);
}
