#include "ui/lesson.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/bars.h"

const struct lesson_place lesson_places[LESSON_POINTS] = {
    [PANE_LOSS] = {"loss", "the loss pane (1)"},
    [PANE_LAYERS] = {"layers", "the layers pane (2)"},
    [PANE_COMPARE] = {"compare", "the compare pane (3)"},
    [PANE_LOG] = {"log", "the log (4)"},
    [PANE_SPEED] = {"speed", "the speed pane (5)"},
    [PANE_GUIDE] = {"guide", "the guide (6)"},
    [LESSON_POINT_LIFECYCLE] = {"lifecycle", "the top row: the stages"},
    [LESSON_POINT_STATUS] = {"status", "the second row: the figures"},
    [LESSON_POINT_LEARNED] = {"learned", "the row \"learned, forgetting\" near the bottom"},
    [LESSON_POINT_KEYS] = {"keys", "the last row: the keys"},
};

const struct lesson_fact_info lesson_facts[LESSON_FACTS] = {
    [LESSON_FACT_FREEZE] = {"freeze", "something is frozen by hand", true},
    [LESSON_FACT_UNFREEZE] = {"unfreeze", "something is thawed by hand", true},
    [LESSON_FACT_PAUSE] = {"pause", "the run is paused", true},
    [LESSON_FACT_RESUME] = {"resume", "the run goes on", true},
    [LESSON_FACT_LR] = {"lr", "the learning rate is changed", true},
    [LESSON_FACT_SAMPLE] = {"sample", "a prompt of your own is answered", true},
    [LESSON_FACT_FORK] = {"fork", "a fork is made", true},
    [LESSON_FACT_ROLLBACK] = {"rollback", "the run goes back to a checkpoint", true},
    [LESSON_FACT_EVAL] = {"eval", "held-out text has been tried", false},
    [LESSON_FACT_CHECKPOINT] = {"checkpoint", "a checkpoint is saved", false},
    [LESSON_FACT_END] = {"end", "the run has ended", false},
};

const char *const lesson_measure_words[LESSON_MEASURES] = {
    [LESSON_MEASURE_LOSS] = "loss",
    [LESSON_MEASURE_PERPLEXITY] = "perplexity",
    [LESSON_MEASURE_ACCURACY] = "accuracy",
    [LESSON_MEASURE_LOSS_DROP] = "loss_drop",
    [LESSON_MEASURE_PERPLEXITY_DROP] = "perplexity_drop",
    [LESSON_MEASURE_ACCURACY_GAIN] = "accuracy_gain",
    [LESSON_MEASURE_FROM_BASE] = "from_base",
    [LESSON_MEASURE_STEPS] = "steps",
};

/* ---- the way through it */

void lesson_begin(struct lesson_progress *p, const struct lesson *l, int step) {
    *p = (struct lesson_progress){.step = 0};
    lesson_go(p, l, step, 0);
}

bool lesson_go(struct lesson_progress *p, const struct lesson *l, int step, int64_t seq) {
    if (step < 0 || step >= l->n_steps) return false;
    p->step = step;
    p->since = seq;
    p->revealed = p->pressed = false;
    p->scroll = 0;
    return true;
}

/* LESSON_FACTS: it is none that is waited for. */
static enum lesson_fact fact_of(const struct event *e) {
    switch (e->type) {
    case EVENT_FREEZE:
        if (strcmp(e->freeze.by, "config") == 0) return LESSON_FACTS;
        return e->freeze.frozen ? LESSON_FACT_FREEZE : LESSON_FACT_UNFREEZE;
    case EVENT_CONTROL:
        for (int i = LESSON_FACT_PAUSE; i <= LESSON_FACT_ROLLBACK; i++)
            if (strcmp(e->control.verb, lesson_facts[i].word) == 0) return (enum lesson_fact)i;
        return LESSON_FACTS;
    case EVENT_SAMPLE:
        return e->sample.index < 0 ? LESSON_FACT_SAMPLE : LESSON_FACTS;
    case EVENT_EVAL:
        return LESSON_FACT_EVAL;
    case EVENT_CHECKPOINT:
        return LESSON_FACT_CHECKPOINT;
    case EVENT_END:
        return LESSON_FACT_END;
    default:
        return LESSON_FACTS;
    }
}

void lesson_observe(struct lesson_progress *p, const struct event *e) {
    enum lesson_fact fact = fact_of(e);
    if (fact == LESSON_FACTS) return;
    if (p->first[fact] == 0) p->first[fact] = e->seq;
    if (e->seq > p->last[fact]) p->last[fact] = e->seq;
}

