/* follow.c - a rank that is not the first: it makes the steps that it is told of. */
#include <string.h>

#include "engine/run/together.h"

/* A stage's optimizer, and the base that it pulls to. */
static bool take_stage(struct trainer *t, struct err *err) {
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    t->optim.settings = settings_optim(s);
    share_begin(t);
    if (t->has_base) weights_destroy(&t->base);
    t->has_base = false;
    if (s->l2_sp > 0) {
        if (!weights_share(&t->weights, &t->base, err)) return false;
        t->has_base = true;
    }
    t->optim.start = t->has_base ? &t->base : NULL;
    stage_measure(t);
    return stage_rates(t, t->state.stage, t->optim.lr_scale, err);
}

/* Room for what is told, where it stands narrow here still. */
static void widen(struct trainer *t) {
    const struct orders *o = t->together.orders;
    for (int g = 0; g < t->table.n_groups; g++) {
        if (!(o->group[g] & GROUP_NARROW)) weights_widen(&t->weights, g);
        if (!(o->group[g] & GROUP_BASE) || !t->has_base) continue;
        weights_unshare(&t->base, g);
        weights_widen(&t->base, g);
    }
}

/* Where the step stands, as it was told. */
static bool obey(struct trainer *t, struct err *err) {
    const struct orders *o = t->together.orders;
    bool changed = o->all;
    t->state.stage = o->stage;
    t->state.step = o->step;
    t->state.stage_step = o->stage_step;
    t->state.lr_scale = o->lr_scale;
    for (int g = 0; g < t->table.n_groups; g++) {
        bool learns = o->group[g] & GROUP_LEARNS;
        changed = changed || t->learn[g] != learns;
        t->learn[g] = learns;
    }
    if (o->all) {
        prefix_cache_begin(t->prefixes, -1,
                           0); /* a stage that there is not: all is forgotten */
        if (o->moments) optim_reset(&t->optim); /* moments of what has none are not told */
        if (!take_stage(t, err)) return false;
        widen(t);
        if (!together_tell_all(t, err)) return false;
    }
    if (changed) stage_thaw_base(t);
    return true;
}

bool trainer_follow(struct trainer *t, struct err *err) {
    struct orders *o = t->together.orders;
    size_t bytes = sizeof *o + (size_t)t->table.n_groups;
    for (;;) {
        if (!ranks_tell(t->ranks, o, bytes, err)) return false;
        if (o->order == ORDER_END) return true;
        if (o->order == ORDER_MOMENTS) {
            if (!share_give(t, o->which, o->wanted, err)) return false;
            continue;
        }
        if (!obey(t, err)) return false;
        trainer_step(t);
        if (t->together.lost.code) return err_set(err, ERR_IO, "%s", t->together.lost.msg);
    }
}
