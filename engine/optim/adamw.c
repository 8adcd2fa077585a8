#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"
#include "engine/nn/real_math.h"
#include "engine/optim/optim.h"
#include "engine/optim/pieces.h"

const char *const optimizer_words[OPTIMIZER_COUNT] = {"adamw", "muon"};

static bool take_muon_scratch(struct exec *ex, const struct param_table *t, struct optim *o,
                              struct err *err) {
    size_t n = muon_scratch(t), workers = (size_t)pool_threads(ex->pool);
    o->muon = arena_create(workers * arena_round(n * sizeof(real)), err);
    for (size_t i = 0; o->muon && i < workers; i++)
        o->muon_scratch[i] = arena_take_reals(o->muon, n, err);
    return o->muon != NULL;
}

bool optim_create(struct exec *ex, const struct param_table *t, struct optim_settings s,
                  struct optim *out, struct err *err) {
    size_t n = (size_t)t->n_groups;
    *out = (struct optim){.settings = s};
    out->steps = calloc(n, sizeof *out->steps);
    out->sizes = calloc(n, sizeof *out->sizes);
    out->lr_scale = calloc(n, sizeof *out->lr_scale);
    out->muon_scratch = calloc(POOL_MAX_THREADS, sizeof *out->muon_scratch);
    for (size_t g = 0; out->lr_scale && g < n; g++) out->lr_scale[g] = 1;
    if (!out->steps || !out->sizes || !out->lr_scale || !out->muon_scratch)
        err_set(err, ERR_NOMEM, "not enough memory for an optimizer of %zu groups", n);
    else if (weights_create(t, &out->m, err) && weights_create(t, &out->v, err) &&
             take_muon_scratch(ex, t, out, err))
        return true;
    optim_destroy(out);
    return false;
}

void optim_destroy(struct optim *o) {
    weights_destroy(&o->m);
    weights_destroy(&o->v);
    arena_destroy(o->muon);
    free(o->muon_scratch);
    free(o->steps);
    free(o->sizes);
    free(o->lr_scale);
    *o = (struct optim){0};
}

void optim_reset(struct optim *o) {
    weights_forget(&o->m);
    weights_forget(&o->v);
    memset(o->steps, 0, (size_t)o->m.table->n_groups * sizeof *o->steps);
}

/* What one update needs; the factors of a group follow from its own count of steps. */
struct update {
    const struct optim *o;
    const struct weights *w;
    double lr, scale; /* lr before the groups' factors */
};

/* 1 - beta^t: how much of a moment's weight is real after t updates from zero. */
static double filled(double beta, int64_t t) { return 1 - pow(beta, (double)t); }

/* How a piece is moved beside its direction: decay towards zero, pull towards `start`. */
struct pulls {
    double lr;
    real decay, pull; /* times the rate */
    const real *start;
};

/* Muon has put the direction into the gradient's place: W -= lr * (direction + decay * W).
 * pulled: a constant of the caller's, so that the loop without it is compiled as if there were
 * none. */
static inline __attribute__((always_inline)) void
follow(const struct update *u, struct piece *p, struct pulls by, bool pulled) {
    real *restrict w = u->w->group[p->group] + p->from;
    const real *restrict g = p->g;
    const real *restrict start = by.start;
    real rate = (real)by.lr;
    double moved = 0, size = 0;
#pragma omp simd reduction(+ : moved, size)
    for (size_t i = 0; i < p->n; i++) {
        real d = rate * g[i] + by.decay * w[i];
        if (pulled) d += by.pull * (w[i] - start[i]);
        w[i] -= d;
        moved += (double)d * (double)d;
        size += (double)w[i] * (double)w[i];
    }
    p->sum[0] = moved;
    p->sum[1] = size;
}

/* m and v are read and written once, w likewise; squares of the change and of the new weights
 * are added up on the way. */