void lesson_pressed(struct lesson_progress *p, const struct lesson *l, enum action action) {
    const struct lesson_wait *w = &l->steps[p->step].wait;
    p->pressed |= w->kind == LESSON_WAIT_KEY && w->key == action;
}

/* Steps that are done of the stage, or of the run where none is named; -1: it has not begun. */
static int64_t steps_done(const struct lesson_wait *w, const struct history *h) {
    if (!w->stage[0]) return h->step;
    for (int i = 0; i < h->n_stages; i++) {
        const struct history_stage *s = &h->stages[i];
        if (strcmp(s->name, w->stage) == 0 && s->first >= 0 && i <= h->stage)
            return i < h->stage ? s->steps : h->step - s->first;
    }
    return -1;
}

bool lesson_reached(const struct lesson_progress *p, const struct lesson *l,
                    const struct history *h) {
    const struct lesson_wait *w = &l->steps[p->step].wait;
    switch (w->kind) {
    case LESSON_WAIT_STAGE:
    case LESSON_WAIT_STEP:
        return steps_done(w, h) >= w->step;
    case LESSON_WAIT_KEY:
        return p->pressed;
    case LESSON_WAIT_EVENT:
        if (lesson_facts[w->event].by_hand) return p->last[w->event] > p->since;
        return p->first[w->event] > 0 && p->first[w->event] <= h->seq;
    case LESSON_WAIT_NONE:
        break;
    }
    return true;
}

static const char *label_of(enum action action) {
    for (int i = 0; i < n_key_bindings; i++)
        if (key_bindings[i].action == action) return key_bindings[i].label;
    return "";
}

void lesson_wait_words(const struct lesson_wait *w, char *out, size_t size) {
    char stage[LESSON_NAME];
    bars_stage_word(w->stage, stage, sizeof stage);
    out[0] = '\0';
    if (w->kind == LESSON_WAIT_STAGE) snprintf(out, size, "%s begins", stage);
    else if (w->kind == LESSON_WAIT_STEP)
        snprintf(out, size, "%s%sstep %" PRId64 " is done", stage, *stage ? ", " : "", w->step);
    else if (w->kind == LESSON_WAIT_KEY) {
        const char *label = label_of(w->key);
        snprintf(out, size, "you press %.*s", (int)strcspn(label, " "), label);
    } else if (w->kind == LESSON_WAIT_EVENT)
        snprintf(out, size, "%s", lesson_facts[w->event].sentence);
}

/* ---- what the run came to */

static double of_set(const struct history_set *s, enum lesson_measure measure) {
    switch (measure) {
    case LESSON_MEASURE_LOSS:
        return s->last.loss;
    case LESSON_MEASURE_PERPLEXITY:
        return s->last.perplexity;
    case LESSON_MEASURE_ACCURACY:
        return s->last.accuracy;
    case LESSON_MEASURE_LOSS_DROP:
        return s->last_base.loss - s->last.loss;
    case LESSON_MEASURE_PERPLEXITY_DROP:
        return 1 - s->last.perplexity / s->last_base.perplexity;
    case LESSON_MEASURE_ACCURACY_GAIN:
        return s->last.accuracy - s->last_base.accuracy;
    default:
        return (double)NAN;
    }
}

double lesson_measure(const struct lesson_expect *x, const struct history *h) {
    if (x->measure == LESSON_MEASURE_STEPS) return (double)h->step;
    if (x->measure == LESSON_MEASURE_FROM_BASE) {
        int g = history_find_group(h, x->of);
        return g >= 0 ? h->groups[g].from_base : (double)NAN;
    }
    for (int i = 0; i < h->n_sets; i++)
        if (strcmp(h->sets[i].name, x->of) == 0) return of_set(&h->sets[i], x->measure);
    return (double)NAN;
}

bool lesson_met(const struct lesson_expect *x, const struct history *h) {
    double figure = lesson_measure(x, h);
    return figure >= x->at_least && figure <= x->at_most; /* false for NaN */
}

void lesson_expect_words(const struct lesson_expect *x, char *out, size_t size) {
    char least[48] = "", most[48] = "";
    bool both = isfinite(x->at_least) && isfinite(x->at_most);
    if (isfinite(x->at_least)) snprintf(least, sizeof least, " at least %g", x->at_least);
    if (isfinite(x->at_most)) snprintf(most, sizeof most, " at most %g", x->at_most);
    snprintf(out, size, "%s%s%s%s%s%s", lesson_measure_words[x->measure],
             x->of[0] ? " of " : "", x->of, least, both ? "," : "", most);
}
