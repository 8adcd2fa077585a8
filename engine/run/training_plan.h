/* training_plan.h - what a stage's settings mean for each group of a model: from when on it learns, and
 * at which share of the learning rate. Nothing but the table and the settings counts, so it is the same
 * before a run, in it and after a resume.
 * Source: Howard, Ruder, arXiv 1801.06146 (discriminative rates, gradual unfreezing). */
#ifndef THAW_ENGINE_RUN_TRAINING_PLAN_H
#define THAW_ENGINE_RUN_TRAINING_PLAN_H
#include "engine/run/settings.h"

/* scale[n_groups]: the group's factor of the learning rate. With layer_decay d it is 1 for norm, head and
 * the top block, d for the block below, and so on; embed, also where it is the head, is below block 0.
 * lr_scale multiplies that; what it says last of a group holds. ERR_RANGE: a group that there is not. */
bool plan_lr_scale(const struct param_table *t, const struct stage_settings *st, double *scale,
                   struct err *err);

enum { PLAN_START = 0 };   /* a group learns from the stage's first step on */
#define PLAN_NEVER INT64_MAX /* frozen for the whole stage, as far as it is planned */

/* steps[n_groups]: after how many steps of the stage the group begins to learn.
 *   thaw.at     what it names, at its step (the last one that names a group); of the rest freeze's never
 *   thaw.every  of what is frozen, a block with its parts each N steps, the first after N: from the top
 *               the top block with norm and head, the blocks below it, embed; from the bottom the other
 *               way round. Frozen is what freeze names; where that is nothing, all but the first of these.
 *   neither     freeze's never, the rest from the start
 * In a stage with adapters these learn, and the model's own groups do not where freeze names nothing; in a
 * stage without, adapters never do.
 * ERR_RANGE: a group that there is not.
 * By hand (freeze, unfreeze) a group leaves the plan: it stays as the hand put it, until the stage ends. */
bool plan_thaw_steps(const struct param_table *t, const struct stage_settings *st, int64_t *steps,
                     struct err *err);
/* learn[n_groups]: what learns in the stage at one time or another, as far as it is planned. */
bool plan_may_learn(const struct param_table *t, const struct stage_settings *st, bool *learn,
                    struct err *err);
#endif
