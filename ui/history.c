#include "ui/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

const double smoothing_factors[SMOOTHINGS] = {0, 0.5, 0.9, 0.99};

/* From so many points on 1 - 0.99^(k-1) is 1 in a double. */
enum { BIASED_POINTS = 4096 };

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from)

/* Steps are added and compared as doubles, too. */
static bool is_step(int64_t step) { return step >= 0 && step <= INT64_C(1) << 50; }

static const struct event_score NO_SCORE = {NAN, NAN, NAN, NAN};

void history_init(struct history *h) {
    *h = (struct history){
        .stage = -1,
        .progress = NAN,
        .step_s = NAN,
        .last = {.loss = NAN, .lr = NAN, .grad_norm = NAN, .tokens_per_s = NAN, .total = NAN},
        .freeze = {.predicted_s = NAN, .measured_s = NAN}};
    samples_init(&h->samples);
}

void history_deinit(struct history *h) {
    free(h->groups);
    series_deinit(&h->train);
    series_deinit(&h->speed);
    series_deinit(&h->rate);
    series_deinit(&h->norm);
    for (int k = 0; k < SMOOTHINGS; k++) free(h->smooth[k]);
    for (int i = 0; i < h->n_sets; i++) {
        series_deinit(&h->sets[i].tuned);
        series_deinit(&h->sets[i].base);
    }
    samples_deinit(&h->samples);
    journal_deinit(&h->journal);
    history_init(h);
}

static void truncate_steps(struct history *h, size_t n) {
    series_truncate(&h->train, n);
    series_truncate(&h->speed, n);
    series_truncate(&h->rate, n);
    series_truncate(&h->norm, n);
}

/* Forget what lies at `step` and beyond: the run was taken up again before it. */
static void rewind_to(struct history *h, int64_t step) {
    double at = (double)step;
    truncate_steps(h, series_find(&h->train, UNIT_STEPS, at));
    for (int i = 0; i < h->n_sets; i++) {
        series_truncate(&h->sets[i].tuned, series_find(&h->sets[i].tuned, UNIT_STEPS, at));
        series_truncate(&h->sets[i].base, series_find(&h->sets[i].base, UNIT_STEPS, at));
    }
    if (h->stage_start > h->train.n) h->stage_start = h->train.n;
    journal_rewind(&h->journal, step);
    h->pace_broken = true;
}

/* --- the plan */

static bool same_groups(const struct history *h, const struct event_run *r) {
    if (h->n_groups != (r->n_groups < HISTORY_GROUPS ? r->n_groups : HISTORY_GROUPS))
        return false;
    for (int i = 0; i < h->n_groups; i++)
        if (strncmp(h->groups[i].name, r->groups[i].name, sizeof h->groups[i].name - 1) != 0)
            return false;
    return true;
}

/* "block.2.attn" is a part of "block.2", which stands in front of its parts. */
static int parent_of(const struct history *h, int group) {
    const char *name = h->groups[group].name, *dot = strrchr(name, '.');
    for (int i = group - 1; dot && i >= 0; i--)
        if (strlen(h->groups[i].name) == (size_t)(dot - name) &&
            strncmp(h->groups[i].name, name, (size_t)(dot - name)) == 0)
            return i;
    return -1;
}

static void observe_groups(struct history *h, const struct event_run *r) {
    if (same_groups(h, r)) return;
    int n = r->n_groups < HISTORY_GROUPS ? r->n_groups : HISTORY_GROUPS;
    struct history_group *groups = calloc((size_t)n + 1, sizeof *groups);
    if (!groups) {
        h->failed = true;
        return;
    }
    free(h->groups);
    h->groups = groups;
    h->parameters = 0;
    for (h->n_groups = 0; h->n_groups < n; h->n_groups++) {
        struct history_group *g = &groups[h->n_groups];
        *g = (struct history_group){.parameters = r->groups[h->n_groups].parameters,
                                    .grad_norm = NAN,
                                    .update = NAN,
                                    .from_base = NAN,
                                    .predicted_s = NAN};
        COPY(g->name, r->groups[h->n_groups].name);
        g->parent = parent_of(h, h->n_groups);
        if (g->parent >= 0) groups[g->parent].n_parts++;
        else h->parameters += g->parameters;
    }
}

