/* obey.c - wishes into deeds, between two steps. One function a command; what was done is
 * reported. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/trainer.h"

/* ---- freeze and unfreeze ---- */

/* What is named leaves the stage's plan, also where it stood so already. */
static bool by_hand(struct trainer *t, const struct command *c, bool frozen, struct err *err) {
    return trainer_freeze(t, c->text, frozen, c->by, err) &&
           groups_select(&t->table, c->text, t->by_hand, err);
}

static bool obey_freeze(struct trainer *t, const struct command *c, struct err *err) {
    return by_hand(t, c, true, err);
}

static bool obey_unfreeze(struct trainer *t, const struct command *c, struct err *err) {
    return by_hand(t, c, false, err);
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
