#include "engine/optim/pieces.h"

#include <assert.h>
#include <string.h>

#include "engine/model/factored.h"

enum { AT_ONCE = 256 }; /* pieces handed to the pool in one go; on the stack */

struct run {
    void (*work)(const void *ctx, struct piece *p);
    const void *ctx;
    const struct optim_share *share;
    const struct factored *factored; /* whose tiles the pieces are; NULL: they are there */
    int first;                       /* tile */
    struct piece pieces[AT_ONCE];
    int n;
    size_t met; /* pieces so far, of others too */
};

static void work_tile(void *ctx, int i, int worker) {
    (void)worker;
    struct run *run = ctx;
    run->work(run->ctx, &run->pieces[i]);
}

static void make_tile(void *ctx, int i, int worker) {
    struct run *run = ctx;
    int from, rows;
    run->pieces[i].g = factored_tile(run->factored, run->first + i, worker, &from, &rows);
    size_t width = (size_t)run->factored->width;
    run->pieces[i].from += (size_t)from * width;
    run->pieces[i].n = (size_t)rows * width;
    run->work(run->ctx, &run->pieces[i]);
}

static void flush(struct exec *ex, struct run *run, double *const sums[2]) {
    pool_run(ex->pool, run->n, run->factored ? make_tile : work_tile, run);
    for (int i = 0; i < run->n; i++)
        for (int s = 0; s < 2; s++) {
            const struct piece *p = &run->pieces[i];
            if (run->share) run->share->sums[2 * p->number + (size_t)s] = p->sum[s];
            else if (sums[s]) sums[s][p->group] += p->sum[s];
        }
    run->first += run->n;
    run->n = 0;
}

static bool is_own(const struct run *run, const struct piece *p) {
    const struct optim_share *s = run->share;
    return !s || (p->from >= s->from[p->group] && p->from < s->to[p->group]);
}

static void run_param(struct exec *ex, struct run *run, const struct weights *g, int param,
                      double *const sums[2]) {
    const struct param *p = &g->table->params[param];
    size_t n = (size_t)p->rows * (size_t)p->cols;
    const real *gradient = weights_param(g, param);
    for (size_t at = 0; at < n; at += PIECE_REALS) {
        if (run->n == AT_ONCE) flush(ex, run, sums);
        struct piece *next = &run->pieces[run->n];
        *next = (struct piece){.group = p->group,
                               .param = param,
                               .from = p->offset + at,
                               .n = n - at < PIECE_REALS ? n - at : PIECE_REALS,
                               .number = run->met++,
                               .g = gradient + at};
        run->n += is_own(run, next);
    }
}

/* The sums of all processes' pieces, as one process adds its own. */
static void add_shared(const struct run *run, const struct weights *g, const bool *learn,
                       double *const sums[2]) {
    size_t number = 0;
    run->share->meet(run->share->ctx, run->share->sums, 2 * run->met);
    for (int i = 0; i < g->table->n_params; i++) {
        const struct param *p = &g->table->params[i];
        if (learn && !learn[p->group]) continue;
        size_t n = ((size_t)p->rows * (size_t)p->cols + PIECE_REALS - 1) / PIECE_REALS;
        for (size_t end = number + n; number < end; number++)
            for (int s = 0; s < 2; s++)
                if (sums[s]) sums[s][p->group] += run->share->sums[2 * number + (size_t)s];
    }
}

static void run_factored(struct exec *ex, struct run *run, const struct weights *g,
                         double *const sums[2]) {
    const struct factored *f = g->factored;
    const struct param *p = &g->table->params[f->param];
    flush(ex, run, sums);
    run->factored = f;
    run->first = 0;
    ex->flops += 2 * (uint64_t)f->vocab * (uint64_t)f->width * (uint64_t)f->rows;
    for (int i = 0; i < factored_tiles(f); i++) {
        if (run->n == AT_ONCE) flush(ex, run, sums);
        run->pieces[run->n++] =
            (struct piece){.group = p->group, .param = f->param, .from = p->offset};
    }
    flush(ex, run, sums);
    run->factored = NULL;
}

void pieces_run(struct exec *ex, const struct weights *g, const bool *learn, bool make,
                const struct optim_share *share, void (*work)(const void *ctx, struct piece *p),
                const void *ctx, double *const sums[2]) {
    struct run run;
    run.work = work;
    run.ctx = ctx;
    run.share = share;
    run.factored = NULL;
    run.first = run.n = 0;
    run.met = 0;
    assert(!share || !g->factored);
    if (share) memset(share->sums, 0, share_pieces(g->table) * 2 * sizeof *share->sums);
    for (int i = 0; i < g->table->n_params; i++) {
        if (learn && !learn[g->table->params[i].group]) continue;
        if (!g->factored || g->factored->param != i) run_param(ex, &run, g, i, sums);
        else if (make) run_factored(ex, &run, g, sums);
    }
    flush(ex, &run, sums);
    if (share) add_shared(&run, g, learn, sums);
}
