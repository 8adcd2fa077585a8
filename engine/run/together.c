/* together.c - rank 0 and the others: meeting, agreeing, and what is told before each step. */
#include "engine/run/together.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/nn/blas.h"

/* ---- meeting ---- */

/* The same program is on all sides, or nothing that follows means the same. */
struct greeting {
    char version[40];
    uint64_t settings_bytes;
};

static bool same_program(struct ranks *r, struct err *err) {
    struct greeting all[TREE_PARTS_MAX], mine = {.settings_bytes = sizeof(struct settings)};
    snprintf(mine.version, sizeof mine.version, "%s", THAW_VERSION);
    if (!ranks_gather(r, &mine, sizeof mine, all, err)) return false;
    for (int i = 1; i < ranks_count(r); i++)
        if (memcmp(&all[i], &all[0], sizeof mine) != 0)
            return err_set(err, ERR_RANGE,
                           "rank %d runs another thaw (%.39s) than rank 0 (%.39s): install the "
                           "same on each machine",
                           i, all[i].version, all[0].version);
    return true;
}

static bool shared_well(const struct settings *s, int count, struct err *err) {
    if (s->shards >= count) return true;
    return err_set(
        err, ERR_RANGE,
        "%d processes cannot share a batch of %d shard%s: start %d, or set shards: %d", count,
        s->shards, s->shards == 1 ? "" : "s", s->shards, count);
}

bool together_meet(struct ranks *r, struct settings *s, char *from, int64_t *step,
                   struct err *err) {
    int count = ranks_count(r);
    if (!tree_is_whole(count) || count > TREE_PARTS_MAX)
        return err_set(err, ERR_RANGE,
                       "%d processes cannot share a batch evenly: start a power of two of them "
                       "(2, 4, 8 ...), at most %d",
                       count, TREE_PARTS_MAX);
    return same_program(r, err) && ranks_tell(r, s, sizeof *s, err) &&
           ranks_tell(r, from, PATH_MAX, err) && ranks_tell(r, step, sizeof *step, err) &&
           shared_well(s, count, err);
}

/* ---- agreeing ---- */

/* How a rank stands after it was made. */
struct vote {
    bool made, stopped;
    uint64_t text;     /* of all tokens and the model's shape */
    char kernels[160]; /* what is computed with */
    char why[240];
};

static uint64_t hash_corpus(const struct corpus *c, uint64_t before) {
    const uint64_t both[] = {before, corpus_hash(c)};
    return rng_hash(both, sizeof both);
}

static uint64_t hash_text(const struct trainer *t) {
    uint64_t sum = t->table.parameters;
    for (int i = 0; i < t->settings->n_stages; i++) {
        sum = hash_corpus(&t->stages[i].data, sum);
        sum = hash_corpus(&t->stages[i].replay, sum);
    }
    return sum;
}

/* Whether rank i has what rank 0 has. */
static bool agrees(const struct vote *all, int i, struct err *err) {
    if (!all[i].made)
        return err_set(err, all[i].stopped ? ERR_STOPPED : ERR_IO, "rank %d: %s", i,
                       all[i].why);
    if (strcmp(all[i].kernels, all[0].kernels) != 0)
        return err_set(err, ERR_RANGE,
                       "rank %d computes with other kernels (%s) than rank 0 (%s), which gives "
                       "other bits: set OPENBLAS_CORETYPE to one that all processors have",
                       i, all[i].kernels, all[0].kernels);
    return all[i].text == all[0].text ||
           err_set(err, ERR_RANGE,
                   "rank %d reads other text than rank 0: the sources must be the same on each "
                   "machine (the same packages, the same files)",
                   i);
}

bool together_agree(struct ranks *r, const struct trainer *t, bool made, struct err *err) {
    if (!r) return made;
    struct vote mine = {.made = made, .text = made ? hash_text(t) : 0};
    struct vote *all = calloc((size_t)ranks_count(r), sizeof *all);
    if (!all) return err_set(err, ERR_NOMEM, "no memory to meet the other processes");
    snprintf(mine.kernels, sizeof mine.kernels, "%s", blas_describe());
    if (!made) {
        mine.stopped = err->code == ERR_STOPPED;
        snprintf(mine.why, sizeof mine.why, "%.239s", err->msg);
    }
    bool ok = ranks_gather(r, &mine, sizeof mine, all, err);
    for (int i = 0; ok && made && i < ranks_count(r); i++) ok = agrees(all, i, err);
    free(all);
    return ok && made;
}

/* ---- memory ---- */

static size_t orders_bytes(const struct trainer *t) {
    return sizeof *t->together.orders + (size_t)t->table.n_groups;
}

