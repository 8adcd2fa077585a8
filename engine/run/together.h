/* together.h - what the processes of a run tell each other. Private to the trainer. */
#ifndef THAW_ENGINE_RUN_TOGETHER_H
#define THAW_ENGINE_RUN_TOGETHER_H
#include "engine/run/trainer.h"

/* What each rank found out in a step. */
struct rank_report {
    double loss;            /* its shards' part of the step's */
    double compute, waited; /* seconds: forward and backward; for the others after that */
};

enum order { ORDER_END, ORDER_STEP, ORDER_MOMENTS };
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
    bool all; /* weights, moments and base follow; where moments are shared only if they were loaded: */
    bool moments;
    int32_t which, wanted; /* ORDER_MOMENTS: 0 m, 1 v; of which group the parts are to be given */
    uint8_t group[]; /* [n_groups] of group_order */
};

/* Everything that the next step reads, from rank 0 to the others: weights, moments of what has learned, the base
 * that pulls; by the flags of t->together.orders. */
bool together_tell_all(struct trainer *t, struct err *err);
/* Rank 0: the others share_give() next. */
bool together_ask_moments(struct trainer *t, int which, int g, struct err *err);

/* ---- together_share.c: nothing where each process has all of the optimizer's state ---- */
bool share_create(struct trainer *t, struct err *err); /* after together.received is there */
void share_destroy(struct trainer *t);
/* Cut by the optimizer that goes on from here; what the moments are is told or loaded after that. */
void share_begin(struct trainer *t);
/* A group's gradient is ready: begin to sum it, so that each rank gets its own part. */
void share_scatter(struct trainer *t, int g, bool narrow);
/* After an update: every rank's part of the weights to all. False: another is lost. */
bool share_hand_out(struct trainer *t);
/* Group g's moments: from rank 0, which has them all, to each its part; rank 0 keeps its own. */
bool share_deal(struct trainer *t, int g, struct err *err);
/* Moments of groups that have had no update are zeros. */
void share_forget(struct trainer *t);
/* The own part of m (0) or v (1) back to rank 0, whose checkpoint asks for it. */
bool share_give(struct trainer *t, int which, int g, struct err *err);
#endif
