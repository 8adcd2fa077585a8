#include "engine/nn/column_sum.h"

#include <stddef.h>

#include "engine/nn/tiling.h"

enum { GROUP_ROWS = 64 };

struct column_job {
    real *out;
    const real *dy, *x, *mean, *rstd; /* x NULL: plain sums */
    int rows, width;
};

/* group[n] += rows [r.from, r.to) of dy, from column `first` on. */
static inline void sum_group(real *group, const struct column_job *job, struct span r,
                             int first, int n) {
    for (int i = r.from; i < r.to; i++) {
        const real *dy = job->dy + (size_t)i * (size_t)job->width + first;
        for (int j = 0; j < n; j++) group[j] += dy[j];
    }
}

static inline void dot_group(real *group, const struct column_job *job, struct span r,
                             int first, int n) {
    for (int i = r.from; i < r.to; i++) {
        size_t at = (size_t)i * (size_t)job->width + (size_t)first;
        const real *dy = job->dy + at, *x = job->x + at;
        real mean = job->mean ? job->mean[i] : R(0.0), rstd = job->rstd[i];
        for (int j = 0; j < n; j++) group[j] += dy[j] * ((x[j] - mean) * rstd);
    }
}

KERNEL static void column_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct column_job *job = ctx;
    struct span cols = tile_span(i, job->width, TILE_COLUMNS);
    int n = cols.to - cols.from;
    real total[TILE_COLUMNS] = {0};
    for (int g = 0; g < tile_count(job->rows, GROUP_ROWS); g++) {
        struct span rows = tile_span(g, job->rows, GROUP_ROWS);
        real group[TILE_COLUMNS] = {0};
        if (job->x) dot_group(group, job, rows, cols.from, n);
        else sum_group(group, job, rows, cols.from, n);
        for (int j = 0; j < n; j++) total[j] += group[j];
    }
    for (int j = 0; j < n; j++) job->out[cols.from + j] += total[j];
}

void column_sum_add(struct exec *ex, real *out, const real *dy, int rows, int width) {
    struct column_job job = {.out = out, .dy = dy, .rows = rows, .width = width};
    pool_run(ex->pool, tile_count(width, TILE_COLUMNS), column_tile, &job);
}

void column_dot_add(struct exec *ex, real *out, const real *dy, const real *x, const real *mean,
                    const real *rstd, int rows, int width) {
    struct column_job job = {
        .out = out, .dy = dy, .x = x, .mean = mean, .rstd = rstd, .rows = rows, .width = width};
    pool_run(ex->pool, tile_count(width, TILE_COLUMNS), column_tile, &job);
}
