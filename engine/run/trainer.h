/* trainer.h - the step loop: stages, batches, wishes obeyed between two steps, facts reported.
 * The struct is shared by the files of run/ that make up the trainer: trainer.c (loop), trainer_create.c
 * (making), gradient.c (a batch's gradient), stage.c (data, base, freeze plan), freeze.c (changes of that plan), obey.c (commands), fork.c and
 * rollback.c (two larger ones), report.c and report_text.c (events).
 * Nobody else looks inside. */
#ifndef THAW_ENGINE_RUN_TRAINER_H
#define THAW_ENGINE_RUN_TRAINER_H
#include <signal.h>

#include "engine/core/tree.h"
#include "engine/dist/ranks.h"
#include "engine/model/decode.h"
#include "engine/model/transformer.h"
#include "engine/run/checkpoint.h"
#include "engine/run/control.h"
#include "engine/run/cost.h"
#include "engine/run/evaluate.h"
#include "engine/run/event_log.h"
#include "engine/run/memory_needs.h"
#include "engine/run/prefix_cache.h"
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"
#include "engine/run/tensorboard.h"
#include "engine/run/third.h"

struct stage_data {
    struct corpus data, replay;
    struct batcher *batcher;
};

/* What a trainer is made from; all borrowed for its life. */
struct trainer_plan {
    const struct settings *settings;
    const struct run_paths *paths;
    struct event_log *log;
    struct control *control;                  /* NULL: nobody can ask (tests) */
    const volatile sig_atomic_t *stop_signal; /* how many signals said: stop soon; may be NULL */
    const char *resume_from;                  /* a checkpoint's folder; "": from the start */
    int64_t resume_step;                      /* that it was saved at */
    struct ranks *ranks;                      /* who trains it together; NULL: this process alone */
};

struct trainer {
    /* borrowed */
    const struct settings *settings;
    const struct run_paths *paths;
    struct event_log *log;
    struct control *control;
    const volatile sig_atomic_t *stop_signal;
    struct ranks *ranks;

    /* the model and what trains it */
    struct exec ex;
    struct tokenizer *tokenizer;
    struct param_table table;
    struct imported *imported; /* what the model came from; NULL: made here */
    int time; /* tokens of a training sequence: at most the model's context */
    enum narrow_kind *kind; /* [n_groups] what the weights are created as */
    struct weights weights, grads, base;
    struct weights waiting[TREE_LEVELS]; /* gradients of shards, to be added to others (gradient.c) */
    bool has_base, base_saved;  /* the last stage has begun; the base's folder is on the disk */
    uint64_t *base_fingerprint; /* [n_groups] of the base's bytes when it was taken */
    struct optim optim;
    struct transformer *transformer;
    struct decoder *decoder;
    int32_t *x, *y;                      /* [max batch, time] */
    size_t *ids;                         /* [max batch] which windows they are */
    struct prefix_cache *prefixes;       /* what is known of them below the frozen blocks */
    double *group_norms, *group_updates; /* [n_groups] of the last step */

    /* what it reads */
    struct stage_data stages[STAGES_MAX];
    struct eval_windows eval_sets[SETS_MAX];
    struct event_score base_scores[SETS_MAX];
    struct event_score scores[SETS_MAX]; /* of the weights after step `scored_step` (-1: none) */
    int64_t scored_step;
    bool base_told[PROMPTS_MAX]; /* the base's text is made once for each prompt */
    struct third third;          /* one more model that answers them, where the config names one */
    struct third_memory third_memory;
    bool *scratch;               /* [n_groups] */

    struct {                        /* together.c; all empty where there is one process */
        struct weights received;    /* scratch of sums under way */
        struct orders *orders;      /* what rank 0 told last */
        struct rank_report *report; /* [ranks] of the last step */
        bool moved;                 /* weights and moments are not those of the others */
        bool loaded;                /* all moments are here, though others are to have parts of them */
        struct share *share;        /* together_share.c; NULL: each has all of the optimizer's state */
        struct err lost;            /* a rank: there will be no more steps */
        double told;                /* clock of the last `ranks` event */
    } together;

    struct tensorboard *tensorboard; /* NULL: not asked for, or its file can't be made */

    /* where it stands */
    struct trainer_state state;
    bool *learn; /* [n_groups] the freeze plan */
    bool *by_hand;       /* [n_groups] set by hand in this stage, and so no more by its plan */
    int64_t *thaw_steps; /* [n_groups] that plan: plan_thaw_steps() */
    bool paused, stopping, skip_stage;
    bool went_back;  /* to a checkpoint: its stage is to be begun again before anything else */
    bool gone_bad; /* the weights, or what they give, are no finite numbers: they are not saved */
    bool idle;           /* idle.c: all that is left to do is to answer prompts */
    bool waits_for_room; /* last_save.c: all that is left to do is to save */
    struct {             /* events that a full disk does not take */
        bool waiting;
        int64_t since, lost; /* step; how many were lost before */
        double told;         /* clock of the last notice */
    } unwritten;
    int single_steps;
    int next_prompt;
    struct cost_model cost;
    double last_layers, layers_cost_s; /* clock of the last `layers` event, and what it took */
    double sampling_s, training_s;     /* since the stage began; sampling stays within its share */
    struct {                           /* a freeze whose measured time is still to be told */
        bool waiting;
        char group[GROUP_NAME_MAX];
        bool frozen;
        char by[64];
        double predicted_s, kept; /* the forecast, and the share of windows that it counts on */
        int64_t step;
    } freeze_told;
};

