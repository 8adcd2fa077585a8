/* history.h - the run as the screen knows it: a fold over its events, and nothing else.
 * Everything a panel draws is in here; what the user asked for is not (wishes.h). A run that
 * was resumed from a checkpoint takes its steps back: the fold forgets them, and the second try
 * takes their place. */
#ifndef THAW_UI_HISTORY_H
#define THAW_UI_HISTORY_H
#include "engine/run/event.h"
#include "ui/journal.h"
#include "ui/samples.h"
#include "ui/series.h"
#include "ui/style.h"

enum {
    HISTORY_SETS = 8, /* evaluation sets that are kept; more are not shown */
    HISTORY_STAGES = 16,
    HISTORY_GROUPS = 1024, /* groups and parts that are kept */
    HISTORY_PACE = 64,     /* steps that the pace is taken from */
    HISTORY_SPENT = 32,    /* steps that a step's parts are averaged over */
    SMOOTHINGS = 4
};
/* Factors of the exponential moving average: 0 (raw), 0.5, 0.9, 0.99. */
extern const double smoothing_factors[SMOOTHINGS];
enum { SMOOTHING_USUAL = 2 };

/* What a step spends its time on. */
enum spent { SPENT_FORWARD, SPENT_BACKWARD, SPENT_UPDATE, SPENT_REST, SPENT_PARTS };

enum run_state { RUN_STARTING, RUN_LIVE, RUN_PAUSED, RUN_ENDED };

struct history_stage {
    char name[64];
    int64_t steps; /* planned */
    int64_t first; /* steps done before it began; -1: not begun */
    bool finished, early; /* early: it ended since it learned no more */
    uint64_t tokens, lines; /* of its data */
};

struct history_group {
    char name[32];
    uint64_t parameters;
    int parent;  /* index of the block that this is a part of; -1: none */
    int n_parts; /* parts that follow it directly */
    bool known, frozen, proven;
    double grad_norm, update, from_base, predicted_s; /* NaN: not told yet */
    double lr_scale;  /* factor of its learning rate; 0: none; NaN: its parts have several */
    int64_t thaws_at; /* the step from which on it is planned to learn; 0: it is not */
};
enum group_state { GROUP_UNKNOWN, GROUP_LEARNS, GROUP_PARTLY, GROUP_FROZEN };

struct history_set {
    char name[64];
    struct series tuned, base;
    struct event_score last, last_base; /* loss NaN: none */
};

/* Processes that train together, by the newest that was told of them. */
struct history_ranks {
    int n;       /* 0: there is one process */
    int slowest; /* which of them computed longest */
    double more; /* by how much longer than the fastest, as a share of its time */
    double waited; /* share of their time that they waited for each other */
};

/* The newest freezes that hold from one step on, told as one. */
struct history_freeze {
    int64_t step;
    bool frozen;
    int count;
    char group[64], by[64];
    double predicted_s, measured_s; /* NaN: not told */
};

struct history {
    /* the plan */
    bool has_run;
    char name[128], version[32], blas[96];
    uint64_t parameters, memory_bytes, seed;
    int threads;
    struct history_stage stages[HISTORY_STAGES];
    int n_stages, stage; /* stage: the current one; -1: none yet */
    struct history_group *groups;
    int n_groups;

    /* the curve */
    struct series train;
    struct series speed, rate, norm; /* tokens/s, learning rate, gradient norm of train's points */
    float *smooth[SMOOTHINGS]; /* [train.n] debiased averages, begun anew with each stage */
    size_t smooth_capacity;
    size_t stage_start; /* index of the stage's first point */
    struct history_set sets[HISTORY_SETS];
    int n_sets;

    /* now */
    enum run_state state;
    char end_reason[32], progress_what[96];
    double progress; /* 0 to 1; NaN: not known, or nothing under way (progress_what is "") */
    int64_t step, tokens, seq;
    double t;                  /* of the newest event, seconds since the run's start */
    struct event_step last;    /* loss NaN before the first */
    double step_s;             /* median seconds of a step, as the engine tells it; NaN */
    double pace[HISTORY_PACE]; /* seconds from step to step, pauses left out */
    int n_pace;
    bool pace_broken; /* the next interval holds a pause */
    float spent[HISTORY_SPENT][SPENT_PARTS]; /* seconds, of the newest steps of one freeze plan */
    int n_spent;
    struct history_freeze freeze;
    struct history_ranks ranks;

    struct samples samples;
    struct journal journal; /* marks on the curve, sentences of the log */
    bool failed;            /* memory ran out: something is missing */
};

void history_init(struct history *h);
void history_deinit(struct history *h);
void history_observe(struct history *h, const struct event *e);
/* Make `to` (of any content) the same as `from`. False when memory is out (nothing changes). */
bool history_copy(struct history *to, const struct history *from);
size_t history_bytes(const struct history *h); /* of its points and sentences, about */

/* Learned groups among the selectable ones (those without a parent). */
int history_roots(const struct history *h, int *learning);
enum group_state history_group_state(const struct history *h, int group);
int history_find_group(const struct history *h, const char *name); /* -1: none */
/* Sets take[g] for the groups without parts that a GROUPS text names. False: a word is unknown.
 */
bool history_select(const struct history *h, const char *text, bool *take);

/* Newest debiased average of the train loss; NaN before the first step. */
double history_smooth(const struct history *h, int smoothing);
/* Seconds from one step to the next, its evaluations included; NaN when not known. */
double history_pace(const struct history *h);
/* Seconds that the newest steps spent on a part, on average; NaN before there is one. */
double history_spent(const struct history *h, enum spent part);
/* Median of the tokens a second of a stage that has begun, of at most 255 steps spread over it; NaN
 * before its first step, and for stage -1. */
double history_stage_speed(const struct history *h, int stage);
/* Steps left in the stage and in the whole run. */
int64_t history_left(const struct history *h, bool whole);
int64_t history_stage_step(const struct history *h); /* steps done in the current stage */
/* The set that "val" and "base" are about: the first one; from the last stage on, which the others
 * lead to, the last one. It never depends on the losses. -1: none yet. */
int history_main_set(const struct history *h);
/* x of the newest point in every unit. */
void history_now(const struct history *h, double x[UNIT_COUNT]);
#endif
