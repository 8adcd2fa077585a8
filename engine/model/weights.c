/* weights.c - memory in the shape of the table: made, shared, copied, narrow and wide,
 * compared. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"
#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "engine/core/shelf.h"
#include "engine/model/params.h"

size_t group_bytes(const struct group *g, enum narrow_kind kind) {
    if (kind == NARROW_NONE) return arena_round(g->reals * sizeof(real));
    return arena_round(g->reals * sizeof(uint16_t)) +
           arena_round(g->vector_reals * sizeof(real));
}

/* `kind` NULL: all are reals. What is narrow has room to become reals as well. */
static bool weights_reserve(const struct param_table *t, const enum narrow_kind *kind,
                            struct weights *out, struct err *err) {
    size_t bytes = 0, n = (size_t)t->n_groups;
    for (int g = 0; g < t->n_groups; g++) {
        bytes += group_bytes(&t->groups[g], NARROW_NONE);
        if (kind && kind[g]) bytes += group_bytes(&t->groups[g], kind[g]);
    }
    *out = (struct weights){.table = t,
                            .group = calloc(n, sizeof *out->group),
                            .shared = calloc(n, sizeof *out->shared),
                            .shelved = calloc(n, sizeof *out->shelved),
                            .narrow = calloc(n, sizeof *out->narrow),
                            .kind = calloc(n, sizeof *out->kind)};
    if (out->group && out->shared && out->shelved && out->narrow && out->kind)
        out->arena = arena_create(bytes, err);
    else err_set(err, ERR_NOMEM, "not enough memory for %d groups of weights", t->n_groups);
    if (out->arena) return true;
    weights_destroy(out);
    return false;
}

bool weights_create_narrow(const struct param_table *t, const enum narrow_kind *kind,
                           struct weights *out, struct err *err) {
    if (!weights_reserve(t, kind, out, err)) return false;
    for (int g = 0; g < t->n_groups; g++) {
        const struct group *group = &t->groups[g];
        bool narrow = kind && kind[g];
        assert(!narrow || weights_narrows(t, g));
        if (narrow) {
            out->kind[g] = kind[g];
            out->narrow[g] = arena_take(out->arena, group->reals * sizeof(uint16_t), NULL);
        }
        out->group[g] =
            arena_take_reals(out->arena, narrow ? group->vector_reals : group->reals, NULL);
    }
    return true;
}

bool weights_create(const struct param_table *t, struct weights *out, struct err *err) {
    return weights_create_narrow(t, NULL, out, err);
}

void weights_destroy(struct weights *w) {
    arena_destroy(w->arena);
    shelf_destroy(w->shelf);
    free(w->group);
    free(w->shared);
    free(w->shelved);
    free(w->narrow);
    free(w->kind);
    *w = (struct weights){0};
}

void weights_share_group(struct weights *w, const struct weights *live, int g) {
    w->group[g] = live->group[g];
    w->narrow[g] = live->narrow[g];
    w->kind[g] = live->kind[g];
    w->shared[g] = true;
}

bool weights_share(const struct weights *live, struct weights *out, struct err *err) {
    if (!weights_reserve(live->table, NULL, out, err)) return false;
    for (int g = 0; g < live->table->n_groups; g++) weights_share_group(out, live, g);
    out->plain = live->plain;
    return true;
}

bool weights_fit(const struct param_table *a, const struct param_table *b) {
    for (int g = 0; g < a->n_groups; g++) {
        int at = groups_find(b, a->groups[g].name);
        if (at < 0 ? a->own[g] : b->groups[at].parameters != a->groups[g].parameters)
            return false;
    }
    return true;
}

bool weights_copy(struct weights *w, const struct weights *from) {
    const struct param_table *to = w->table;
    if (!weights_fit(to, from->table)) return false;
    for (int g = 0; g < to->n_groups; g++) {
        int at = groups_find(from->table, to->groups[g].name);
        if (at >= 0) memcpy(w->group[g], from->group[at], to->groups[g].reals * sizeof(real));
    }
    return true;
}