/* Load data, tokenizer and weights (or the checkpoint to go on from), plan and reserve the memory,
 * write the `run` event. Errors are for the user; ERR_STOPPED when the signal came meanwhile. On
 * failure nothing is left to destroy. */
bool trainer_create(struct trainer *t, const struct trainer_plan *plan, struct err *err);
void trainer_destroy(struct trainer *t);

/* Train to the end of the last stage, or until stopped; writes every event but a failed `end`. */
bool trainer_run(struct trainer *t, struct err *err);

/* One that only answers prompts, from the checkpoint and the run's base: no text, no gradients, no event of
 * its own. On failure nothing is left to destroy. */
bool trainer_create_idle(struct trainer *t, const struct trainer_plan *plan, struct err *err);
/* Answer until it is asked to stop, or until no client has been connected for 0.3 s (for 30 s at first). */
void trainer_answer(struct trainer *t);

/* ---- between the files of the trainer ---- */

/* stage.c */
bool stage_data_load(struct trainer *t, struct err *err); /* corpora, eval sets, tokenizer */
bool stage_begin(struct trainer *t, struct err *err);     /* base, plan, events */
bool stage_save_base(struct trainer *t, struct err *err); /* its folder, unless it is there */
void stage_measure(struct trainer *t);                    /* what steps cost, from here on */
bool stage_plan(const struct trainer *t, int stage, bool *learn, struct err *err);
/* The groups' factors of a stage's learning rate, [n_groups]. */
bool stage_rates(const struct trainer *t, int stage, double *scale, struct err *err);
/* The factor with which the schedule gives `lr` at a step of a stage; within a warm-up what it leads to
 * counts. NaN where the schedule gives 0. */
double stage_lr_scale(const struct trainer *t, int stage, int64_t stage_step, double lr);
/* Copy the base of what learns, before it changes; what was narrow becomes reals. */
void stage_thaw_base(struct trainer *t);
/* Whether another plan of learning fits into `available` more bytes; ERR_NOMEM says what it would take. */
bool stage_has_room(const struct trainer *t, const bool *learn, uint64_t available, struct err *err);
/* For forecasts: the share of sequences that `prefixes` will know if another plan of learning holds from
 * now on, once all windows have come by; those of the replay, which come back late, do not count. 0 where
 * less than two epochs of the stage are left. */
double stage_kept_share(const struct trainer *t);

/* freeze.c */
/* Freeze or thaw the GROUPS that do not stand so already, before the next step; told as `freeze` events.
 * On failure nothing has changed. */
bool trainer_freeze(struct trainer *t, const char *groups, bool frozen, const char *by, struct err *err);
/* Thaw what the stage's plan (training_plan.h) has for now, as "plan"; to be called before each step. What
 * was set by hand in this stage is left alone. Where nothing is to be thawed, nothing is done. */
void trainer_thaw_planned(struct trainer *t);
/* The step from which on group g will learn by the plan; 0: it learns, or there is no plan for it. */
int64_t trainer_thaws_at(const struct trainer *t, int g);

/* early_stop.c */
/* After an evaluation of the stage's rhythm: count it. True: these weights are the best so far, and are to
 * be kept as a checkpoint. Without early_stop nothing is looked at. */
bool early_stop_watch(struct trainer *t);
/* Whether the stage has waited long enough for a better evaluation. */
bool early_stop_due(const struct trainer *t);
/* Tell why the stage ends (`control` early-stop), and with restore load weights and moments of its best
 * evaluation (`control` restore; a `problem` where they are not to be had). False: the weights are lost. */
bool early_stop_end(struct trainer *t, struct err *err);

/* obey.c */
void obey_waiting(struct trainer *t); /* answers everything that waits */

/* fork.c */
/* A run beside this one that begins where it stands, as `c` names it and with the freeze plan and the
 * rate of `c`: a folder with all that a resume needs, and the log up to now, which says where it comes
 * from and ends as a stopped run's. out gets the folder; nobody trains there yet. On failure nothing of it is left. */
bool trainer_fork(struct trainer *t, const struct command *c, char out[PATH_MAX], struct err *err);

/* rollback.c */
/* Go back to the checkpoint of c->step, or the last whole one; those behind it are removed, as they are
 * of steps that will be made again. A pause for bad numbers is over then. Where the checkpoint turns out
 * to be broken after it was begun to load, the run is paused with no weights to go on with (gone_bad). */
bool trainer_rollback(struct trainer *t, const struct command *c, struct err *err);