/* Its step is the one that the run goes on from: later ones will be made again. */
static void observe_run(struct history *h, const struct event *e) {
    const struct event_run *r = &e->run;
    h->has_run = true;
    rewind_to(h, e->step + 1);
    h->step = e->step;
    COPY(h->name, r->name);
    COPY(h->version, r->version);
    COPY(h->blas, r->blas);
    h->seed = r->seed;
    h->threads = r->threads;
    h->ranks.n = 0; /* whoever goes on may be alone */
    h->memory_bytes = r->memory_bytes;
    observe_groups(h, r);
    int n = r->n_stages < HISTORY_STAGES ? r->n_stages : HISTORY_STAGES;
    for (int i = 0; i < n; i++) {
        if (i >= h->n_stages) h->stages[i] = (struct history_stage){.first = -1};
        COPY(h->stages[i].name, r->stages[i].name);
        h->stages[i].steps = is_step(r->stages[i].steps) ? r->stages[i].steps : 0;
    }
    h->n_stages = n;
    samples_plan(&h->samples, r->prompts, r->n_prompts);
    h->state = RUN_STARTING; /* for the first time, or again */
    h->end_reason[0] = '\0';
    h->pace_broken = true;
}

static void here(const struct history *h, const struct event *e, double x[UNIT_COUNT]) {
    x[UNIT_STEPS] = (double)e->step;
    x[UNIT_TOKENS] = (double)h->tokens;
    x[UNIT_SECONDS] = e->t;
}

static void observe_stage(struct history *h, const struct event *e) {
    const struct event_stage *s = &e->stage;
    if (s->index < 0 || s->index >= HISTORY_STAGES) return;
    for (; h->n_stages <= s->index; h->n_stages++)
        h->stages[h->n_stages] = (struct history_stage){.first = -1};
    struct history_stage *stage = &h->stages[s->index];
    COPY(stage->name, s->name);
    if (s->steps > 0 && is_step(s->steps)) stage->steps = s->steps;
    stage->finished = s->finished;
    if (s->finished) return;
    stage->early = false;
    stage->tokens = stage->lines = 0;
    for (int i = 0; i < s->n_data; i++) {
        stage->tokens += s->data[i].tokens;
        stage->lines += s->data[i].lines;
    }
    for (int i = s->index + 1; i < h->n_stages;
         i++) { /* a resume may step back over a border */
        h->stages[i].first = -1;
        h->stages[i].finished = false;
    }
    bool anew = stage->first < 0 || e->step < stage->first;
    h->stage = s->index;
    h->n_spent = 0;
    h->pace_broken = true;
    if (!anew) return; /* resumed in its middle */
    stage->first = e->step;
    h->stage_start = series_find(&h->train, UNIT_STEPS, (double)e->step + 1);
    double x[UNIT_COUNT];
    here(h, e, x);
    journal_mark(&h->journal, x, ':', "%s begins", stage->name);
}

/* --- the curve */

/* Debiased mean of the points [from, i] of the stage, exponentially weighted; made from the one
 * before: with k finite points, mean_k (1 - b^k) = b mean_(k-1) (1 - b^(k-1)) + (1 - b) y_k. */
static void smooth_point(struct history *h, size_t i) {
    double y = (double)h->train.y[i], k = (double)(i - h->stage_start) + 1;
    bool biased = k <= BIASED_POINTS;
    for (int s = 0; s < SMOOTHINGS; s++) {
        double b = smoothing_factors[s];
        double before = i > h->stage_start ? (double)h->smooth[s][i - 1] : (double)NAN;
        double mean = y;
        if (!isfinite(y)) mean = before;
        else if (isfinite(before))
            mean = biased ? (b * before * (1 - pow(b, k - 1)) + (1 - b) * y) / (1 - pow(b, k))
                          : b * before + (1 - b) * y;
        h->smooth[s][i] = (float)mean;
    }
}

static bool reserve_smooth(struct history *h) {
    if (h->smooth_capacity >= h->train.capacity) return true;
    for (int s = 0; s < SMOOTHINGS; s++) {
        float *p = realloc(h->smooth[s], h->train.capacity * sizeof *p);
        if (!p) return false;
        h->smooth[s] = p;
    }
    h->smooth_capacity = h->train.capacity;
    return true;
}

/* The point with all that is measured of it; all or nothing. */
static bool push_step(struct history *h, const double x[UNIT_COUNT],
                      const struct event_step *s) {
    size_t n = h->train.n;
    if (series_push(&h->train, x, s->loss) && reserve_smooth(h) &&
        series_push(&h->speed, NULL, s->tokens_per_s) && series_push(&h->rate, NULL, s->lr) &&
        series_push(&h->norm, NULL, s->grad_norm))
        return true;
    truncate_steps(h, n);
    return false;
}

