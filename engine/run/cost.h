/* cost.h - what a step costs, as a function of what learns: the forecast shown before a freeze.
 * Products are counted from the model's shape; the time for each comes from this run's own steps. */
#ifndef THAW_ENGINE_RUN_COST_H
#define THAW_ENGINE_RUN_COST_H
#include "engine/model/params.h"

enum { COST_STEPS = 9 }; /* medians are taken over the last so many steps of one freeze plan */

struct cost_model {
    double backward[COST_STEPS], update[COST_STEPS], total[COST_STEPS]; /* seconds, a ring */
    int n;    /* steps recorded under the present plan, at most COST_STEPS */
    int next; /* place in the ring */
};

void cost_reset(struct cost_model *m); /* another freeze plan holds: measure anew */
void cost_record(struct cost_model *m, double backward, double update, double total);
double cost_step(const struct cost_model *m); /* median seconds of a step; NaN before the first */

/* Multiply-adds a token of what transformer_train() runs under `learn` from the head on: the logits,
 * and all gradients. `time`: tokens of a sequence. */
double cost_backward(const struct param_table *t, const bool *learn, int time);
/* Weights that learn. */
double cost_learning(const struct param_table *t, const bool *learn);

/* Seconds of a step if `then` learned instead of `now`; NaN before the first step. */
double cost_predict(const struct cost_model *m, const struct param_table *t, const bool *now,
                    const bool *then, int time);
#endif