/* report.c; what cannot be written at once is written later (event_log.h): a full disk must not stop
 * training, so only the run's first and last event can fail */
bool report_run(struct trainer *t, struct err *err);
void report_tensorboard(struct trainer *t); /* from now on also to TensorBoard, where settings ask for it */
void report_stage(struct trainer *t, bool finished);
void report_step(struct trainer *t, double loss, double lr, double norm, const struct step_times *times,
                 double update_s, double total_s);
void report_ranks(struct trainer *t); /* how long each took, where there are several, and now and then */
void report_layers(struct trainer *t);
const struct event_score *report_scores(struct trainer *t); /* [n_sets] of the weights as they are */
struct event_score report_score(struct trainer *t, const struct weights *w, int set); /* of others */
void report_eval(struct trainer *t);
void report_freeze(struct trainer *t, const char *group, bool frozen, const char *by,
                   double predicted_s, double measured_s, int64_t step);
void report_control(struct trainer *t, const char *verb, const char *argument, const char *by);
void report_checkpoint(struct trainer *t, const char *path, uint64_t bytes, double seconds);
void report_problem(struct trainer *t, bool error, const char *text);
void report_progress(struct trainer *t, const char *what, double done, double total); /* total 0: not known */
/* The same of what cannot tell how far it is, where the model is large; not each time a save is tried once more. */
void report_busy(struct trainer *t, const char *what);
bool report_end(struct trainer *t, const char *reason, struct err *err);
/* Write what a full disk did not take; as long as it takes nothing, those at the control socket hear of
 * it, and afterwards the log tells of which steps it was late. */
void report_unwritten(struct trainer *t);
/* report_text.c */
/* A prompt of the example, or one asked for, as the config has them asked. */
bool report_encode(struct trainer *t, const char *prompt, struct ids *out, struct err *err);
/* Base (once) and tuned text of n of the example's prompts; those of one side are written together. */
void report_prompts(struct trainer *t, int first, int n);
bool report_asked(struct trainer *t, const struct command *c, struct err *err); /* `sample` */

/* gradient.c */
/* What the gradient of a step brought with it. */
struct gradient {
    double loss;
    int known, sequences; /* of this process: whose stream below the cut was known; all */
    struct step_times times;
};
/* That of the step at hand, into t->grads: the mean over its batch. False where another rank is lost. */
bool trainer_gradient(struct trainer *t, struct gradient *out, struct err *err);

/* together.c: several processes (engine/dist/ranks.h). Rank 0 decides, writes and answers; the others
 * know nothing of commands, plans and files: before each step they are told where it stands and what learns. */
/* First of all: rank 0 tells what is trained; the others get it, in s, from[PATH_MAX] and *step. Fails on all where
 * it fails on one. */
bool together_meet(struct ranks *r, struct settings *s, char *from, int64_t *step, struct err *err);
/* After trainer_create(), which has gone well here (made) or not: whether all can begin, with the same text and the
 * same kernels. t may be NULL then. */
bool together_agree(struct ranks *r, const struct trainer *t, bool made, struct err *err);
/* Memory of it, in trainer_create(). */
bool together_create(struct trainer *t, struct err *err);
void together_destroy(struct trainer *t);
/* Rank 0, before a step: what the others need to make it, weights and moments too where they have moved otherwise
 * than by steps. Nothing on the others. False: a rank is lost. */
bool together_lead(struct trainer *t);
/* A step cannot be finished: no other is begun, and the run ends with what it has. Always false. */
bool together_lost(struct trainer *t, const struct err *why);
/* Rank 0: there are no more steps. */
void together_end(struct trainer *t);
/* The others: make the steps that they are told of, until the end. */
bool trainer_follow(struct trainer *t, struct err *err);

/* trainer.c */
/* One update of the stage, reported as a `step`. False when loss or gradient is not finite: nothing was
 * changed, and the run is paused. */
bool trainer_step(struct trainer *t);
/* Save a checkpoint (the base before it, where that failed before) and report it. A failure is a
 * `problem` too: the run goes on and tries again next time. */
bool trainer_save(struct trainer *t, struct err *err);
/* The same without telling of a failure. */
bool trainer_try_save(struct trainer *t, struct err *err);
bool trainer_asked_to_stop(const struct trainer *t);
/* last_save.c */
/* The save that a run ends with. Where the disk has no room for it, older checkpoints than the newest
 * give way; where that is not enough the run waits, paused, and tries again, until there is room or
 * one more `stop` or signal gives up. err then names the last saved step and the way on. */
bool trainer_save_last(struct trainer *t, struct err *err);
/* trainer_create.c */
/* All that the run reserves, in bytes; `total` of them all. */
struct memory_plan {
    uint64_t weights, activations; /* weights, gradients, moments, base of what learns; what a micro batch takes */
    uint64_t prefixes;             /* the most that frozen blocks' output may take; 0 before there is data */
    uint64_t total;
};
struct memory_plan trainer_memory(const struct trainer *t);
/* What its memory is planned by. */
struct memory_ask trainer_ask(const struct trainer *t);
#endif