static void observe_times(struct history *h, const struct event_step *s) {
    float *spent = h->spent[h->n_spent++ % HISTORY_SPENT];
    spent[SPENT_FORWARD] = (float)s->forward;
    spent[SPENT_BACKWARD] = (float)s->backward;
    spent[SPENT_UPDATE] = (float)s->update;
    spent[SPENT_REST] = (float)fmax(s->total - s->forward - s->backward - s->update, 0);
}

static void observe_step(struct history *h, const struct event *e) {
    const struct event_step *s = &e->stp;
    if (h->train.n > 0 && (double)e->step <= h->train.x[UNIT_STEPS][h->train.n - 1])
        rewind_to(h, e->step);
    double before = h->train.n > 0 ? h->train.x[UNIT_SECONDS][h->train.n - 1] : e->t;
    double x[UNIT_COUNT] = {(double)e->step, (double)s->tokens, e->t};
    if (!push_step(h, x, s)) {
        h->failed = true;
        return;
    }
    smooth_point(h, h->train.n - 1);
    observe_times(h, s);
    if (!h->pace_broken && h->train.n > 1) h->pace[h->n_pace++ % HISTORY_PACE] = e->t - before;
    h->pace_broken = false;
    h->step = e->step;
    h->tokens = s->tokens;
    h->last = *s;
    if (h->state == RUN_STARTING) h->state = RUN_LIVE;
    if (h->stage >= 0 && h->step <= h->stages[h->stage].first) /* told after its first step */
        h->stages[h->stage].first = h->step - 1;
}

static struct history_set *set_of(struct history *h, const char *name) {
    for (int i = 0; i < h->n_sets; i++)
        if (strncmp(h->sets[i].name, name, sizeof h->sets[i].name - 1) == 0) return &h->sets[i];
    if (h->n_sets == HISTORY_SETS) return NULL;
    struct history_set *set = &h->sets[h->n_sets++];
    *set = (struct history_set){.last = NO_SCORE, .last_base = NO_SCORE};
    COPY(set->name, name);
    return set;
}

static void observe_eval(struct history *h, const struct event *e) {
    double x[UNIT_COUNT];
    here(h, e, x);
    for (int i = 0; i < e->eval.n_sets; i++) {
        const struct event_set *in = &e->eval.sets[i];
        struct history_set *set = set_of(h, in->name);
        if (!set) continue;
        size_t n = set->tuned.n;
        if (n > 0 && set->tuned.x[UNIT_STEPS][n - 1] > x[UNIT_STEPS]) { /* resumed before it */
            size_t at = series_find(&set->tuned, UNIT_STEPS, x[UNIT_STEPS]);
            series_truncate(&set->tuned, at);
            series_truncate(&set->base, series_find(&set->base, UNIT_STEPS, x[UNIT_STEPS]));
        }
        h->failed |= !series_push(&set->tuned, x, in->tuned.loss);
        if (in->has_base) h->failed |= !series_push(&set->base, x, in->base.loss);
        set->last = in->tuned;
        set->last_base = in->has_base ? in->base : NO_SCORE;
    }
}

/* --- layers and the rest */

static void observe_layers(struct history *h, const struct event_layers *l) {
    int at = 0;
    for (int i = 0; i < l->n_groups; i++) {
        const struct event_layer *in = &l->groups[i];
        if (at >= h->n_groups || strcmp(h->groups[at].name, in->name) != 0)
            at = history_find_group(h, in->name); /* they come in the run's order, usually */
        if (at < 0) {
            at = 0;
            continue;
        }
        struct history_group *g = &h->groups[at++];
        g->known = true;
        g->frozen = in->frozen;
        g->proven = in->frozen && in->proven;
        g->grad_norm = in->grad_norm;
        g->update = in->update;
        g->from_base = in->from_base;
        g->predicted_s = in->predicted_s;
        g->lr_scale = in->lr_scale;
        g->thaws_at = in->frozen ? in->thaws_at : 0;
    }
    h->step_s = l->step_s;
}

