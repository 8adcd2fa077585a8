/* together_share.c - the optimizer's state in parts, one for each process (optimizer_state:
 * sharded): every rank gets its own part of a gradient's sum, keeps its moments, updates its
 * weights, and hands these out. A checkpoint has them whole: they come to rank 0 group by group
 * as they are written. */
#include <stdlib.h>
#include <string.h>

#include "engine/run/together.h"

enum { M, V, MOMENTS };

struct share {
    struct optim_share optim;
    size_t *cuts; /* [n_groups][ranks + 1] */
    double *all;  /* [ranks][2 share_pieces()] */
    size_t n;     /* 2 share_pieces() */
    struct source {
        struct trainer *t;
        int which;
    } sources[MOMENTS];
    struct weights
        whole[MOMENTS]; /* what a checkpoint reads; in the memory of sums under way */
};

static const size_t *cuts_of(const struct trainer *t, int g) {
    return t->together.share->cuts + (size_t)g * ((size_t)ranks_count(t->ranks) + 1);
}

static struct weights *moments_of(struct trainer *t, int which) {
    return which == M ? &t->optim.m : &t->optim.v;
}

/* ---- making ---- */

/* Zeros and one number are added: exact, in whatever order. */
static void meet(void *ctx, double *x, size_t n) {
    struct trainer *t = ctx;
    double *all = t->together.share->all;
    struct err why = {0};
    if (!ranks_gather(t->ranks, x, n * sizeof *x, all, &why)) {
        together_lost(t, &why);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = 0;
        for (int r = 0; r < ranks_count(t->ranks); r++) x[i] += all[(size_t)r * n + i];
    }
}

static bool fetch(const struct weights *w, int g, struct err *err);

static bool take_memory(struct trainer *t, struct share *s) {
    size_t ranks = (size_t)ranks_count(t->ranks), groups = (size_t)t->table.n_groups;
    s->n = 2 * share_pieces(&t->table);
    s->cuts = calloc(groups * (ranks + 1), sizeof *s->cuts);
    s->all = calloc(ranks * s->n, sizeof *s->all);
    s->optim.sums = calloc(s->n, sizeof *s->optim.sums);
    s->optim.from = calloc(groups, sizeof *s->optim.from);
    s->optim.to = calloc(groups, sizeof *s->optim.to);
    return s->cuts && s->all && s->optim.sums && s->optim.from && s->optim.to;
}

bool share_create(struct trainer *t, struct err *err) {
    if (t->settings->optimizer_state == STATE_WHOLE) return true;
    struct share *s = t->together.share = calloc(1, sizeof *s);
    if (!s || !take_memory(t, s))
        return err_set(err, ERR_NOMEM, "no memory for the parts of an optimizer's state");
    s->optim.meet = meet;
    s->optim.ctx = t;
    for (int k = 0; k < MOMENTS; k++) {
        s->sources[k] = (struct source){t, k};
        s->whole[k] = t->together.received;
        s->whole[k].fetch = fetch;
        s->whole[k].fetch_ctx = &s->sources[k];
        s->optim.whole[k] = &s->whole[k];
    }
    return true;
}

void share_destroy(struct trainer *t) {
    struct share *s = t->together.share;
    if (!s) return;
    free(s->cuts);
    free(s->all);
    free(s->optim.sums);
    free(s->optim.from);
    free(s->optim.to);
    free(s);
}

void share_begin(struct trainer *t) {
    struct share *s = t->together.share;
    if (!s) return;
    int count = ranks_count(t->ranks), place = ranks_place(t->ranks, ranks_number(t->ranks));
    share_cut(&t->table, t->optim.settings.kind, count, s->cuts);
    for (int g = 0; g < t->table.n_groups; g++) {
        s->optim.from[g] = cuts_of(t, g)[place];
        s->optim.to[g] = cuts_of(t, g)[place + 1];
    }
    t->optim.share = &s->optim;
}

/* ---- a step ---- */

void share_scatter(struct trainer *t, int g, bool narrow) {
    ranks_scatter_begin(t->ranks, t->grads.group[g], t->together.received.group[g],
                        cuts_of(t, g), narrow);
}

bool share_hand_out(struct trainer *t) {
    struct err why = {0};
    if (!t->together.share) return true;
    if (t->together.lost.code) return false;
    for (int g = 0; g < t->table.n_groups; g++)
        if (t->learn[g]) ranks_hand_out_begin(t->ranks, t->weights.group[g], cuts_of(t, g));
    return ranks_sum_end(t->ranks, &why) || together_lost(t, &why);
}

/* ---- moments from rank to rank ---- */

/* A group's moments: each rank's part from rank 0 to it, or back, where they stand in x on rank
 * 0 and among its own on the others. */
static bool move_parts(struct trainer *t, int which, int g, real *x, bool back,
                       struct err *err) {
    bool ok = true;
    for (int r = 1; ok && r < ranks_count(t->ranks); r++) {
        const size_t *part = cuts_of(t, g) + ranks_place(t->ranks, r);
        real *at = ranks_number(t->ranks) > 0 ? moments_of(t, which)->group[g] : x;
        ok = ranks_move(t->ranks, at + part[0], (part[1] - part[0]) * sizeof *at, back ? r : 0,
                        back ? 0 : r, err);
    }
    return ok;
}

/* What is another's is not kept. */
static void forget_others(struct trainer *t, int g) {
    const struct optim_share *s = t->optim.share;
    for (int k = 0; k < MOMENTS; k++) {
        weights_forget_part(moments_of(t, k), g, 0, s->from[g]);
        weights_forget_part(moments_of(t, k), g, s->to[g], t->table.groups[g].reals);
    }
}

bool share_deal(struct trainer *t, int g, struct err *err) {
    bool ok = true;
    for (int k = 0; ok && k < MOMENTS; k++)
        ok = move_parts(t, k, g, moments_of(t, k)->group[g], false, err);
    if (ok && ranks_number(t->ranks) == 0) forget_others(t, g);
    return ok;
}

void share_forget(struct trainer *t) {
    for (int g = 0; g < t->table.n_groups; g++)
        for (int k = 0; k < MOMENTS && t->optim.steps[g] == 0; k++)
            weights_forget_part(moments_of(t, k), g, 0, t->table.groups[g].reals);
}

bool share_give(struct trainer *t, int which, int g, struct err *err) {
    return move_parts(t, which, g, NULL, true, err);
}

/* A checkpoint is about to read group g. Where the moments have just been loaded they are here.
 */
static bool fetch(const struct weights *w, int g, struct err *err) {
    const struct source *source = w->fetch_ctx;
    struct trainer *t = source->t;
    const struct optim_share *s = t->optim.share;
    const real *here = moments_of(t, source->which)->group[g];
    size_t reals = t->table.groups[g].reals;
    bool all = t->together.loaded;
    size_t from = all ? 0 : s->from[g], to = all ? reals : s->to[g];
    memcpy(w->group[g] + from, here + from, (to - from) * sizeof *here);
    if (all) return true;
    struct err why = {0};
    if (together_ask_moments(t, source->which, g, &why) &&
        move_parts(t, source->which, g, w->group[g], true, &why))
        return true;
    err_set(err, why.code, "the moments of %s cannot be had: %s", t->table.groups[g].name,
            why.msg);
    return together_lost(t, &why);
}