/* A narrow group never changes, and the other keeps its memory when it becomes reals. */
void weights_unshare(struct weights *w, int g) {
    if (!w->shared[g]) return;
    w->shared[g] = false;
    if (w->narrow[g]) return;
    size_t n = w->table->groups[g].reals;
    real *own = arena_take_reals(w->arena, n, NULL); /* reserved for every group: it fits */
    assert(own);
    memcpy(own, w->group[g], n * sizeof *own);
    w->group[g] = own;
}

/* ---- aside ---- */

bool weights_shelve(struct weights *w, int g, const char *folder, struct err *err) {
    size_t bytes = w->table->groups[g].reals * sizeof(real);
    if (w->shelved[g] || w->narrow[g] || bytes == 0) return true;
    if (!w->shelf) w->shelf = shelf_create(folder, err);
    const void *at = w->shelf ? shelf_put(w->shelf, w->group[g], bytes, err) : NULL;
    if (!at) return false;
    if (!w->shared[g])
        files_forget(w->group[g], bytes); /* own memory, which nobody looks at any more */
    w->group[g] = (real *)at;             /* nothing writes where `shelved` is set */
    w->shelved[g] = true;
    w->shared[g] = false;
    return true;
}

static void leave_group(const struct weights *w, int g) {
    if (w->shelved[g]) shelf_leave(w->group[g], w->table->groups[g].reals * sizeof(real));
}

void weights_leave(const struct weights *w, int layer) {
    for (int g = 0; w->shelf && g < w->table->n_groups; g++)
        if (w->table->groups[g].layer == layer) leave_group(w, g);
}

void weights_leave_all(const struct weights *w) {
    for (int g = 0; w->shelf && g < w->table->n_groups; g++) leave_group(w, g);
}

void weights_forget(struct weights *w) { arena_forget(w->arena); }

void weights_forget_part(struct weights *w, int g, size_t from, size_t to) {
    arena_forget_part(w->group[g] + from, (to - from) * sizeof(real));
}

bool weights_narrows(const struct param_table *t, int g) {
    const struct group *group = &t->groups[g];
    return t->own[g] && group->layer >= 0 && group->reals > group->vector_reals;
}

void weights_widen(struct weights *w, int g) {
    const struct group *group = &w->table->groups[g];
    if (!w->narrow[g]) return;
    real *own = arena_take_reals(w->arena, group->reals, NULL); /* reserved for it */
    assert(own);
    for (int i = group->first; i < group->first + group->n; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        if (p->vector) memcpy(own + p->offset, weights_param(w, i), n * sizeof *own);
        else narrow_widen(own + p->offset, weights_narrow_param(w, i), n, w->kind[g]);
    }
    w->group[g] = own;
    w->narrow[g] = NULL;
    w->kind[g] = NARROW_NONE;
}

const real *weights_reals(const struct weights *w, int param, size_t from, size_t n,
                          real *scratch) {
    const uint16_t *narrow = weights_narrow_param(w, param);
    if (!narrow) return weights_param(w, param) + from;
    narrow_widen(scratch, narrow + from, n, w->kind[w->table->params[param].group]);
    return scratch;
}

static double initial(const struct param *p, struct rng *r) {
    if (p->init_range > 0) return p->init_range * (2 * rng_uniform(r) - 1);
    return p->init_std > 0 ? p->init_std * rng_normal(r) : p->init_value;
}

static void init_params(struct weights *w, uint64_t seed, bool adapters) {
    uint64_t stream = 0;
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        real *x = weights_param(w, i);
        if (p->adapter != adapters) continue;
        struct rng r = rng_make(seed, stream++, adapters);
        for (size_t j = 0; j < n; j++) x[j] = (real)initial(p, &r);
    }
}

