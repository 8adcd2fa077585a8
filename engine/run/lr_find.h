/* lr_find.h - which learning rate suits a stage: the learning rate range test.
 * The stage's own model, text, batch, optimizer and freeze plan are trained for a few steps while the
 * rate grows from step to step by a constant factor, with no warm-up and no decay. The loss first stands
 * still, then falls, then rises as steps become too long for the place they start from. Nothing is
 * written, and what was learned is thrown away.
 * The suggestion is a third of the rate at which the fall ends: up to there a step still helps, the best
 * rate is usually within a factor of two of the highest that does, and a real run stays near its highest
 * rate for longer than this test. Where the loss falls fastest is told beside it: for a language model that
 * is where it learns how frequent its tokens are, which rates too low for all else can do.
 * Sources: Smith, arXiv 1506.01186, section 3.3 (the test, the third of the highest useful rate); Howard,
 * Gugger, arXiv 2002.04688 (growth by a factor, debiased average, giving up, the steepest point). */
#ifndef THAW_ENGINE_RUN_LR_FIND_H
#define THAW_ENGINE_RUN_LR_FIND_H
#include <signal.h>

#include "engine/run/settings.h"

enum { LR_FIND_STEPS_MIN = 20, LR_FIND_STEPS_MAX = 100000 };

/* One step of the test. */
struct lr_point {
    double lr;
    double loss;   /* nats a token, of the step's batch before its update at `lr` */
    double smooth; /* exponential average of `loss`, debiased; remembers a twentieth of all steps */
};

/* What can be told while it works. */
struct lr_find_progress {
    const char *what;             /* "turning text into tokens", "learning rate" */
    double done, total;           /* total 0: not known */
    double left_s;                /* until the last step; NaN while text is prepared */
    const struct lr_point *point; /* the newest; NULL while text is prepared */
};

struct lr_find_plan {
    const struct settings *settings; /* borrowed */
    int stage;
    const char *model; /* an HF folder to start from; NULL: what the settings say, for stage 0 only */
    int steps;         /* LR_FIND_STEPS_MIN to LR_FIND_STEPS_MAX */
    double from, to;   /* rates of the first and the last step; 0 < from < to */
    const volatile sig_atomic_t *stop_signal; /* set by a signal: stop soon; may be NULL */
    void (*progress)(void *ctx, const struct lr_find_progress *p); /* may be NULL */
    void *ctx;
};

/* Rates that do not exist are NaN. */
struct lr_found {
    struct lr_point *points; /* [n], rates ascending; every number finite */
    int n;
    double steepest;  /* where the loss falls fastest over the logarithm of the rate */
    double minimum;   /* where `smooth` is lowest; on a plateau that is anywhere */
    double settled;   /* the first rate at which 95 % of the fall from highest to lowest were made */
    double suggested; /* settled / 3 */
    double diverged_at; /* the rate at which the test was given up */
    bool stopped;       /* by the signal, before the last step */
};

/* The usual range for an optimizer. AdamW moves a weight by about the rate, and useful rates lie between
 * 1e-5 and 1e-1 for every size of model; Muon's directions are scaled to be like AdamW's, and it is seldom
 * run below 1e-4. Both end where weights are replaced rather than trained. */
void lr_find_range(enum optimizer_kind kind, double *from, double *to);

/* Run the test. It ends early, with diverged_at, when a number is not finite, or when `smooth` exceeds its
 * lowest by log 4: the perplexity is then four times its best (the factor 4 that is usual for a loss says
 * little about a logarithm, which a fine-tuned model never quadruples). Stopped by the signal before its
 * first step it fails with ERR_STOPPED, later it tells what it has. ERR_USAGE for a later stage without a
 * model: random weights would give the rate of another task. Same bits for any number of threads.
 * Memory: what a run of this one stage takes. Release *out with lr_found_deinit(), after a failure too. */
bool lr_find(const struct lr_find_plan *plan, struct lr_found *out, struct err *err);
void lr_found_deinit(struct lr_found *f);

/* Fill in steepest, minimum, settled and suggested from the points: part of lr_find(). NaN all when the
 * fall does not stand out from how the loss differs from batch to batch. */
void lr_find_judge(struct lr_found *f);
#endif
