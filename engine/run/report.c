/* report.c - the trainer's facts, written to the log after what they tell has happened. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/together.h"

static const double notice_every_s = 5;

/* The log may be on a full disk: training goes on, and the log tries again with its next line.
 */
static void put(struct trainer *t, struct event *e) {
    struct err why = {0};
    e->step = t->state.step;
    event_log_put(t->log, e, NULL);
    if (!t->tensorboard || tensorboard_add(t->tensorboard, e, clock_wall(), &why)) return;
    err_prefix(&why, "TensorBoard misses what is measured from now on");
    report_problem(t, false, why.msg);
}

void report_tensorboard(struct trainer *t) {
    char folder[PATH_MAX];
    struct err why = {0};
    if (!t->settings->tensorboard || !t->paths) return;
    if (files_join(folder, sizeof folder, t->paths->dir, "tensorboard", &why))
        t->tensorboard = tensorboard_create(folder, t->state.step, clock_wall(), &why);
    if (t->tensorboard) return;
    err_prefix(&why, "nothing is written for TensorBoard");
    report_problem(t, false, why.msg);
}

/* What those at the socket hear while the log cannot be written. */
static void tell_unwritten(struct trainer *t, const struct err *why) {
    char text[NOTICE_MAX + 160];
    const char *rest = "training goes on";
    double now = clock_now();
    if (now - t->unwritten.told < notice_every_s) return;
    t->unwritten.told = now;
    if (t->waits_for_room)
        rest = "and so does what is not saved: make room, or stop once more to give it up";
    else if (t->paused) rest = "the run is paused";
    snprintf(text, sizeof text, "%s: the log waits in memory, %s (step %" PRId64 ")",
             why->code == ERR_FULL ? "the disk is full" : why->msg, rest, t->state.step);
    control_tell(t->control, text);
}

/* The log can be written again. */
static void tell_written(struct trainer *t) {
    char text[200], missing[64] = "";
    int64_t lost = t->log->lost - t->unwritten.lost;
    if (lost > 0) snprintf(missing, sizeof missing, ", %" PRId64 " events are missing", lost);
    snprintf(text, sizeof text,
             "the log could not be written from step %" PRId64 " to %" PRId64
             ": what it tells of them was written late%s",
             t->unwritten.since, t->state.step, missing);
    report_problem(t, false, text);
    control_tell(t->control, "");
}

void report_unwritten(struct trainer *t) {
    struct err why = {0};
    bool before = t->unwritten.waiting;
    t->unwritten.waiting = !event_log_flush(t->log, &why);
    if (t->unwritten.waiting && !before) {
        t->unwritten.since = t->state.step;
        t->unwritten.lost = t->log->lost;
        t->unwritten.told = -notice_every_s;
    }
    if (t->unwritten.waiting) tell_unwritten(t, &why);
    else if (before) tell_written(t);
}

/* ---- run ---- */

bool report_run(struct trainer *t, struct err *err) {
    const struct settings *s = t->settings;
    const struct memory_plan memory = trainer_memory(t);
    struct buf model = {0}, beside = {0};
    struct event_plan plans[STAGES_MAX];
    const char *prompts[PROMPTS_MAX];
    int n = 0;
    struct named_group *named = groups_named(&t->table, &n, err);
    if (!named) return false;
    struct event_group *groups = calloc((size_t)n, sizeof *groups);
    for (int i = 0; groups && i < n; i++) {
        groups[i].name = named[i].name;
        for (int g = named[i].first; g <= named[i].last; g++)
            groups[i].parameters += t->table.groups[g].parameters;
    }
    model_config_write(&t->table.config, t->tokenizer ? tokenizer_eot(t->tokenizer) : -1,
                       &model);
    if (t->paths) run_living_beside(t->paths, &beside);
    for (int i = 0; i < s->n_stages; i++)
        plans[i] = (struct event_plan){s->stages[i].name, s->stages[i].steps};
    for (int i = 0; i < s->compare.prompts.n; i++) prompts[i] = s->compare.prompts.text[i];
    struct event e = {.type = EVENT_RUN,
                      .step = t->state.step,
                      .run = {.name = s->name,
                              .version = THAW_VERSION,
                              .blas = blas_describe(),
                              .model = buf_text(&model),
                              .seed = s->seed,
                              .memory_bytes = memory.total,
                              .threads = pool_threads(t->ex.pool),
                              .beside = buf_text(&beside),
                              .groups = groups,
                              .n_groups = n,
                              .stages = plans,
                              .n_stages = s->n_stages,
                              .prompts = prompts,
                              .n_prompts = s->compare.prompts.n}};
    bool ok = groups && !model.failed ? event_log_put(t->log, &e, err)
                                      : err_set(err, ERR_NOMEM, "no memory to report");
    free(named);
    free(groups);
    buf_deinit(&model);
    buf_deinit(&beside);
    return ok;
}