void weights_init(struct weights *w, uint64_t seed) {
    init_params(w, seed, false);
    init_params(w, seed, true);
}

void weights_init_adapters(struct weights *w, uint64_t seed) { init_params(w, seed, true); }

bool weights_adapters_blank(const struct weights *w) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        const real *x = weights_param(w, i);
        bool is_B = p->adapter && !(p->init_range > 0);
        for (size_t j = 0; is_B && j < n; j++)
            if (x[j] != 0) return false;
    }
    return true;
}

/* Reals that are looked at together where a group may be narrow; with how many, behind one
 * another, what is aside is left again. */
enum { LOOK_REALS = 8192, LEAVE_REALS = 128 * LOOK_REALS };

/* Reals of a group that are looked at together: of one parameter, from number `from` on. */
struct slice {
    int param;
    size_t from, n;
    size_t since; /* how many were looked at since what is aside was left */
};

static struct slice before_first(const struct weights *w, int g) {
    return (struct slice){.param = w->table->groups[g].first};
}

/* The next slice of group g; false behind the last. What is aside is left on the way. */
static bool next_slice(const struct weights *w, int g, struct slice *s) {
    const struct group *group = &w->table->groups[g];
    s->from += s->n;
    s->since += s->n;
    if (s->since >= LEAVE_REALS) {
        leave_group(w, g);
        s->since = 0;
    }
    for (; s->param < group->first + group->n; s->param++, s->from = 0) {
        const struct param *p = &w->table->params[s->param];
        size_t left = (size_t)p->rows * (size_t)p->cols - s->from;
        s->n = left < LOOK_REALS ? left : LOOK_REALS;
        if (left > 0) return true;
    }
    leave_group(w, g);
    return false;
}

uint64_t weights_fingerprint_group(const struct weights *w, int g) {
    real scratch[LOOK_REALS];
    uint64_t chain[2] = {0, 0}; /* the hash so far, the next one */
    for (struct slice s = before_first(w, g); next_slice(w, g, &s);) {
        chain[1] =
            rng_hash(weights_reals(w, s.param, s.from, s.n, scratch), s.n * sizeof(real));
        chain[0] = rng_hash(chain, sizeof chain);
    }
    return chain[0];
}

uint64_t weights_fingerprint(const struct weights *w) {
    uint64_t chain[2] = {0, 0};
    for (int g = 0; g < w->table->n_groups; g++) {
        chain[1] = weights_fingerprint_group(w, g);
        chain[0] = rng_hash(chain, sizeof chain);
    }
    return chain[0];
}

double weights_norm(const struct weights *w, int g) {
    real scratch[LOOK_REALS];
    double sum = 0;
    for (struct slice s = before_first(w, g); next_slice(w, g, &s);) {
        const real *x = weights_reals(w, s.param, s.from, s.n, scratch);
        for (size_t k = 0; k < s.n; k++) sum += (double)x[k] * (double)x[k];
    }
    return sqrt(sum);
}

/* sums[0] += |a - b|^2, sums[1] += |b|^2. The order is fixed by n. */
KERNEL static void add_squares(double sums[2], const real *a, const real *b, size_t n) {
    double moved = 0, size = 0;
#pragma omp simd reduction(+ : moved, size)
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        moved += d * d;
        size += (double)b[i] * (double)b[i];
    }
    sums[0] += moved;
    sums[1] += size;
}

double weights_distance(const struct weights *w, const struct weights *base, int g) {
    real left[LOOK_REALS], right[LOOK_REALS];
    double sums[2] = {0, 0};
    if (w->group[g] == base->group[g]) return 0;
    for (struct slice s = before_first(base, g); next_slice(base, g, &s);)
        add_squares(sums, weights_reals(w, s.param, s.from, s.n, left),
                    weights_reals(base, s.param, s.from, s.n, right), s.n);
    return sums[1] > 0 ? sqrt(sums[0] / sums[1]) : 0;
}
