/* together.h - what the processes of a run tell each other. Private to the trainer. */
#ifndef THAW_ENGINE_RUN_TOGETHER_H
#define THAW_ENGINE_RUN_TOGETHER_H
#include "engine/run/trainer.h"

/* What each rank found out in a step. */
struct rank_report {
    double loss;            /* its shards' part of the step's */
    double compute, waited; /* seconds: forward and backward; for the others after that */
};

enum order { ORDER_END, ORDER_STEP };
enum group_order {
    GROUP_LEARNS = 1,
    GROUP_NARROW = 2, /* its weights are numbers of 16 bits still: nothing of it is told */
    GROUP_BASE = 4    /* l2_sp pulls it to weights of its own, told too when all is */
};

/* Before a step: where it stands. Flat, and of one size for a run. */
struct orders {
    int32_t order, stage;
    int64_t step, stage_step;
    double lr_scale;
    bool all; /* weights, moments and base follow */
    uint8_t group[]; /* [n_groups] of group_order */
};

/* Everything that the next step reads, from rank 0 to the others: weights, moments of what has learned, the base
 * that pulls; by the flags of t->together.orders. */
bool together_tell_all(struct trainer *t, struct err *err);
#endif