bool together_create(struct trainer *t, struct err *err) {
    if (!t->ranks) return true;
    t->together.orders = calloc(1, orders_bytes(t));
    t->together.report = calloc((size_t)ranks_count(t->ranks), sizeof *t->together.report);
    if (t->together.orders && t->together.report)
        return weights_create(&t->table, &t->together.received, err) && share_create(t, err);
    return err_set(err, ERR_NOMEM, "no memory for what the processes tell each other");
}

void together_destroy(struct trainer *t) {
    share_destroy(t);
    weights_destroy(&t->together.received);
    free(t->together.orders);
    free(t->together.report);
}

/* ---- before a step ---- */

static bool tell_group(struct trainer *t, struct weights *w, int g, struct err *err) {
    return ranks_tell(t->ranks, w->group[g], t->table.groups[g].reals * sizeof(real), err);
}

bool together_tell_all(struct trainer *t, struct err *err) {
    const struct orders *o = t->together.orders;
    struct optim *opt = &t->optim;
    size_t n = (size_t)t->table.n_groups;
    bool ok = ranks_tell(t->ranks, opt->steps, n * sizeof *opt->steps, err);
    if (!o->moments) share_forget(t);
    for (int g = 0; ok && g < t->table.n_groups; g++) {
        if (!(o->group[g] & GROUP_NARROW)) ok = tell_group(t, &t->weights, g, err);
        if (ok && o->moments && opt->steps[g] > 0)
            ok = t->together.share
                     ? share_deal(t, g, err)
                     : tell_group(t, &opt->m, g, err) && tell_group(t, &opt->v, g, err);
        if (ok && o->group[g] & GROUP_BASE) ok = tell_group(t, &t->base, g, err);
    }
    return ok;
}

static uint8_t order_of(const struct trainer *t, int g) {
    bool pulled = t->has_base && t->settings->stages[t->state.stage].l2_sp > 0;
    int flags = t->learn[g] ? GROUP_LEARNS : 0;
    if (t->weights.narrow[g]) flags |= GROUP_NARROW;
    if (pulled && !t->base.shared[g] && !t->base.narrow[g]) flags |= GROUP_BASE;
    return (uint8_t)flags;
}

bool together_lead(struct trainer *t) {
    struct orders *o = t->together.orders;
    struct err why = {0};
    if (ranks_count(t->ranks) == 1 || ranks_number(t->ranks) > 0) return true;
    *o = (struct orders){.order = ORDER_STEP,
                         .stage = t->state.stage,
                         .step = t->state.step,
                         .stage_step = t->state.stage_step,
                         .lr_scale = t->state.lr_scale,
                         .all = t->together.moved,
                         .moments = !t->together.share || t->together.loaded};
    for (int g = 0; g < t->table.n_groups; g++) o->group[g] = order_of(t, g);
    bool ok = ranks_tell(t->ranks, o, orders_bytes(t), &why) &&
              (!o->all || together_tell_all(t, &why));
    if (o->all) t->together.moved = t->together.loaded = false;
    return ok || together_lost(t, &why);
}

bool together_ask_moments(struct trainer *t, int which, int g, struct err *err) {
    struct orders *o = t->together.orders;
    o->order = ORDER_MOMENTS;
    o->which = which;
    o->wanted = g;
    return ranks_tell(t->ranks, o, orders_bytes(t), err);
}

/* What a run goes on from. */
static void tell_kept(const struct trainer *t, char *out, size_t size) {
    char path[PATH_MAX];
    int64_t newest = t->paths ? checkpoint_newest(t->paths->checkpoints, path, NULL, 0) : -1;
    if (!t->together.share) snprintf(out, size, "What was done before it is saved");
    else if (newest < 0) snprintf(out, size, "No step was saved so far");
    else snprintf(out, size, "The last saved step is %" PRId64, newest);
}

bool together_lost(struct trainer *t, const struct err *why) {
    char run[PATH_MAX] = "", kept[80];
    t->stopping = true;
    if (t->together.lost.code) return false; /* it has been told */
    if (t->paths) run_dir_word(t->paths, run);
    tell_kept(t, kept, sizeof kept);
    err_set(&t->together.lost, ERR_IO,
            "step %" PRId64
            " was not finished: %s. %s; go on with: mpirun -n %d thaw run --resume %.200s",
            t->state.step + 1, why->msg, kept, ranks_count(t->ranks), run);
    return false;
}

void together_end(struct trainer *t) {
    struct orders *o = t->together.orders;
    if (!t->ranks || t->together.lost.code) return;
    o->order = ORDER_END;
    ranks_tell(t->ranks, o, orders_bytes(t), &t->together.lost);
}
