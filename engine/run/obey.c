/* obey.c - wishes into deeds, between two steps. One function a command; what was done is
 * reported. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/trainer.h"

/* ---- freeze and unfreeze ---- */

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

static bool change_plan(struct trainer *t, const struct command *c, bool learn,
                        struct err *err) {
    int n = t->table.n_groups;
    bool *changed = calloc(2 * (size_t)n, sizeof *changed);
    if (!changed) return err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    bool *then = changed + n, any = false;
    bool ok = groups_select(&t->table, c->text, changed, err);
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
        report_changed(t, changed, !learn, c->by, predicted, kept);
        report_layers(t);
    }
    free(changed);
    return ok;
}

static bool obey_freeze(struct trainer *t, const struct command *c, struct err *err) {
    return change_plan(t, c, false, err);
}

static bool obey_unfreeze(struct trainer *t, const struct command *c, struct err *err) {
    return change_plan(t, c, true, err);
}

/* ---- the others ---- */

static bool obey_lr(struct trainer *t, const struct command *c, struct err *err) {
    if (!(c->number > 0 && c->number <= 10))
        return err_set(err, ERR_RANGE,
                       "lr must be above 0 and at most 10, for example: lr 2e-4");
    struct schedule s = settings_schedule(&t->settings->stages[t->state.stage]);
    double planned = schedule_lr(&s, t->state.stage_step);
    if (!(planned > 0))
        return err_set(err, ERR_RANGE, "the schedule's learning rate is 0 here");
    t->state.lr_scale = c->number / planned;
    char text[32];
    snprintf(text, sizeof text, "%g", c->number);
    report_control(t, "lr", text, c->by);
    return true;
}

static bool obey_pause(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    t->paused = true;
    t->single_steps = 0;
    report_control(t, "pause", "", c->by);
    return true;
}

static bool obey_resume(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    t->paused = false;
    t->single_steps = 0;
    report_control(t, "resume", "", c->by);
    return true;
}

static bool obey_single_step(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    t->paused = true;
    t->single_steps++;
    report_control(t, "single-step", "", c->by);
    return true;
}

static bool obey_next_stage(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    t->skip_stage = true;
    t->paused = false;
    t->single_steps = 0;
    report_control(t, "next-stage", "", c->by);
    return true;
}

static bool obey_checkpoint(struct trainer *t, const struct command *c, struct err *err) {
    report_control(t, "checkpoint", "", c->by);
    return trainer_save(t, err);
}

static bool obey_sample(struct trainer *t, const struct command *c, struct err *err) {
    return report_asked(t, c, err);
}

static bool obey_eval(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    report_control(t, "eval", "", c->by);
    report_eval(t);
    return true;
}

static bool obey_stop(struct trainer *t, const struct command *c, struct err *err) {
    (void)err;
    t->stopping = true;
    report_control(t, "stop", "", c->by);
    return true;
}

static bool (*const obey[COMMAND_COUNT])(struct trainer *, const struct command *,
                                         struct err *) = {
    [COMMAND_FREEZE] = obey_freeze,
    [COMMAND_UNFREEZE] = obey_unfreeze,
    [COMMAND_LR] = obey_lr,
    [COMMAND_PAUSE] = obey_pause,
    [COMMAND_RESUME] = obey_resume,
    [COMMAND_SINGLE_STEP] = obey_single_step,
    [COMMAND_NEXT_STAGE] = obey_next_stage,
    [COMMAND_CHECKPOINT] = obey_checkpoint,
    [COMMAND_ROLLBACK] = trainer_rollback,
    [COMMAND_SAMPLE] = obey_sample,
    [COMMAND_EVAL] = obey_eval,
    [COMMAND_STOP] = obey_stop,
};

/* A run that has ended is looked at: what it came to stands, also in its log. */
static bool obey_idle(struct trainer *t, const struct command *c, struct err *err) {
    if (c->kind == COMMAND_SAMPLE) return report_asked(t, c, err);
    t->stopping |= c->kind == COMMAND_STOP;
    return t->stopping || err_set(err, ERR_RANGE,
                                  "the run has ended and only answers prompts (sample); to go "
                                  "on with it: thaw run --resume %s",
                                  t->settings->name);
}

/* A run that only waits to be saved has no stage and no step to which a wish could apply. `run`
 * gets the folder of a fork. */
static bool obey_one(struct trainer *t, const struct command *c, char run[PATH_MAX],
                     struct err *err) {
    if (t->idle) return obey_idle(t, c, err);
    if (c->kind == COMMAND_FORK && !t->waits_for_room) return trainer_fork(t, c, run, err);
    if (!t->waits_for_room || c->kind == COMMAND_STOP) return obey[c->kind](t, c, err);
    return err_set(err, ERR_FULL,
                   "the run only waits for room on its disk, to save its last step: make "
                   "some; stop gives that step up");
}

void obey_waiting(struct trainer *t) {
    struct command c;
    struct control_ticket ticket;
    report_unwritten(t);
    /* a stage that was gone back to is begun before it hears of anything */
    while (t->control && !t->went_back && control_take(t->control, &c, &ticket)) {
        struct err why = {0};
        struct answer a = {.id = c.id};
        a.ok = obey_one(t, &c, a.run, &why);
        a.step = t->state.step + 1;
        if (!a.ok) snprintf(a.error, sizeof a.error, "%s", why.msg);
        control_answer(t->control, ticket, &a);
    }
}
