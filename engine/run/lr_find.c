#include "engine/run/lr_find.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/nn/blas.h"
#include "engine/run/trainer.h"

void lr_find_range(enum optimizer_kind kind, double *from, double *to) {
    *from = kind == OPTIMIZER_MUON ? 1e-5 : 1e-6;
    *to = 1;
}

void lr_found_deinit(struct lr_found *f) {
    free(f->points);
    *f = (struct lr_found){.points = NULL};
}

/* ---- what the points say ---- */

static const double memory_share = 1.0 / 20; /* of all steps, that the average remembers */
static const double settled_share = 0.95;    /* of the fall, that has then been made */
static const double suggested_share = 1.0 / 3;
enum { FIT_SHARE = 20, FIT_LEAST = 2 }; /* a line is fitted to points i - n/20 .. i + n/20 */

/* Slope of the line of least squares through the losses of points [i - h, i + h]; their rates
 * grow by a constant factor, so it is over the logarithm of the rate. The losses themselves:
 * a fit smooths already, and the average lags behind. */
static double slope_at(const struct lr_found *f, int i, int h) {
    double sum = 0, squares = 0;
    for (int k = -h; k <= h; k++) {
        sum += k * f->points[i + k].loss;
        squares += (double)k * k;
    }
    return sum / squares;
}

/* The standard deviation of a loss from batch to batch, from the differences of neighbours, so
 * that the curve's own way counts little (von Neumann et al., Annals of Mathematical
 * Statistics 12, 1941). */
static double noise_of(const struct lr_found *f, int n) {
    double sum = 0;
    for (int i = 1; i < n; i++) {
        double d = f->points[i].loss - f->points[i - 1].loss;
        sum += d * d;
    }
    return n > 1 ? sqrt(sum / (2 * (n - 1))) : 0;
}

static double highest_until(const struct lr_found *f, int n) {
    double highest = f->points[0].smooth;
    for (int i = 1; i < n; i++) highest = fmax(highest, f->points[i].smooth);
    return highest;
}

/* The point before `end` where the fitted line falls most; -1: nowhere. */
static int steepest_until(const struct lr_found *f, int end) {
    int steepest = -1, h = f->n / FIT_SHARE;
    double fall = 0;
    if (h < FIT_LEAST) h = FIT_LEAST;
    for (int i = h; i <= end && i + h < f->n; i++) {
        double slope = slope_at(f, i, h);
        if (slope < fall) fall = slope, steepest = i;
    }
    return steepest;
}

void lr_find_judge(struct lr_found *f) {
    int lowest = 0, settled = 0;
    f->steepest = f->minimum = f->settled = f->suggested = (double)NAN;
    for (int i = 1; i < f->n; i++)
        if (f->points[i].smooth < f->points[lowest].smooth) lowest = i;
    int steepest = steepest_until(f, lowest);
    double low = f->points[lowest].smooth, fall = highest_until(f, lowest) - low;
    if (steepest < 0 || fall <= noise_of(f, lowest + 1)) return;
    while (f->points[settled].smooth > low + (1 - settled_share) * fall) settled++;
    f->steepest = f->points[steepest].lr;
    f->minimum = f->points[lowest].lr;
    f->settled = f->points[settled].lr;
    f->suggested = suggested_share * f->settled;
}

/* ---- the test ---- */

struct finder {
    const struct lr_find_plan *plan;
    struct lr_found *out;
    struct settings settings; /* of the one stage */
    struct event_log log;
    double start;           /* clock of the first step */
    double average, lowest; /* of the loss, not debiased; of `smooth` */
};

static void tell(const struct finder *f, struct lr_find_progress p) {
    if (f->plan->progress) f->plan->progress(f->plan->ctx, &p);
}

static void take_point(struct finder *f, double lr, double loss) {
    struct lr_found *out = f->out;
    assert(out->n < f->plan->steps);
    double steps = f->plan->steps, keep = 1 - 1 / fmax(2, memory_share * steps);
    struct lr_point *p = &out->points[out->n++];
    f->average = keep * f->average + (1 - keep) * loss;
    *p = (struct lr_point){lr, loss, f->average / (1 - pow(keep, out->n))};
    f->lowest = out->n > 1 ? fmin(f->lowest, p->smooth) : p->smooth;
    double left = (clock_now() - f->start) / out->n * (steps - out->n);
    tell(f, (struct lr_find_progress){"learning rate", out->n, steps, left, p});
}