/* ---- stage, step ---- */

void report_stage(struct trainer *t, bool finished) {
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    struct event_source data[2];
    const struct stage_data *d = &t->stages[t->state.stage];
    char names[2][TEXT_MAX_BYTES * 2];
    const struct text_list *lists[] = {&s->data, &s->replay.data};
    const struct corpus *corpora[] = {&d->data, &d->replay};
    int n = s->replay.share > 0 ? 2 : 1;
    for (int i = 0; i < n; i++) {
        size_t at = 0;
        for (int k = 0; k < lists[i]->n && at < sizeof names[i]; k++)
            at += (size_t)snprintf(names[i] + at, sizeof names[i] - at, "%s%s", k ? " " : "",
                                   lists[i]->text[k]);
        data[i] = (struct event_source){names[i], corpora[i]->n_tokens, corpora[i]->n_lines};
    }
    struct event e = {.type = EVENT_STAGE,
                      .stage = {.index = t->state.stage,
                                .name = s->name,
                                .finished = finished,
                                .steps = s->steps,
                                .data = data,
                                .n_data = n}};
    put(t, &e);
}

void report_step(struct trainer *t, double loss, double lr, double norm,
                 const struct step_times *times, double update_s, double total_s) {
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    double tokens = (double)s->batch * t->time;
    struct event e = {.type = EVENT_STEP,
                      .stp = {.loss = loss,
                              .lr = lr,
                              .grad_norm = norm,
                              .tokens = t->state.tokens,
                              .tokens_per_s = tokens / total_s,
                              .forward = times->forward,
                              .backward = times->backward,
                              .update = update_s,
                              .total = total_s}};
    put(t, &e);
}

/* ---- layers ---- */

/* What the log says of one table group; a block is the root of its parts' squares. */
struct part_facts {
    double norm, base_norm, distance, update;
    bool proven;
};

