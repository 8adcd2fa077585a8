/* trainer.h - the step loop: stages, batches, wishes obeyed between two steps, facts reported.
 * The struct is shared by the files of run/ that make up the trainer: trainer.c (loop), stage.c (data,
 * base, freeze plan), obey.c (commands), report.c and report_text.c (events). Nobody else looks inside. */
#ifndef THAW_ENGINE_RUN_TRAINER_H
#define THAW_ENGINE_RUN_TRAINER_H
#include "engine/model/decode.h"
#include "engine/model/transformer.h"
#include "engine/run/checkpoint.h"
#include "engine/run/control.h"
#include "engine/run/cost.h"
#include "engine/run/evaluate.h"
#include "engine/run/event_log.h"
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"

struct stage_data {
    struct corpus data, replay;
    struct batcher *batcher;
};

struct trainer {
    /* borrowed */
    const struct settings *settings;
    const struct run_paths *paths;
    struct event_log *log;
    struct control *control; /* NULL: nobody can ask (tests) */
    const volatile int *stop_signal; /* set by a signal: stop after this step; may be NULL */

    /* the model and what trains it */
    struct exec ex;
    struct tokenizer *tokenizer;
    struct param_table table;
    struct weights weights, grads, base;
    bool has_base;              /* the last stage has begun */
    uint64_t *base_fingerprint; /* [n_groups] of the base's bytes when it was taken */
    struct optim optim;
    struct transformer *transformer;
    struct decoder *decoder;
    int32_t *x, *y; /* [max batch, context] */
    double *group_norms, *group_updates; /* [n_groups] of the last step */

    /* what it reads */
    struct stage_data stages[STAGES_MAX];
    struct eval_windows eval_sets[SETS_MAX];
    struct event_score base_scores[SETS_MAX];
    bool base_told[PROMPTS_MAX]; /* the base's text is made once for each prompt */
    bool *present; /* scratch [n_groups] */

    /* where it stands */
    struct trainer_state state;
    bool *learn; /* [n_groups] the freeze plan */
    bool paused, stopping, skip_stage;
    int single_steps;
    int next_prompt;
    struct cost_model cost;
    double last_layers, layers_cost_s; /* clock of the last `layers` event, and what it took */
    double sampling_s, training_s; /* since the stage began; sampling stays within its share */
    struct {                     /* a freeze whose measured time is still to be told */
        bool waiting;
        char group[GROUP_NAME_MAX];
        bool frozen;
        char by[64];
        double predicted_s;
        int64_t step;
    } freeze_told;
};

/* Load data, tokenizer and weights (or the checkpoint `resume_from` of
 * `resume_step`; "" and 0 for none), plan and reserve the
 * memory, write the `run` event. Errors are for the user. On failure nothing is left to destroy. */
bool trainer_create(struct trainer *t, const struct settings *s, const struct run_paths *paths,
                    struct event_log *log, struct control *control, const char *resume_from,
                    int64_t resume_step, struct err *err);
void trainer_destroy(struct trainer *t);

/* Train to the end of the last stage, or until stopped; writes every event but a failed `end`. */
bool trainer_run(struct trainer *t, struct err *err);

/* ---- between the files of the trainer ---- */

/* stage.c */
bool stage_data_load(struct trainer *t, struct err *err); /* corpora, eval sets, tokenizer */
bool stage_begin(struct trainer *t, struct err *err);     /* base, plan, events */
bool stage_plan(const struct trainer *t, int stage, bool *learn, struct err *err);
void stage_thaw_base(struct trainer *t); /* copy the base of what learns, before it changes */

/* obey.c */
void obey_waiting(struct trainer *t); /* answers everything that waits */

/* report.c; events whose loss costs the run nothing return void: a full disk must not stop training */
bool report_run(struct trainer *t, struct err *err);
void report_stage(struct trainer *t, bool finished);
void report_step(struct trainer *t, double loss, double lr, double norm, const struct step_times *times,
                 double update_s, double total_s);
void report_layers(struct trainer *t);
void report_eval(struct trainer *t);
void report_freeze(struct trainer *t, const char *group, bool frozen, const char *by,
                   double predicted_s, double measured_s, int64_t step);
void report_control(struct trainer *t, const char *verb, const char *argument, const char *by);
void report_problem(struct trainer *t, bool error, const char *text);
void report_progress(struct trainer *t, const char *what, double done, double total);
bool report_end(struct trainer *t, const char *reason, struct err *err);
/* report_text.c */
void report_prompt(struct trainer *t, int prompt); /* base (once) and tuned text of one prompt */
bool report_asked(struct trainer *t, const struct command *c, struct err *err); /* `sample` */

/* Save a checkpoint and report it. A failure is a `problem`, and an end only where nothing is left to
 * save it later. */
bool trainer_save(struct trainer *t, struct err *err);
#endif
