/* rollback.c - back to a checkpoint, and on from there. The log stays as it is: it tells of the
 * way back, and then of steps that are made again, as after a resume from an older checkpoint.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/run/number.h"
#include "engine/run/trainer.h"

/* "5, 10, 12": as many of the whole checkpoints as fit, the newest last. */
static void list_checkpoints(const struct trainer *t, char *out, size_t size) {
    char path[PATH_MAX], rest[160] = "", one[192];
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(t->paths->checkpoints, step, path)) >= 0;) {
        if (!checkpoint_is_whole(path)) continue;
        snprintf(one, sizeof one, "%" PRId64 "%s%s", step, *rest ? ", " : "", rest);
        if (strlen(one) >= sizeof rest) break;
        memcpy(rest, one, strlen(one) + 1);
    }
    snprintf(out, size, "%s", rest);
}

/* Where to go back to. */
static bool find_target(const struct trainer *t, const struct command *c, char out[PATH_MAX],
                        struct err *err) {
    char name[64], known[160];
    list_checkpoints(t, known, sizeof known);
    if (!*known)
        return err_set(err, ERR_RANGE,
                       "there is no checkpoint to go back to; `checkpoint` writes one");
    if (!c->has_step) return checkpoint_newest(t->paths->checkpoints, out, NULL, 0) >= 0;
    snprintf(name, sizeof name, "step-%" PRId64, c->step);
    if (!files_join(out, PATH_MAX, t->paths->checkpoints, name, err)) return false;
    return checkpoint_is_whole(out) ||
           err_set(err, ERR_RANGE,
                   "there is no whole checkpoint of step %" PRId64 "; there are: %s", c->step,
                   known);
}

/* Weights, moments, plan and counters as they were saved. */
static bool load(struct trainer *t, const char *path, struct err *err) {
    struct trainer_state state = {.by_hand = t->by_hand};
    t->together.loaded = true;
    bool ok = checkpoint_load(path, &state, t->scratch, &t->weights, &t->optim, err) &&
              (state.stage < t->settings->n_stages ||
               err_set(err, ERR_RANGE, "%s is of the run's end", path));
    if (!ok) {
        t->gone_bad = t->paused = true;
        t->single_steps = 0;
        err_prefix(err, "the weights are lost, roll back to another checkpoint or stop");
        report_problem(t, true, err->msg);
        report_control(t, "pause", "", "engine");
        return false;
    }
    t->state = state;
    memcpy(t->learn, t->scratch, (size_t)t->table.n_groups * sizeof *t->learn);
    return true;
}

/* What was worked out from the weights that are gone. The base stays where its stage does. */
static void forget(struct trainer *t) {
    bool in_last = t->state.stage == t->settings->n_stages - 1 && t->state.begun;
    if (t->has_base && !in_last) {
        weights_destroy(&t->base);
        t->has_base = t->base_saved = false;
    }
    prefix_cache_begin(t->prefixes, -1, 0); /* a stage that there is not: all is forgotten */
    t->scored_step = -1;
    t->skip_stage = false;
    t->single_steps = 0;
    t->paused = t->paused && !t->gone_bad;
    t->gone_bad = false;
}

/* Their steps will be made again, and a resume goes on from the newest. */
static void remove_later(struct trainer *t) {
    struct err why = {0};
    char path[PATH_MAX];
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(t->paths->checkpoints, step, path)) > t->state.step;)
        if (!files_remove_tree(path, &why)) {
            err_prefix(&why, "a checkpoint of steps that are taken back stays");
            report_problem(t, false, why.msg);
        }
}

/* First where the way leads, then, as after a resume, what the run is from there on: for
 * readers of the log that takes back the steps behind it, and a pause. */
static void tell(struct trainer *t, int64_t from, const struct command *c) {
    struct buf how = {0};
    buf_printf(&how, "from step %" PRId64 " to step %" PRId64, from, t->state.step);
    if (c->has_lr) {
        buf_str(&how, ", learning rate ");
        number_write(&how, c->number);
    }
    report_control(t, "rollback", buf_text(&how), c->by);
    report_run(t, NULL); /* on a full disk it waits in the log's memory like any event */
    if (t->paused) report_control(t, "pause", "", c->by);
    buf_deinit(&how);
}

bool trainer_rollback(struct trainer *t, const struct command *c, struct err *err) {
    char path[PATH_MAX];
    if (!find_target(t, c, path, err)) return false;
    int64_t from = t->state.step;
    if (!load(t, path, err)) return false;
    forget(t);
    if (!t->state.begun) t->state.lr_scale = 1;
    double scale = c->has_lr ? stage_lr_scale(t, t->state.stage, t->state.stage_step, c->number)
                             : (double)NAN;
    if (isfinite(scale)) t->state.lr_scale = scale;
    remove_later(t);
    t->went_back = true;
    tell(t, from, c);
    return true;
}
