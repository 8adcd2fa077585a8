/* fold.h - all that a report tells of a run: the fold of its log that the screen has, the few
 * facts that the screen does not keep, and its config. */
#ifndef THAW_SRC_REPORT_FOLD_H
#define THAW_SRC_REPORT_FOLD_H
#include "engine/model/config.h"
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"
#include "ui/history.h"

struct fold_source {
    char *text; /* NULL: none */
    uint64_t tokens, lines;
};

/* A group's state changed: it holds from `step` on. Of groups without a parent only. */
struct fold_turn {
    int64_t step;
    int group; /* of history.groups */
    enum group_state state;
};

struct fold {
    struct history history;
    char name[256]; /* of its folder: what to type for it */
    bool has_model;
    struct model_config model;
    char beside[256]; /* runs that shared the machine's cores with it; "": none */
    struct fold_source sources[HISTORY_STAGES][2]; /* the stage's text, and its replay's */
    struct fold_turn *turns;                       /* in the order of the log */
    int n_turns, turns_capacity;
    struct buf config;         /* config.yaml as it stands in the run's folder */
    struct settings *settings; /* what it says; NULL: it could not be read */
    double modified;           /* clock_wall() of the newest event */
    bool failed;               /* memory ran out */
};

/* Read the whole log, as it stands. ERR_RANGE when it does not tell of a run yet; what can be
 * told without the config is. On failure nothing is left to free. */
bool fold_read(struct fold *f, const struct run_paths *run, struct err *err);
void fold_free(struct fold *f);

/* Planned steps of all stages; the step that the run's axis ends at, at least 1. */
int64_t fold_planned(const struct fold *f);
double fold_last_step(const struct fold *f);
/* The state of a group after `step` steps. */
enum group_state fold_state(const struct fold *f, int group, int64_t step);
/* "finished", "stopped", "failed"; "paused" or "in training" while there is no end. */
const char *fold_state_word(const struct fold *f);
/* "qwen3, 6 blocks, width 192 ..." in one line. */
void fold_model_line(const struct fold *f, char *out, size_t size);
/* Perplexity of a score; NaN where there is none. */
double fold_perplexity(const struct event_score *s);
#endif
