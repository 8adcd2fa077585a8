/* lesson.h - a lesson beside a run, and how far a viewer is in it. What it says are values, read from a file by
 * src/lesson_file.h; the way through it is a fold over the run's events and the viewer's keys, so that it stands at
 * the same place when a screen comes back, or another one looks at the same log. */
#ifndef THAW_UI_LESSON_H
#define THAW_UI_LESSON_H
#include "ui/history.h"
#include "ui/keys.h"
#include "ui/layout.h"

enum {
    LESSON_STEPS = 16,
    LESSON_SETS = 16,
    LESSON_EXPECTS = 4,  /* of a step */
    LESSON_NAME = 64,    /* bytes of these, with the NUL */
    LESSON_TITLE = 40,   /* a row of the smallest screen */
    LESSON_TEXT = 1600,
    LESSON_ASK = 400,
    LESSON_ANSWER = 800,
    LESSON_TRY = 160,
    LESSON_SET = 256,
    LESSON_NOTES = 6000
};

/* ---- what it says */

/* What a step points at: a pane (the values of enum pane), or one of the rows around them. */
enum lesson_point {
    LESSON_POINT_LIFECYCLE = PANE_COUNT, LESSON_POINT_STATUS, LESSON_POINT_LEARNED, LESSON_POINT_KEYS,
    LESSON_POINTS, LESSON_POINT_NONE = LESSON_POINTS
};
struct lesson_place { const char *word, *where; }; /* "learned", "the row above the keys" */
extern const struct lesson_place lesson_places[LESSON_POINTS];

/* Facts that a step can wait for. What someone did counts from when the step came up; what the run does by itself
 * counts whenever it was. */
enum lesson_fact {
    LESSON_FACT_FREEZE, LESSON_FACT_UNFREEZE, LESSON_FACT_PAUSE, LESSON_FACT_RESUME, LESSON_FACT_LR, LESSON_FACT_SAMPLE,
    LESSON_FACT_FORK, LESSON_FACT_ROLLBACK, LESSON_FACT_EVAL, LESSON_FACT_CHECKPOINT, LESSON_FACT_END, LESSON_FACTS
};
struct lesson_fact_info {
    const char *word, *sentence; /* "freeze", "a layer is frozen" */
    bool by_hand;
};
extern const struct lesson_fact_info lesson_facts[LESSON_FACTS];

enum lesson_wait_kind { LESSON_WAIT_NONE, LESSON_WAIT_STAGE, LESSON_WAIT_STEP, LESSON_WAIT_KEY, LESSON_WAIT_EVENT };
struct lesson_wait {
    enum lesson_wait_kind kind;
    char stage[LESSON_NAME]; /* "": STEP counts from the run's start */
    int64_t step;            /* STEP: so many are done, of that stage where there is one */
    enum action key;
    enum lesson_fact event;
};

/* A range of a figure that the run is to come to. */
enum lesson_measure {
    LESSON_MEASURE_LOSS, LESSON_MEASURE_PERPLEXITY, LESSON_MEASURE_ACCURACY, /* of a set, the tuned model's */
    LESSON_MEASURE_LOSS_DROP,       /* base - tuned, nats per token */
    LESSON_MEASURE_PERPLEXITY_DROP, /* 1 - tuned / base */
    LESSON_MEASURE_ACCURACY_GAIN,   /* tuned - base */
    LESSON_MEASURE_FROM_BASE,       /* of a group: ||W-W0||/||W0|| */
    LESSON_MEASURE_STEPS,           /* of the run */
    LESSON_MEASURES
};
extern const char *const lesson_measure_words[LESSON_MEASURES];
struct lesson_expect {
    enum lesson_measure measure;
    char of[LESSON_NAME];     /* the set or group; "": of the run */
    double at_least, at_most; /* -INFINITY and INFINITY where it is open */
};

struct lesson_step {
    char title[LESSON_TITLE], text[LESSON_TEXT]; /* text: paragraphs with a newline between them */
    int point; /* enum lesson_point, or a pane */
    struct lesson_wait wait;
    char ask[LESSON_ASK], answer[LESSON_ANSWER], attempt[LESSON_TRY]; /* "": none */
    bool off[ACTION_COUNT]; /* keys that do nothing while it is shown */
    struct lesson_expect expects[LESSON_EXPECTS];
    int n_expects;
};

struct lesson {
    char name[LESSON_NAME], title[80], config[LESSON_NAME], summary[LESSON_ASK], notes[LESSON_NOTES];
    int minutes;
    int mechanism; /* its place among the lessons about the mechanism; 0: it is about an example */
    char sets[LESSON_SETS][LESSON_SET]; /* "KEY=VALUE", over the config */
    int n_sets;
    struct lesson_step steps[LESSON_STEPS];
    int n_steps; /* 1 or more */
};

/* ---- how far one is */

struct lesson_progress {
    int step;       /* shown, from 0 */
    int64_t since;  /* seq of the newest event when it came up */
    bool revealed;  /* its answer is shown */
    bool pressed;   /* the key that it waits for */
    int scroll;     /* rows of it above the first in sight */
    int64_t first[LESSON_FACTS], last[LESSON_FACTS]; /* seq of the facts there were; 0: none */
};

/* Begin at a step, from 0; a screen that comes back to it counts what was done since the run's start. */
void lesson_begin(struct lesson_progress *p, const struct lesson *l, int step);
/* Fold one event, which the history has been told already or will be. */
void lesson_observe(struct lesson_progress *p, const struct event *e);
/* Show step `step`, where there is one; seq: of the newest event. */
bool lesson_go(struct lesson_progress *p, const struct lesson *l, int step, int64_t seq);
/* A key was pressed while the step is shown. */
void lesson_pressed(struct lesson_progress *p, const struct lesson *l, enum action action);
/* Whether what the step waits for has come; true when it waits for nothing. */
bool lesson_reached(const struct lesson_progress *p, const struct lesson *l, const struct history *h);
/* "the stage FINE-TUNE begins"; "" when it waits for nothing. */
void lesson_wait_words(const struct lesson_wait *w, char *out, size_t size);

/* ---- what the run came to */

/* The figure; NaN when the run has none. */
double lesson_measure(const struct lesson_expect *x, const struct history *h);
bool lesson_met(const struct lesson_expect *x, const struct history *h);
/* "perplexity_drop of domain at least 0.4". */
void lesson_expect_words(const struct lesson_expect *x, char *out, size_t size);
#endif
