/* gradient.c - the gradient of a step: its batch cut into shards, these into micro batches.
 * The parts of a shard are added one after the other, as they come; the shards as a tree
 * (engine/core/tree.h), each group as soon as the backward pass is done with it. */
#include <assert.h>

#include "engine/run/together.h"

/* A shard at work. */
struct shard {
    struct trainer *t;
    int i, n;       /* its number among the n of this process */
    int first;      /* its first sequence */
    double counted; /* targets of the whole batch */
};

static const struct stage_settings *stage_of(const struct trainer *t) {
    return &t->settings->stages[t->state.stage];
}

/* Where the tree's places stand. */
static struct weights *place(struct trainer *t, int i) {
    return i == 0 ? &t->grads : &t->waiting[i - 1];
}

static void meet_group(struct trainer *t, int g) {
    bool narrow = t->settings->wire == WIRE_BFLOAT16;
    if (t->together.share) share_scatter(t, g, narrow);
    else
        ranks_sum_begin(t->ranks, t->grads.group[g], t->together.received.group[g],
                        t->table.groups[g].reals, narrow);
}

/* The shard's part of groups [first, end) meets those that wait for it, and after the last
 * shard those of other processes. */
static void merge(void *ctx, int first, int end) {
    const struct shard *s = ctx;
    struct trainer *t = s->t;
    for (int g = first; g < end; g++) {
        int at = tree_place(s->i);
        for (int n = t->learn[g] ? tree_merges(s->i) : 0; n > 0; n--, at--)
            grads_add(&t->ex, place(t, at - 1), place(t, at), g);
        if (t->ranks && t->learn[g] && s->i == s->n - 1) meet_group(t, g);
    }
}

/* What drops out in a step follows from where it stands: a resumed run makes it again. */
static uint64_t dropout_key(const struct trainer *t) {
    uint64_t stage = (uint64_t)t->state.stage, step = (uint64_t)t->state.stage_step;
    struct rng stream = rng_make(t->settings->seed ^ UINT64_C(0x64726f70), stage, step);
    return rng_next(&stream);
}

/* n sequences of the batch in t->x, t->y, from number `first` on. They weigh as much as their
 * share of the targets of the whole. Returns their loss, so weighed. */
static double add_part(const struct shard *s, int first, int n, const struct grads_ready *ready,
                       struct gradient *out) {
    struct trainer *t = s->t;
    struct step_times took = {0};
    size_t at = (size_t)first * (size_t)t->time, rows = (size_t)n * (size_t)t->time;
    double here = (double)targets_counted(t->y + at, rows);
    struct train_part part = {.tokens = t->x + at,
                              .targets = t->y + at,
                              .batch = n,
                              .time = t->time,
                              .weight = here > 0 ? here / s->counted : 0,
                              .first = first == s->first,
                              .whole = n == stage_of(t)->batch,
                              .drop = {dropout_key(t), at},
                              .prefix = prefix_cache_find(t->prefixes, t->ids + first, n),
                              .ready = ready};
    double loss = transformer_train(t->transformer, &t->weights, place(t, tree_place(s->i)),
                                    t->learn, &part, &took);
    out->known += prefix_cache_filled(t->prefixes);
    out->times.forward += took.forward;
    out->times.backward += took.backward;
    return part.weight * loss;
}

/* A micro batch at a time; nobody but the tree needs to know when the last is made. */
static double add_shard(struct shard *s, struct gradient *out) {
    struct trainer *t = s->t;
    const struct grads_ready ready = {merge, s};
    int end = s->first + settings_shard(t->settings, t->state.stage);
    int n = settings_micro_batch(t->settings, t->state.stage);
    bool alone = t->settings->shards == 1;
    double loss = 0;
    assert((end - s->first) % n == 0); /* settings_check */
    for (int at = s->first; at < end; at += n)
        loss += add_part(s, at, n, at + n < end || alone ? NULL : &ready, out);
    return loss;
}

/* The shards of this process, an aligned part of all. */
static void add_shards(struct trainer *t, struct gradient *out) {
    const struct stage_settings *s = stage_of(t);
    double losses[TREE_LEVELS + 1] = {0};
    int n = t->settings->shards / ranks_count(t->ranks), before = ranks_number(t->ranks) * n;
    int size = settings_shard(t->settings, t->state.stage);
    size_t rows = (size_t)s->batch * (size_t)t->time;
    struct shard shard = {.t = t, .n = n, .counted = (double)targets_counted(t->y, rows)};
    for (int i = 0; i < n; i++) {
        shard.i = i;
        shard.first = (before + i) * size;
        tree_add(losses, i, add_shard(&shard, out));
    }
    out->loss = losses[0];
    out->sequences = n * size;
}

/* The last levels of the tree are made between processes. */
static bool meet_others(struct trainer *t, struct gradient *out, struct err *err) {
    double losses[TREE_LEVELS + 1] = {0}, waited = ranks_waited(t->ranks);
    struct rank_report *all = t->together.report, mine = {.loss = out->loss};
    if (!t->ranks) return true;
    if (!ranks_sum_end(t->ranks, err)) return false;
    mine.compute = out->times.forward + out->times.backward;
    mine.waited = ranks_waited(t->ranks) - waited;
    if (!ranks_gather(t->ranks, &mine, sizeof mine, all, err)) return false;
    for (int i = 0; i < ranks_count(t->ranks); i++) tree_add(losses, i, all[i].loss);
    out->loss = losses[0];
    return true;
}

bool trainer_gradient(struct trainer *t, struct gradient *out, struct err *err) {
    *out = (struct gradient){.loss = 0};
    batcher_fill(t->stages[t->state.stage].batcher, t->state.stage_step, t->x, t->y, t->ids);
    prefix_cache_begin(t->prefixes, t->state.stage, transformer_cut(&t->table, t->learn));
    add_shards(t, out);
    return meet_others(t, out, err);
}