static inline __attribute__((always_inline)) void adamw(const struct update *u, struct piece *p,
                                                        struct pulls by, bool pulled) {
    const struct optim_settings *s = &u->o->settings;
    int64_t t = u->o->steps[p->group];
    real beta1 = (real)s->beta1, beta2 = (real)s->beta2, eps = (real)s->eps;
    real rest1 = (real)(1 - s->beta1), rest2 = (real)(1 - s->beta2);
    real scale = (real)u->scale, whole2 = (real)(1 / sqrt(filled(s->beta2, t)));
    real rate = (real)(by.lr / filled(s->beta1, t));
    real *restrict w = u->w->group[p->group] + p->from;
    const real *restrict g = p->g;
    const real *restrict start = by.start;
    real *restrict m = u->o->m.group[p->group] + p->from;
    real *restrict v = u->o->v.group[p->group] + p->from;
    double moved = 0, size = 0;
#pragma omp simd reduction(+ : moved, size)
    for (size_t i = 0; i < p->n; i++) {
        real gi = g[i] * scale;
        m[i] = beta1 * m[i] + rest1 * gi;
        v[i] = beta2 * v[i] + rest2 * gi * gi;
        real d = rate * m[i] / (real_sqrt(v[i]) * whole2 + eps) + by.decay * w[i];
        if (pulled) d += by.pull * (w[i] - start[i]);
        w[i] -= d;
        moved += (double)d * (double)d;
        size += (double)w[i] * (double)w[i];
    }
    p->sum[0] = moved;
    p->sum[1] = size;
}

KERNEL static void follow_piece(const struct update *u, struct piece *p, struct pulls by) {
    follow(u, p, by, false);
}

KERNEL static void follow_pulled(const struct update *u, struct piece *p, struct pulls by) {
    follow(u, p, by, true);
}

KERNEL static void adamw_piece(const struct update *u, struct piece *p, struct pulls by) {
    adamw(u, p, by, false);
}

KERNEL static void adamw_pulled(const struct update *u, struct piece *p, struct pulls by) {
    adamw(u, p, by, true);
}

/* A start that is still shared with the weights pulls nowhere. */
static struct pulls pulls_of(const struct update *u, const struct piece *p) {
    const struct optim_settings *s = &u->o->settings;
    const struct weights *start = u->o->start;
    struct pulls by = {.lr = u->lr * u->o->lr_scale[p->group]};
    if (u->w->table->params[p->param].decay) by.decay = (real)(by.lr * s->decay);
    bool pulled = s->l2_sp > 0 && start && start->group[p->group] != u->w->group[p->group];
    by.start = pulled ? start->group[p->group] + p->from : NULL;
    by.pull = pulled ? (real)(by.lr * s->l2_sp) : 0;
    return by;
}

static void update_piece(const void *ctx, struct piece *p) {
    const struct update *u = ctx;
    const struct param_table *t = u->w->table;
    struct pulls by = pulls_of(u, p);
    bool muon = u->o->settings.kind == OPTIMIZER_MUON && muon_takes(t, &t->params[p->param]);
    if (muon && by.start) follow_pulled(u, p, by);
    else if (muon) follow_piece(u, p, by);
    else if (by.start) adamw_pulled(u, p, by);
    else adamw_piece(u, p, by);
}

void optim_step(struct exec *ex, struct optim *o, struct weights *w, struct weights *g,
                const bool *learn, double lr, double scale, double *updates) {
    int n = w->table->n_groups;
    for (int i = 0; i < n; i++) {
        o->steps[i] += !learn || learn[i];
        o->sizes[i] = 0;
        if (updates) updates[i] = 0;
    }
    if (o->settings.kind == OPTIMIZER_MUON) muon_directions(ex, o, g, learn, scale);
    struct update u = {.o = o, .w = w, .lr = lr, .scale = scale};
    pieces_run(ex, g, learn, true, o->share, update_piece, &u,
               (double *const[2]){updates, o->sizes});
    for (int i = 0; updates && i < n; i++)
        updates[i] = o->sizes[i] == 0 ? 0 : sqrt(updates[i] / o->sizes[i]);
}