/* What the trainer would write into a run's log. */
static void hear(void *ctx, const struct event *e) {
    struct finder *f = ctx;
    const struct event_progress *p = &e->progress;
    if (e->type == EVENT_STEP) take_point(f, e->stp.lr, e->stp.loss);
    if (e->type == EVENT_PROGRESS)
        tell(f, (struct lr_find_progress){p->what, p->done, p->total, (double)NAN, NULL});
}

/* The stage alone, at a rate that the test will scale, with nothing to look at beside it. */
static bool one_stage(const struct lr_find_plan *plan, struct settings *s, struct err *err) {
    *s = *plan->settings;
    s->stages[0] = s->stages[plan->stage];
    s->n_stages = 1;
    s->eval.n_sets = 0;
    s->compare.prompts.n = 0;
    struct stage_settings *stage = &s->stages[0];
    stage->steps = plan->steps;
    stage->optimizer.lr = 1;
    stage->schedule.kind = SCHEDULE_CONSTANT;
    stage->schedule.warmup = 0;
    if (!plan->model) return true;
    size_t n = strlen(plan->model) + 1;
    if (n > sizeof s->model.from)
        return err_set(err, ERR_RANGE, "the path %s is too long", plan->model);
    memcpy(s->model.from, plan->model, n);
    return true;
}

static double rate_of(const struct lr_find_plan *plan, int step) {
    return plan->from * pow(plan->to / plan->from, (double)step / (plan->steps - 1));
}

static bool lost(const struct finder *f) {
    double now = f->out->points[f->out->n - 1].smooth;
    return now > f->lowest + log(4);
}

/* Raise the rate until the last step, or until it is clearly too high. */
static void raise_rate(struct finder *f, struct trainer *t) {
    struct lr_found *out = f->out;
    f->start = clock_now();
    for (int step = 0; step < f->plan->steps && !out->stopped; step++) {
        out->stopped = trainer_asked_to_stop(t);
        if (out->stopped) break;
        t->state.lr_scale = rate_of(f->plan, step);
        if (trainer_step(t) && !lost(f)) continue;
        out->diverged_at = t->state.lr_scale;
        break;
    }
}

static bool train(struct finder *f, struct trainer *t, struct err *err) {
    const struct trainer_plan plan = {.settings = &f->settings,
                                      .log = &f->log,
                                      .stop_signal = f->plan->stop_signal,
                                      .resume_from = ""};
    blas_init();
    if (!trainer_create(t, &plan, err)) return false;
    bool ok = stage_plan(t, 0, t->learn, err) && stage_rates(t, 0, t->optim.lr_scale, err);
    stage_measure(t);
    if (ok) raise_rate(f, t);
    trainer_destroy(t);
    if (ok && f->out->n == 0)
        return f->out->stopped
                   ? err_set(err, ERR_STOPPED, "stopped before the first step")
                   : err_set(err, ERR_NUMERIC,
                             "the loss of the first batch is not finite: is the model sound?");
    return ok;
}

static bool check_plan(const struct lr_find_plan *plan, struct err *err) {
    const struct settings *s = plan->settings;
    assert(plan->stage >= 0 && plan->stage < s->n_stages);
    if (plan->steps < LR_FIND_STEPS_MIN || plan->steps > LR_FIND_STEPS_MAX)
        return err_set(err, ERR_USAGE, "the test takes %d to %d steps, not %d",
                       LR_FIND_STEPS_MIN, LR_FIND_STEPS_MAX, plan->steps);
    if (!(plan->from > 0 && plan->from < plan->to))
        return err_set(err, ERR_USAGE, "the rate cannot rise from %g to %g", plan->from,
                       plan->to);
    if (plan->stage == 0 || plan->model) return true;
    return err_set(err, ERR_USAGE,
                   "stage %s begins with what stage %s has made, and random weights want "
                   "another rate: say which model it starts from",
                   s->stages[plan->stage].name, s->stages[plan->stage - 1].name);
}

bool lr_find(const struct lr_find_plan *plan, struct lr_found *out, struct err *err) {
    *out = (struct lr_found){.diverged_at = (double)NAN};
    if (!check_plan(plan, err)) return false;
    struct finder *f = calloc(1, sizeof *f);
    struct trainer *t = malloc(sizeof *t);
    out->points = calloc((size_t)plan->steps, sizeof *out->points);
    bool ok = (f && t && out->points) || err_set(err, ERR_NOMEM, "no memory for the test");
    if (ok) {
        f->plan = plan;
        f->out = out;
        event_log_listen(&f->log, hear, f);
        ok = one_stage(plan, &f->settings, err) && train(f, t, err);
        event_log_close(&f->log);
        if (ok) lr_find_judge(out);
    }
    free(t);
    free(f);
    return ok;
}
