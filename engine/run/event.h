/* event.h - the facts of a run: one struct, written as one JSON line and read back from it.
 * The engine writes them, the screen and every other reader folds them; this file is the only place
 * that knows the format (design: "Events"). Numbers that do not exist are NaN here and null there. */
#ifndef THAW_ENGINE_RUN_EVENT_H
#define THAW_ENGINE_RUN_EVENT_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

enum event_type {
    EVENT_OTHER, /* a type that this version does not know: skipped by readers */
    EVENT_RUN, EVENT_STAGE, EVENT_STEP, EVENT_LAYERS, EVENT_EVAL, EVENT_SAMPLE, EVENT_FREEZE,
    EVENT_CONTROL, EVENT_CHECKPOINT, EVENT_PROBLEM, EVENT_PROGRESS, EVENT_RANKS, EVENT_END, EVENT_TYPES
};
extern const char *const event_words[EVENT_TYPES]; /* "run", "stage" ... */

struct event_group { const char *name; uint64_t parameters; };
struct event_plan { const char *name; int64_t steps; };
struct event_run {
    const char *name, *version, *blas;
    const char *model; /* config.json's text, one line */
    uint64_t seed, memory_bytes; /* memory: the plan, all that the run reserves */
    int threads;
    struct event_group *groups; int n_groups; /* embed, block.0, block.0.attn, .mlp, .norm, ..., norm */
    struct event_plan *stages; int n_stages;
    const char **prompts; int n_prompts; /* of compare */
    const char *beside; /* runs whose engines share the machine's cores with it now: "a, b"; "": none */
};

struct event_source { const char *source; uint64_t tokens, lines; };
struct event_stage {
    int index; const char *name; bool finished; int64_t steps;
    struct event_source *data; int n_data;
};

struct event_step {
    double loss, lr, grad_norm, tokens_per_s;
    int64_t tokens;
    double forward, backward, update, total; /* seconds */
};

struct event_layer {
    const char *name;   /* as in event_run.groups; a block is frozen when all its parts are */
    bool frozen;
    bool proven;        /* "same_bytes": its bytes were compared with the base's and are identical */
    double grad_norm;   /* 0 when frozen */
    double update;      /* ||dW||/||W|| of the last step */
    double from_base;   /* ||W-W0||/||W0|| */
    double predicted_s; /* a step's seconds if this group were toggled; NaN: not known yet */
    double lr_scale;    /* factor of its learning rate; 0: none; NaN: its parts have several */
    int64_t thaws_at;   /* the step from which on it will learn as planned; 0: there is no such plan */
};
struct event_layers { struct event_layer *groups; int n_groups; double step_s; /* median now */ };

struct event_score { double loss, bits_per_byte, perplexity, accuracy; };
struct event_set { const char *name; struct event_score tuned, base; bool has_base; };
struct event_eval { struct event_set *sets; int n_sets; };

struct event_top { const char *text; double logprob; };
struct event_token {
    int32_t id;
    const char *text;
    double logprob, gain; /* gain: tuned minus base, nats; NaN: no base yet */
    int rank, base_rank;  /* 1 = most likely; 0: not known */
    struct event_top *top, *base_top; int n_top, n_base_top; /* most likely first, this side and base */
};
struct event_sample {
    const char *prompt, *side;    /* "base", "tuned" */
    const char *weights;          /* fingerprint, 16 hex digits */
    uint64_t seed; double temperature;
    int index;                    /* of the prompt in event_run.prompts; -1: asked for by hand */
    struct event_token *tokens; int n_tokens;
    double mean_gain, kl;         /* over the tokens, tuned against base; NaN: none */
};

struct event_freeze { const char *group; bool frozen; const char *by; double predicted_s, measured_s; };
struct event_control { const char *verb, *argument, *by; };
struct event_checkpoint { const char *path; uint64_t bytes; double seconds; };
struct event_problem { bool error; const char *text; };
struct event_progress { const char *what; double done, total; }; /* total 0: how far it is is not known */
/* Of the last step, where several processes train together: rank i's seconds. */
struct event_rank {
    double compute; /* forward and backward of its part */
    double waited;  /* then, until all had the sum: least where the others wait for it */
};
struct event_ranks { struct event_rank *ranks; int n_ranks; };
struct event_end { const char *reason; }; /* finished, stopped, failed */

struct event {
    int64_t seq, step;
    double t; /* seconds since the run's start */
    enum event_type type;
    union {
        struct event_run run;
        struct event_stage stage;
        struct event_step stp;
        struct event_layers layers;
        struct event_eval eval;
        struct event_sample sample;
        struct event_freeze freeze;
        struct event_control control;
        struct event_checkpoint checkpoint;
        struct event_problem problem;
        struct event_progress progress;
        struct event_ranks ranks;
        struct event_end end;
    };
    void *memory; /* what the pointers of a parsed event point into; NULL in one made by hand */
};

/* Append the event as one JSON line with its newline. */
void event_write(const struct event *e, struct buf *out);
/* Parse one line (without or with newline). Missing keys get 0, NaN or "". ERR_PARSE when it is no
 * event. On success release with event_deinit(). */
bool event_parse(const char *line, size_t n, struct event *out, struct err *err);
void event_deinit(struct event *e);
#endif
