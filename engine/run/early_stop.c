/* early_stop.c - a stage that has learned what its text can teach ends, and takes back the
 * weights of its best evaluation. They are a checkpoint, which stays while it may be needed
 * (retention.h). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/run/checkpoint_check.h"
#include "engine/run/trainer.h"

static const struct stage_settings *stage_of(const struct trainer *t) {
    return &t->settings->stages[t->state.stage];
}

bool early_stop_watch(struct trainer *t) {
    const struct stage_settings *s = stage_of(t);
    struct early_stop *e = &t->state.early;
    if (s->early_stop.patience == 0) return false;
    double loss = report_scores(t)[settings_early_set(t->settings, t->state.stage)].loss;
    bool better = isfinite(loss) && (e->step == 0 || loss < e->loss - s->early_stop.min_delta);
    e->waited = better ? 0 : e->waited + 1;
    if (!better) return false;
    e->loss = loss;
    e->step = t->state.step;
    return s->early_stop.restore;
}

bool early_stop_due(const struct trainer *t) {
    int patience = stage_of(t)->early_stop.patience;
    return patience > 0 && t->state.early.waited >= patience;
}

/* "domain has not fallen below 2.314 nats a token (step 150) for 3 evaluations" */
static void tell_why(struct trainer *t) {
    const struct early_stop *e = &t->state.early;
    int set = settings_early_set(t->settings, t->state.stage);
    char text[200], best[64] = "ever been a number";
    if (e->step > 0)
        snprintf(best, sizeof best, "fallen below %.3f nats a token (step %" PRId64 ")",
                 e->loss, e->step);
    snprintf(text, sizeof text, "%s has not %s for %d evaluation%s",
             t->settings->eval.sets[set].name, best, e->waited, e->waited == 1 ? "" : "s");
    report_control(t, "early-stop", text, "engine");
}

/* The folder of the best weights; err says what is wrong with it. */
static bool find_best(const struct trainer *t, char out[PATH_MAX], struct err *err) {
    char name[64];
    snprintf(name, sizeof name, "step-%" PRId64, t->state.early.step);
    return files_join(out, PATH_MAX, t->paths->checkpoints, name, err) &&
           checkpoint_check(out, NULL, err);
}

/* Weights and moments as they were; counters and freeze plan stay where the stage has come to.
 */
static bool load_best(struct trainer *t, const char *path, struct err *err) {
    struct trainer_state then = {.by_hand = NULL};
    char text[64];
    t->together.loaded = true;
    if (!checkpoint_load(path, &then, t->scratch, &t->weights, &t->optim, err))
        return err_prefix(err, "the weights are lost, resume the run");
    prefix_cache_begin(t->prefixes, -1, 0); /* a stage that there is not: all is forgotten */
    t->scored_step = -1;
    snprintf(text, sizeof text, "the weights of step %" PRId64, t->state.early.step);
    report_control(t, "restore", text, "engine");
    return true;
}

bool early_stop_end(struct trainer *t, struct err *err) {
    struct err why = {0};
    char path[PATH_MAX];
    tell_why(t);
    if (!stage_of(t)->early_stop.restore) return true;
    if (t->state.early.step > 0 && find_best(t, path, &why)) return load_best(t, path, err);
    if (t->state.early.step > 0) {
        err_prefix(&why,
                   "the best weights, of step %" PRId64 ", cannot be loaded, the last stay",
                   t->state.early.step);
        report_problem(t, false, why.msg);
    }
    return true;
}