static struct part_facts facts_of(const struct trainer *t, int g) {
    struct part_facts f = {.norm = weights_norm(&t->weights, g)};
    f.update = t->group_updates[g] * f.norm;
    f.base_norm = f.norm;
    if (!t->has_base) return f;
    bool same = weights_fingerprint_group(&t->weights, g) == t->base_fingerprint[g];
    f.proven = same && !t->learn[g];
    if (same) return f;
    f.base_norm = weights_norm(&t->base, g);
    f.distance = weights_distance(&t->weights, &t->base, g) * f.base_norm;
    return f;
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

/* The step's time if a group were toggled: thawed when all of it is frozen, else frozen. */
static double toggled(struct trainer *t, const struct named_group *group, bool frozen) {
    memcpy(t->scratch, t->learn, (size_t)t->table.n_groups * sizeof *t->learn);
    for (int g = group->first; g <= group->last; g++) t->scratch[g] = frozen;
    return cost_predict(&t->cost, t->learn, t->scratch, stage_kept_share(t));
}

static struct event_layer layer_of(struct trainer *t, const struct part_facts *facts,
                                   const struct named_group *group) {
    double norm = 0, base = 0, distance = 0, update = 0, grad = 0;
    struct event_layer layer = {.name = group->name, .frozen = true, .proven = true};
    double lr_scale = t->optim.lr_scale[group->first];
    for (int g = group->first; g <= group->last; g++) {
        norm += facts[g].norm * facts[g].norm;
        base += facts[g].base_norm * facts[g].base_norm;
        distance += facts[g].distance * facts[g].distance;
        update += facts[g].update * facts[g].update;
        grad += t->learn[g] ? t->group_norms[g] * t->group_norms[g] : 0;
        if (t->optim.lr_scale[g] != lr_scale) lr_scale = (double)NAN;
        int64_t thaws = trainer_thaws_at(t, g);
        if (thaws > 0 && (layer.thaws_at == 0 || thaws < layer.thaws_at))
            layer.thaws_at = thaws;
        layer.frozen &= !t->learn[g];
        layer.proven &= facts[g].proven;
    }
    layer.grad_norm = sqrt(grad);
    layer.update = layer.frozen ? 0 : share(sqrt(update), sqrt(norm));
    layer.from_base = t->has_base ? share(sqrt(distance), sqrt(base)) : (double)NAN;
    layer.lr_scale = lr_scale == 1 ? 0 : lr_scale;
    if (!layer.frozen) layer.thaws_at = 0; /* some of it learns already */
    layer.predicted_s = toggled(t, group, layer.frozen);
    return layer;
}

void report_layers(struct trainer *t) {
    int n = 0;
    struct named_group *named = groups_named(&t->table, &n, NULL);
    struct event_layer *layers = calloc((size_t)n + 1, sizeof *layers);
    struct part_facts *facts = calloc((size_t)t->table.n_groups, sizeof *facts);
    for (int g = 0; facts && g < t->table.n_groups; g++) facts[g] = facts_of(t, g);
    for (int i = 0; layers && facts && i < n; i++) layers[i] = layer_of(t, facts, &named[i]);
    struct event e = {
        .type = EVENT_LAYERS,
        .layers = {.groups = layers, .n_groups = n, .step_s = cost_step(&t->cost)}};
    if (named && layers && facts) put(t, &e);
    free(named);
    free(layers);
    free(facts);
    t->last_layers = clock_now();
}

/* ---- the rest ---- */

static const double evaluating_every_s = 0.5;

/* An evaluation that takes longer tells how far it is. */
struct evaluating {
    struct trainer *t;
    char what[96];
    double told; /* clock of the last event */
};

static void tell_evaluating(void *ctx, double share) {
    struct evaluating *e = ctx;
    double now = clock_now();
    if (now - e->told < evaluating_every_s) return;
    e->told = now;
    report_progress(e->t, e->what, share, 1);
}

struct event_score report_score(struct trainer *t, const struct weights *w, int set) {
    struct evaluating e = {.t = t, .told = clock_now()};
    snprintf(e.what, sizeof e.what, "evaluating %s", t->settings->eval.sets[set].name);
    return evaluate(t->transformer, w, &t->eval_sets[set],
                    settings_micro_batch(t->settings, t->state.stage), tell_evaluating, &e);
}

/* Nothing but a step changes the weights, so figures of this very step stand. */
const struct event_score *report_scores(struct trainer *t) {
    const struct settings *s = t->settings;
    if (t->scored_step == t->state.step) return t->scores;
    for (int i = 0; i < s->eval.n_sets; i++) t->scores[i] = report_score(t, &t->weights, i);
    t->scored_step = t->state.step;
    return t->scores;
}

void report_eval(struct trainer *t) {
    const struct settings *s = t->settings;
    const struct event_score *scores = report_scores(t);
    struct event_set sets[SETS_MAX];
    for (int i = 0; i < s->eval.n_sets; i++)
        sets[i] = (struct event_set){.name = s->eval.sets[i].name,
                                     .tuned = scores[i],
                                     .base = t->base_scores[i],
                                     .has_base = t->has_base};
    struct event e = {.type = EVENT_EVAL, .eval = {sets, s->eval.n_sets}};
    if (s->eval.n_sets > 0) put(t, &e);
}

void report_freeze(struct trainer *t, const char *group, bool frozen, const char *by,
                   double predicted_s, double measured_s, int64_t step) {
    struct event e = {.type = EVENT_FREEZE,
                      .step = step,
                      .freeze = {group, frozen, by, predicted_s, measured_s}};
    event_log_put(t->log, &e, NULL);
}

void report_control(struct trainer *t, const char *verb, const char *argument, const char *by) {
    struct event e = {.type = EVENT_CONTROL, .control = {verb, argument, by}};
    put(t, &e);
}

void report_checkpoint(struct trainer *t, const char *path, uint64_t bytes, double seconds) {
    struct event e = {.type = EVENT_CHECKPOINT, .checkpoint = {path, bytes, seconds}};
    put(t, &e);
}

void report_problem(struct trainer *t, bool error, const char *text) {
    struct event e = {.type = EVENT_PROBLEM, .problem = {error, text}};
    put(t, &e);
}

void report_progress(struct trainer *t, const char *what, double done, double total) {
    struct event e = {.type = EVENT_PROGRESS, .progress = {what, done, total}};
    put(t, &e);
}

enum { BUSY_BYTES = 64 << 20 }; /* some tenths of a second on a usual disk */

void report_busy(struct trainer *t, const char *what) {
    uint64_t bytes = 0;
    for (int g = 0; g < t->table.n_groups; g++)
        bytes += group_bytes(&t->table.groups[g], NARROW_NONE);
    if (bytes >= BUSY_BYTES && !t->waits_for_room) report_progress(t, what, 0, 0);
}

static const double ranks_every_s = 1;

void report_ranks(struct trainer *t) {
    int n = ranks_count(t->ranks);
    double now = clock_now();
    if (n == 1 || now - t->together.told < ranks_every_s) return;
    struct event_rank *ranks = calloc((size_t)n, sizeof *ranks);
    struct event e = {.type = EVENT_RANKS, .ranks = {ranks, n}};
    for (int i = 0; ranks && i < n; i++)
        ranks[i] =
            (struct event_rank){t->together.report[i].compute, t->together.report[i].waited};
    if (ranks) put(t, &e);
    free(ranks);
    t->together.told = now;
}

bool report_end(struct trainer *t, const char *reason, struct err *err) {
    struct event e = {.type = EVENT_END, .step = t->state.step, .end = {reason}};
    return event_log_put(t->log, &e, err);
}
