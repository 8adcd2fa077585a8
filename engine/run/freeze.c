/* freeze.c - groups stop learning or begin to, between two steps: by hand, or as the stage
 * plans it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/trainer.h"
#include "engine/run/training_plan.h"

static bool all_of(const bool *changed, const struct named_group *group) {
    bool all = true;
    for (int g = group->first; g <= group->last; g++) all &= changed[g];
    return all;
}

/* One `freeze` event for each group that changed; a block whose parts all did is told as one.
 * The last one's measured time will stand for all. */
static void report_changed(struct trainer *t, const bool *changed, bool frozen, const char *by,
                           double predicted_s, double kept) {
    int n = 0, told = -1; /* the last group that was told */
    struct named_group *named = groups_named(&t->table, &n, NULL);
    for (int i = 0; i < n; i++) {
        if (named[i].last <= told || !all_of(changed, &named[i])) continue;
        told = named[i].last;
        report_freeze(t, named[i].name, frozen, by, predicted_s, (double)NAN,
                      t->state.step + 1);
        t->freeze_told.waiting = true;
        snprintf(t->freeze_told.group, sizeof t->freeze_told.group, "%s", named[i].name);
        snprintf(t->freeze_told.by, sizeof t->freeze_told.by, "%s", by);
        t->freeze_told.frozen = frozen;
        t->freeze_told.predicted_s = predicted_s;
        t->freeze_told.kept = kept;
        t->freeze_told.step = t->state.step + 1;
    }
    free(named);
}

bool trainer_freeze(struct trainer *t, const char *groups, bool frozen, const char *by,
                    struct err *err) {
    int n = t->table.n_groups;
    bool *changed = calloc(2 * (size_t)n, sizeof *changed);
    if (!changed) return err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    bool *then = changed + n, any = false, learn = !frozen;
    bool ok = groups_select(&t->table, groups, changed, err);
    for (int g = 0; ok && g < n; g++) {
        changed[g] = changed[g] && t->learn[g] != learn;
        then[g] = changed[g] ? learn : t->learn[g];
        any |= changed[g];
    }
    ok = ok && (!any || stage_has_room(t, then, memory_available(), err));
    if (ok && any) {
        bool moved = transformer_cut(&t->table, t->learn) != transformer_cut(&t->table, then);
        double kept = moved ? stage_kept_share(t) : 0;
        double predicted = cost_predict(&t->cost, t->learn, then, kept);
        memcpy(t->learn, then, (size_t)n * sizeof *then);
        stage_thaw_base(t);
        cost_reset(&t->cost);
        report_changed(t, changed, frozen, by, predicted, kept);
        report_layers(t);
    }
    free(changed);
    return ok;
}

/* ---- the plan ---- */

/* A step behind the stage's last one is none. */
static bool is_planned(const struct trainer *t, int g) {
    int64_t steps = t->settings->stages[t->state.stage].steps;
    return !t->learn[g] && !t->by_hand[g] && t->thaw_steps[g] < steps;
}

int64_t trainer_thaws_at(const struct trainer *t, int g) {
    int64_t left = is_planned(t, g) ? t->thaw_steps[g] - t->state.stage_step : -1;
    return left >= 0 ? t->state.step + left + 1 : 0;
}

void trainer_thaw_planned(struct trainer *t) {
    struct buf groups = {0};
    struct err why = {0};
    bool any = false;
    for (int g = 0; g < t->table.n_groups; g++) {
        t->scratch[g] = is_planned(t, g) && t->thaw_steps[g] == t->state.stage_step;
        any |= t->scratch[g];
    }
    if (!any) return;
    groups_format(&t->table, t->scratch, &groups);
    bool ok = groups.failed ? err_set(&why, ERR_NOMEM, "no memory to thaw what is planned")
                            : trainer_freeze(t, buf_text(&groups), false, "plan", &why);
    if (!ok) report_problem(t, true, why.msg);
    buf_deinit(&groups);
}
