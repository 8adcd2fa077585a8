#include "engine/optim/pieces.h"

enum { AT_ONCE = 256 }; /* pieces handed to the pool in one go; on the stack */

struct run {
    void (*work)(const void *ctx, struct piece *p);
    const void *ctx;
    struct piece pieces[AT_ONCE];
    int n;
};

static void work_tile(void *ctx, int i, int worker) {
    (void)worker;
    struct run *run = ctx;
    run->work(run->ctx, &run->pieces[i]);
}

static void flush(struct exec *ex, struct run *run, double *const sums[2]) {
    pool_run(ex->pool, run->n, work_tile, run);
    for (int i = 0; i < run->n; i++)
        for (int s = 0; s < 2; s++)
            if (sums[s]) sums[s][run->pieces[i].group] += run->pieces[i].sum[s];
    run->n = 0;
}

void pieces_run(struct exec *ex, const struct param_table *t, const bool *learn,
                void (*work)(const void *ctx, struct piece *p), const void *ctx,
                double *const sums[2]) {
    struct run run;
    run.work = work;
    run.ctx = ctx;
    run.n = 0;
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        if (learn && !learn[p->group]) continue;
        for (size_t at = 0; at < n; at += PIECE_REALS) {
            if (run.n == AT_ONCE) flush(ex, &run, sums);
            run.pieces[run.n++] =
                (struct piece){.group = p->group,
                               .param = i,
                               .from = p->offset + at,
                               .n = n - at < PIECE_REALS ? n - at : PIECE_REALS};
        }
    }
    flush(ex, &run, sums);
}
