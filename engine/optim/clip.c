#include <math.h>

#include "engine/model/factored.h"
#include "engine/optim/optim.h"
#include "engine/optim/pieces.h"

KERNEL static void add_squares(const void *ctx, struct piece *p) {
    (void)ctx;
    const real *restrict x = p->g;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < p->n; i++) sum += (double)x[i] * (double)x[i];
    p->sum[0] = sum;
}

double grads_norm(struct exec *ex, const struct weights *g, const bool *learn,
                  const struct optim_share *share, double *norms) {
    int n = g->table->n_groups;
    double all = 0;
    for (int i = 0; i < n; i++) norms[i] = 0;
    pieces_run(ex, g, learn, false, share, add_squares, NULL, (double *const[2]){norms, NULL});
    if (g->factored)
        norms[g->table->params[g->factored->param].group] += factored_squares(ex, g->factored);
    for (int i = 0; i < n; i++) {
        all += norms[i];
        norms[i] = sqrt(norms[i]);
    }
    return sqrt(all);
}
