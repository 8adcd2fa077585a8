/* cost.h - what a step costs, as a function of what learns: the forecast shown before a freeze.
 * Products are counted from the model's shape; the time for each comes from this run's own steps. */
#ifndef THAW_ENGINE_RUN_COST_H
#define THAW_ENGINE_RUN_COST_H
#include "engine/model/transformer.h"

enum { COST_STEPS = 9 }; /* medians are taken over the last so many steps of one freeze plan */

/* What products are counted from. */
struct cost_shape {
    const struct param_table *table; /* borrowed */
    int time;                        /* tokens of a sequence */
    bool recompute;                  /* struct transformer_plan's */
};

/* One step. Seconds; `work`: cost_forward() with what was known in it. */
struct cost_sample {
    struct step_times times;
    double work, update, total;
};

struct cost_model {
    struct cost_shape shape;
    struct cost_sample steps[COST_STEPS]; /* a ring */
    int n;    /* steps recorded under the present plan, at most COST_STEPS */
    int next; /* place in the ring */
};

void cost_begin(struct cost_model *m, struct cost_shape shape); /* no step yet */
void cost_reset(struct cost_model *m); /* another freeze plan holds: measure anew */
void cost_record(struct cost_model *m, const struct cost_sample *step);
double cost_step(const struct cost_model *m); /* median seconds of a step; NaN before the first */

/* Multiply-adds a token of what transformer_train() runs under `learn`: in the blocks' forward pass,
 * when of a share `known` of the sequences all below the cut is known ... */
double cost_forward(const struct cost_shape *s, const bool *learn, double known);
/* ... and from the head on: the logits, all gradients, what is made again for them. */
double cost_backward(const struct cost_shape *s, const bool *learn);
/* Weights that learn. */
double cost_learning(const struct param_table *t, const bool *learn);

/* Seconds of a step if `then` learned instead of `now`; NaN before the first step. `kept`: the share of
 * sequences whose stream below the cut will be known (prefix_cache.h) where `then` moves the cut. */
double cost_predict(const struct cost_model *m, const bool *now, const bool *then, double kept);
/* Whether the recorded steps are what such a forecast was for: enough of them, and the share is kept. */
bool cost_settled(const struct cost_model *m, const bool *learn, double kept);
#endif
