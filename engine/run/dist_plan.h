/* dist_plan.h - how long a step takes where several nodes share its batch: a small model of what engine/dist does.
 * Each node computes the gradients of its part. As the backward pass is done with a block, from the last to the first,
 * the link begins to sum that block's gradients over all nodes, one bucket after another, while the next block is
 * computed. The update comes when both are done. A sum over P nodes by halving and doubling (Thakur, Rabenseifner,
 * Gropp 2005) sends 2 (P-1)/P of its bytes and waits for 2 log2 P messages. What does not learn is not sent.
 * Where the optimizer's state is shared, half of a sum goes behind the backward pass; a node updates its part, and then
 * the weights go where the other half would have gone, with nothing to hide behind. */
#ifndef THAW_ENGINE_RUN_DIST_PLAN_H
#define THAW_ENGINE_RUN_DIST_PLAN_H
#include "engine/run/cost.h"

/* Gradients that are summed together: those of a block (of the lowest one the mlp's ahead of the rest), of what lies
 * above all blocks, of the embedding. */
struct dist_bucket {
    double ready; /* share of the backward pass, in (0, 1], after which they are done */
    double bytes;
};

/* Those of a model under `learn`, in the order in which they are done: (*out)[*n], at most layers + 3. How long a
 * block takes is counted in products (cost.h). ERR_NOMEM. Owner: the caller, with free(). */
bool dist_buckets(const struct cost_shape *s, const bool *learn, struct dist_bucket **out, int *n, struct err *err);

struct dist_link {
    double bytes_per_s, latency_s; /* of a node, in each direction at once; of a message */
};

/* What one node does in a step. Seconds. */
struct dist_node {
    double forward, backward; /* of what it computes at a time */
    int parts;                /* how many times, one behind another: only during the last one is sent */
    double update;            /* of all that learns */
    bool shares;              /* the nodes share the optimizer's state, and so the update */
    double weights;           /* bytes that are handed out then */
    double carry;             /* for a byte that is sent and one that comes: taken from what computes */
};

struct dist_step {
    double seconds, sent; /* of the step; that the link is busy */
    double carried;       /* what that costs those who compute */
    double hidden;        /* share of `sent` in which something was computed; 1 where nothing is sent */
};

/* Seconds of the sum of so many bytes; 0 for one node. nodes is a power of two. */
double dist_sum_seconds(double bytes, int nodes, struct dist_link link);
struct dist_step dist_step(const struct dist_bucket *buckets, int n, struct dist_node node, int nodes,
                           struct dist_link link);
#endif