static void observe_freeze(struct history *h, const struct event *e) {
    const struct event_freeze *f = &e->freeze;
    if (isfinite(f->measured_s)) { /* what an earlier one brought */
        h->freeze.measured_s = f->measured_s;
        return;
    }
    h->n_spent = 0;
    bool *take = calloc((size_t)h->n_groups + 1, sizeof *take);
    if (take && history_select(h, f->group, take))
        for (int g = 0; g < h->n_groups; g++) {
            if (!take[g]) continue;
            h->groups[g].known = true;
            h->groups[g].frozen = f->frozen;
            h->groups[g].proven = false;
        }
    h->failed |= !take;
    free(take);
    struct history_freeze *last = &h->freeze;
    bool together = last->count > 0 && last->step == e->step && last->frozen == f->frozen;
    *last = (struct history_freeze){.step = e->step,
                                    .frozen = f->frozen,
                                    .count = together ? last->count + 1 : 1,
                                    .predicted_s = f->predicted_s,
                                    .measured_s = NAN};
    COPY(last->group, f->group);
    COPY(last->by, f->by);
    if (strcmp(f->by, "config") == 0) return; /* the stage's own plan: its border is marked */
    double x[UNIT_COUNT];
    here(h, e, x);
    journal_mark(&h->journal, x, f->frozen ? 'F' : 'T', "%s %s%s", f->group,
                 f->frozen ? "frozen" : "thawed",
                 strcmp(f->by, "plan") == 0 ? " as planned" : "");
}

static void observe_control(struct history *h, const struct event *e) {
    const struct event_control *c = &e->control;
    double x[UNIT_COUNT];
    here(h, e, x);
    h->pace_broken = true;
    bool pauses = strcmp(c->verb, "pause") == 0 || strcmp(c->verb, "single-step") == 0;
    bool goes_on = strcmp(c->verb, "resume") == 0 || strcmp(c->verb, "next-stage") == 0;
    if (pauses && h->state != RUN_ENDED) h->state = RUN_PAUSED;
    if (goes_on && h->state == RUN_PAUSED) h->state = h->train.n > 0 ? RUN_LIVE : RUN_STARTING;
    if (strcmp(c->verb, "lr") == 0)
        journal_mark(&h->journal, x, 'L', "learning rate %s", c->argument);
    if (strcmp(c->verb, "early-stop") != 0) return;
    journal_mark(&h->journal, x, 'E', "ends early: %s", c->argument);
    if (h->stage >= 0) h->stages[h->stage].early = true;
}

static void observe_ranks(struct history *h, const struct event_ranks *r) {
    struct history_ranks all = {.n = r->n_ranks};
    double fastest = INFINITY, computed = 0, waited = 0;
    for (int i = 0; i < r->n_ranks; i++) {
        const struct event_rank *rank = &r->ranks[i];
        if (rank->compute > r->ranks[all.slowest].compute) all.slowest = i;
        fastest = fmin(fastest, rank->compute);
        computed += rank->compute;
        waited += rank->waited;
    }
    if (r->n_ranks > 0) all.more = r->ranks[all.slowest].compute / fastest - 1;
    all.waited = waited / (computed + waited);
    h->ranks = all;
}

void history_observe(struct history *h, const struct event *e) {
    double x[UNIT_COUNT];
    if (!is_step(e->step)) return; /* no run gets there: a damaged line */
    h->seq = e->seq;
    if (h->state != RUN_ENDED || e->type != EVENT_SAMPLE) h->t = e->t; /* the run's own time */
    h->progress_what[0] = '\0'; /* what comes next says that it is done */
    h->progress = NAN;
    switch (e->type) {
    case EVENT_RUN:
        observe_run(h, e);
        break;
    case EVENT_STAGE:
        observe_stage(h, e);
        break;
    case EVENT_STEP:
        observe_step(h, e);
        return; /* no sentence: there are too many */
    case EVENT_LAYERS:
        observe_layers(h, &e->layers);
        return;
    case EVENT_EVAL:
        observe_eval(h, e);
        break;
    case EVENT_SAMPLE:
        samples_add(&h->samples, &e->sample, e->step);
        return;
    case EVENT_FREEZE:
        observe_freeze(h, e);
        break;
    case EVENT_CONTROL:
        observe_control(h, e);
        break;
    case EVENT_CHECKPOINT:
        here(h, e, x);
        journal_mark(&h->journal, x, 'C', "checkpoint");
        break;
    case EVENT_PROBLEM:
        here(h, e, x);
        journal_mark(&h->journal, x, '!', "%s", e->problem.text);
        break;
    case EVENT_RANKS:
        observe_ranks(h, &e->ranks);
        return;
    case EVENT_PROGRESS:
        COPY(h->progress_what, e->progress.what);
        h->progress =
            e->progress.total > 0 ? e->progress.done / e->progress.total : (double)NAN;
        return;
    case EVENT_END:
        h->state = RUN_ENDED;
        COPY(h->end_reason, e->end.reason);
        break;
    case EVENT_OTHER:
    case EVENT_TYPES:
        return;
    }
    journal_tell(&h->journal, e);
    h->failed |= h->samples.failed || h->journal.failed;
}
