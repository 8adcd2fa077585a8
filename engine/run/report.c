/* report.c - the trainer's facts, written to the log after what they tell has happened. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/nn/blas.h"
#include "engine/run/trainer.h"

/* The log may be on a full disk; training goes on and the next line tries again. */
static void put(struct trainer *t, struct event *e) {
    e->step = t->state.step;
    event_log_put(t->log, e, NULL);
}

/* ---- groups as the log names them: embed, block.0, block.0.attn, ..., norm ---- */

/* Call fn for every named group with the range [first, last] of table groups that it stands
 * for. */
static void each_named(const struct param_table *t, void (*fn)(void *, const char *, int, int),
                       void *ctx) {
    for (int g = 0; g < t->n_groups; g++) {
        int layer = t->groups[g].layer;
        if (layer >= 0 && (g == 0 || t->groups[g - 1].layer != layer)) {
            char name[GROUP_NAME_MAX];
            int last = g;
            while (last + 1 < t->n_groups && t->groups[last + 1].layer == layer) last++;
            snprintf(name, sizeof name, "block.%d", layer);
            fn(ctx, name, g, last);
        }
        fn(ctx, t->groups[g].name, g, g);
    }
}

struct named {
    char (*names)[GROUP_NAME_MAX];
    int (*ranges)[2];
    int n;
};

static void add_named(void *ctx, const char *name, int first, int last) {
    struct named *v = ctx;
    snprintf(v->names[v->n], GROUP_NAME_MAX, "%s", name);
    v->ranges[v->n][0] = first;
    v->ranges[v->n++][1] = last;
}

/* Every named group; false when there is no memory. Freed with named_deinit(). */
static bool named_init(struct named *v, const struct param_table *t) {
    size_t most = 2 * (size_t)t->n_groups;
    *v = (struct named){.names = calloc(most, sizeof *v->names),
                        .ranges = calloc(most, sizeof *v->ranges)};
    if (!v->names || !v->ranges) return false;
    each_named(t, add_named, v);
    return true;
}

static void named_deinit(struct named *v) {
    free(v->names);
    free(v->ranges);
}

/* ---- run ---- */

/* All that the run reserves: weights, gradients, two moments, the base, activations. */
static uint64_t memory_plan(const struct trainer *t) {
    uint64_t weights = 0;
    for (int g = 0; g < t->table.n_groups; g++)
        weights += t->table.groups[g].reals * sizeof(real);
    int batch = 1;
    for (int i = 0; i < t->settings->n_stages; i++)
        if (t->settings->stages[i].batch > batch) batch = t->settings->stages[i].batch;
    return 5 * weights + transformer_bytes(&t->table.config, batch, t->table.config.context,
                                           true, pool_threads(t->ex.pool));
}

bool report_run(struct trainer *t, struct err *err) {
    const struct settings *s = t->settings;
    struct buf model = {0};
    struct named named;
    struct event_plan plans[STAGES_MAX];
    const char *prompts[PROMPTS_MAX];
    bool ok = named_init(&named, &t->table);
    struct event_group *groups = ok ? calloc((size_t)named.n, sizeof *groups) : NULL;
    model_config_write(&t->table.config, t->tokenizer ? tokenizer_eot(t->tokenizer) : 0,
                       &model);
    for (int i = 0; groups && i < named.n; i++) {
        groups[i].name = named.names[i];
        for (int g = named.ranges[i][0]; g <= named.ranges[i][1]; g++)
            groups[i].parameters += t->table.groups[g].parameters;
    }
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
                              .memory_bytes = memory_plan(t),
                              .threads = pool_threads(t->ex.pool),
                              .groups = groups,
                              .n_groups = groups ? named.n : 0,
                              .stages = plans,
                              .n_stages = s->n_stages,
                              .prompts = prompts,
                              .n_prompts = s->compare.prompts.n}};
    ok = groups ? event_log_put(t->log, &e, err)
                : err_set(err, ERR_NOMEM, "no memory to report");
    named_deinit(&named);
    free(groups);
    buf_deinit(&model);
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
    double tokens = (double)s->batch * t->table.config.context;
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

