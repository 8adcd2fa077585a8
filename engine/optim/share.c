#include <string.h>

#include "engine/optim/optim.h"
#include "engine/optim/pieces.h"

static size_t reals_of(const struct param *p) { return (size_t)p->rows * (size_t)p->cols; }

size_t share_pieces(const struct param_table *t) {
    size_t n = 0;
    for (int i = 0; i < t->n_params; i++)
        n += (reals_of(&t->params[i]) + PIECE_REALS - 1) / PIECE_REALS;
    return n;
}

/* Where group g may be cut nearest to `want`: between two pieces, but in no matrix that Muon
 * turns as a whole. */
static size_t nearest(const struct param_table *t, enum optimizer_kind kind, int g,
                      size_t want) {
    const struct group *group = &t->groups[g];
    size_t best = group->reals;
    for (int i = group->first; i < group->first + group->n; i++) {
        const struct param *p = &t->params[i];
        bool whole = kind == OPTIMIZER_MUON && muon_takes(t, p);
        size_t step = whole ? reals_of(p) : PIECE_REALS;
        for (size_t at = 0; at < reals_of(p); at += step) {
            size_t cut = p->offset + at;
            size_t off = cut > want ? cut - want : want - cut;
            if (off < (best > want ? best - want : want - best)) best = cut;
        }
    }
    return best;
}

/* What a cut is off by in one group is made good in the next: over the model the parts are even
 * to about a matrix. */
void share_cut(const struct param_table *t, enum optimizer_kind kind, int parts, size_t *cuts) {
    for (int i = 0; i <= parts; i++) {
        double ideal = 0, real_cuts = 0;
        for (int g = 0; g < t->n_groups; g++) {
            size_t *of = cuts + (size_t)g * ((size_t)parts + 1), reals = t->groups[g].reals;
            ideal += (double)reals * i / parts;
            double want = ideal - real_cuts;
            want = want < 0 ? 0 : want > (double)reals ? (double)reals : want;
            of[i] = i == 0 ? 0 : i == parts ? reals : nearest(t, kind, g, (size_t)want);
            if (i > 0 && of[i] < of[i - 1]) of[i] = of[i - 1];
            real_cuts += (double)of[i];
        }
    }
}
