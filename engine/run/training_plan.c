#include "engine/run/training_plan.h"

#include <math.h>
#include <stdlib.h>

/* ---- where a group stands ---- */

/* Blocks below the top one; embed is one below block 0, norm and head are with the top block.
 */
static int depth_of(const struct param_table *t, int g) {
    int layers = t->config.layers, layer = t->groups[g].layer;
    if (layer >= 0) return layers - 1 - layer;
    return g == 0 ? layers : 0; /* embed stands before all */
}

/* ---- rates ---- */

bool plan_lr_scale(const struct param_table *t, const struct stage_settings *st, double *scale,
                   struct err *err) {
    const struct group_numbers *list = &st->optimizer.lr_scale;
    bool *named = calloc((size_t)t->n_groups, sizeof *named);
    if (!named) return err_set(err, ERR_NOMEM, "no memory for the groups' learning rates");
    bool ok = true;
    for (int g = 0; g < t->n_groups; g++) scale[g] = 1;
    for (int i = 0; ok && i < list->n; i++) {
        for (int g = 0; g < t->n_groups; g++) named[g] = false;
        ok = groups_select(t, list->at[i].groups, named, err);
        for (int g = 0; ok && g < t->n_groups; g++)
            if (named[g]) scale[g] = list->at[i].number;
    }
    for (int g = 0; g < t->n_groups; g++)
        scale[g] *= pow(st->optimizer.layer_decay, depth_of(t, g));
    free(named);
    return ok;
}

/* ---- when ---- */

/* How many places of the order come before a group's. */
static int rank_of(const struct param_table *t, enum thaw_from from, int g) {
    int depth = depth_of(t, g);
    return from == THAW_TOP ? depth : t->config.layers - depth;
}

static void thaw_every(const struct param_table *t, const struct stage_settings *st,
                       int64_t *steps) {
    int64_t next = st->thaw.every;
    for (int rank = 0; rank <= t->config.layers; rank++) {
        bool any = false;
        for (int g = 0; g < t->n_groups; g++) {
            if (rank_of(t, st->thaw.from, g) != rank || steps[g] != PLAN_NEVER) continue;
            steps[g] = next;
            any = true;
        }
        next += any ? st->thaw.every : 0;
    }
}

/* steps[g] = `step` for the groups that a text names; named: [n_groups] scratch. */
static bool set_named(const struct param_table *t, const char *text, int64_t step, bool *named,
                      int64_t *steps, struct err *err) {
    for (int g = 0; g < t->n_groups; g++) named[g] = false;
    if (!groups_select(t, text, named, err)) return false;
    for (int g = 0; g < t->n_groups; g++)
        if (named[g]) steps[g] = step;
    return true;
}

bool plan_thaw_steps(const struct param_table *t, const struct stage_settings *st,
                     int64_t *steps, struct err *err) {
    const struct group_numbers *list = &st->thaw.at;
    bool *named = calloc((size_t)t->n_groups, sizeof *named);
    if (!named) return err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    bool ok = true, by_itself = st->thaw.every > 0 && st->freeze.n == 0;
    bool adapted = st->adapter.rank > 0;
    for (int g = 0; g < t->n_groups; g++) {
        bool later = by_itself && rank_of(t, st->thaw.from, g) > 0;
        bool instead = adapted && st->freeze.n == 0; /* adapters learn instead */
        steps[g] = t->own[g] && (later || instead) ? PLAN_NEVER : PLAN_START;
    }
    for (int i = 0; ok && i < st->freeze.n; i++)
        ok = set_named(t, st->freeze.text[i], PLAN_NEVER, named, steps, err) ||
             err_prefix(err, "freeze");
    for (int i = 0; ok && i < list->n; i++)
        ok = set_named(t, list->at[i].groups, (int64_t)list->at[i].number, named, steps, err) ||
             err_prefix(err, "thaw");
    if (ok && st->thaw.every > 0) thaw_every(t, st, steps);
    for (int g = 0; g < t->n_groups; g++)
        if (t->lora[g] && !adapted) steps[g] = PLAN_NEVER;
    free(named);
    return ok;
}

bool plan_may_learn(const struct param_table *t, const struct stage_settings *st, bool *learn,
                    struct err *err) {
    int64_t *steps = calloc((size_t)t->n_groups, sizeof *steps);
    if (!steps) return err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    bool ok = plan_thaw_steps(t, st, steps, err);
    for (int g = 0; ok && g < t->n_groups; g++) learn[g] = steps[g] != PLAN_NEVER;
    free(steps);
    return ok || err_prefix(err, "stage %s", st->name);
}