static double norm_of(const struct weights *w, int g) {
    double sum = 0;
    const real *x = w->group[g];
    for (size_t i = 0; i < w->table->groups[g].reals; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* What the log says of one table group; a block is the root of its parts' squares. */
struct part_facts {
    double norm, base_norm, distance, update;
    bool proven;
};

static struct part_facts facts_of(const struct trainer *t, int g) {
    struct part_facts f = {.norm = norm_of(&t->weights, g)};
    f.update = t->group_updates[g] * f.norm;
    f.base_norm = f.norm;
    if (!t->has_base) return f;
    bool same = weights_fingerprint_group(&t->weights, g) == t->base_fingerprint[g];
    f.proven = same && !t->learn[g];
    if (same) return f;
    f.base_norm = norm_of(&t->base, g);
    f.distance = weights_distance(&t->weights, &t->base, g) * f.base_norm;
    return f;
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

/* The step's time if the groups [first, last] were toggled: thawed when all are frozen, else
 * frozen. */
static double toggled(const struct trainer *t, int first, int last, bool frozen) {
    memcpy(t->present, t->learn, (size_t)t->table.n_groups * sizeof *t->learn);
    for (int g = first; g <= last; g++) t->present[g] = frozen;
    return cost_predict(&t->cost, &t->table, t->learn, t->present, t->table.config.context);
}

static struct event_layer layer_of(const struct trainer *t, const struct part_facts *facts,
                                   const char *name, int first, int last) {
    double norm = 0, base = 0, distance = 0, update = 0, grad = 0;
    struct event_layer layer = {.name = name, .frozen = true, .proven = true};
    for (int g = first; g <= last; g++) {
        norm += facts[g].norm * facts[g].norm;
        base += facts[g].base_norm * facts[g].base_norm;
        distance += facts[g].distance * facts[g].distance;
        update += facts[g].update * facts[g].update;
        grad += t->learn[g] ? t->group_norms[g] * t->group_norms[g] : 0;
        layer.frozen &= !t->learn[g];
        layer.proven &= facts[g].proven;
    }
    layer.grad_norm = sqrt(grad);
    layer.update = layer.frozen ? 0 : share(sqrt(update), sqrt(norm));
    layer.from_base = t->has_base ? share(sqrt(distance), sqrt(base)) : (double)NAN;
    layer.predicted_s = toggled(t, first, last, layer.frozen);
    return layer;
}

void report_layers(struct trainer *t) {
    struct named named;
    bool ok = named_init(&named, &t->table);
    struct event_layer *layers = ok ? calloc((size_t)named.n, sizeof *layers) : NULL;
    struct part_facts *facts = calloc((size_t)t->table.n_groups, sizeof *facts);
    for (int g = 0; facts && g < t->table.n_groups; g++) facts[g] = facts_of(t, g);
    for (int i = 0; layers && facts && i < named.n; i++)
        layers[i] = layer_of(t, facts, named.names[i], named.ranges[i][0], named.ranges[i][1]);
    struct event e = {
        .type = EVENT_LAYERS,
        .layers = {.groups = layers, .n_groups = named.n, .step_s = cost_step(&t->cost)}};
    if (layers && facts) put(t, &e);
    named_deinit(&named);
    free(layers);
    free(facts);
    t->last_layers = clock_now();
}

/* ---- the rest ---- */

void report_eval(struct trainer *t) {
    const struct settings *s = t->settings;
    struct event_set sets[SETS_MAX];
    for (int i = 0; i < s->eval.n_sets; i++)
        sets[i] =
            (struct event_set){.name = s->eval.sets[i].name,
                               .tuned = evaluate(t->transformer, &t->weights, &t->eval_sets[i],
                                                 s->stages[t->state.stage].batch),
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

void report_problem(struct trainer *t, bool error, const char *text) {
    struct event e = {.type = EVENT_PROBLEM, .problem = {error, text}};
    put(t, &e);
}

void report_progress(struct trainer *t, const char *what, double done, double total) {
    struct event e = {.type = EVENT_PROGRESS, .progress = {what, done, total}};
    put(t, &e);
}

bool report_end(struct trainer *t, const char *reason, struct err *err) {
    struct event e = {.type = EVENT_END, .step = t->state.step, .end = {reason}};
    return event_log_put(t->log, &e, err);
}
