/* ranks.h - several processes that train one model: each computes the gradients of a part of every batch, and all
 * come to the same sum, to the bit.
 *
 * The sum. A batch's gradient is defined as the balanced binary tree of its shards' (engine/core/tree.h). Rank r of
 * P has an aligned P-th of the shards, so what it computes alone is a subtree; the upper levels are made between
 * ranks, with partners r^1, r^2, r^4 ... a + b is b + a in floating point, so both sides of a pair hold the same
 * bits. Each array is summed by halving and doubling: at level j partners exchange halves of what they hold and
 * add, each one half, so that after log2 P levels everyone has a P-th of the sum; then the parts are gathered on the
 * way back. Every number goes through the same tree, whoever adds it, and each rank sends 2 (P-1)/P of an array, which is
 * the least there is (Thakur, Rabenseifner, Gropp 2005).
 *
 * Numbers may go over the wire as bfloat16, half as many bytes: what is sent is rounded, what is held and added is not,
 * and each part of the sum is rounded once more by whoever made it, so that all ranks have the same bits. They depend on
 * how many ranks there are then.
 *
 * One thread of each process owns the wire and moves the sums on while the others compute: an array is handed over
 * as soon as the backward pass is done with it. All ranks ask for the same things in the same order. What waits
 * does not burn its core. NULL stands for a process that is alone: it is rank 0 of 1. */
#ifndef THAW_ENGINE_DIST_RANKS_H
#define THAW_ENGINE_DIST_RANKS_H
#include "engine/core/real.h"
#include "engine/dist/wire.h"

struct ranks; /* opaque */

/* How many processes mpirun started, and which of them this is; 1 and 0 where it did not. From the environment:
 * nothing is loaded. */
int ranks_started(int *rank);

/* Meet the others; `wire` NULL: that of mpirun. NULL with err. Owner: the caller. */
struct ranks *ranks_join(const struct wire *wire, struct err *err);
/* well: as everybody does now. Else another is lost, and nobody is waited for. NULL is fine. */
void ranks_leave(struct ranks *r, bool well);
int ranks_number(const struct ranks *r);
int ranks_count(const struct ranks *r);

/* Whoever waits for others looks at this every 0.1 s: true says that they will not come any more. */
void ranks_watch(struct ranks *r, bool (*lost)(void *ctx), void *ctx);

/* data[bytes] of rank 0 to all. False with ERR_IO, naming the rank that does not answer; from then on all fail. */
bool ranks_tell(struct ranks *r, void *data, size_t bytes, struct err *err);
/* mine[bytes] of each rank into all[count * bytes] of each, in order. */
bool ranks_gather(struct ranks *r, const void *mine, size_t bytes, void *all, struct err *err);

/* Begin to make x[n] the sum of all ranks' x[n]; scratch[(n + 1) / 2] is in use until ranks_sum_end(). narrow: over
 * the wire as bfloat16. */
void ranks_sum_begin(struct ranks *r, real *x, real *scratch, size_t n, bool narrow);
/* The two halves of such a sum, where what comes of it is shared as well: first each rank gets its own part of the
 * sum alone, then, of whatever it has made there, all get all. The rank of place i = ranks_place() has
 * [cuts[i], cuts[i + 1]) of x; cuts[count + 1] are the same on all, from 0 to x's length. scratch[length] is in use
 * until ranks_sum_end(). The bits of a part are those of the whole sum, but of narrow ones, whose roundings
 * depend on the cuts. */
int ranks_place(const struct ranks *r, int rank);
void ranks_scatter_begin(struct ranks *r, real *x, real *scratch, const size_t *cuts, bool narrow);
void ranks_hand_out_begin(struct ranks *r, real *x, const size_t *cuts);
/* Wait for all that was begun. */
bool ranks_sum_end(struct ranks *r, struct err *err);
/* data[bytes] of rank `from` to rank `to`; the others call it, too. */
bool ranks_move(struct ranks *r, void *data, size_t bytes, int from, int to, struct err *err);
/* Seconds that this process has waited for others inside ranks_sum_end() and ranks_gather(). */
double ranks_waited(const struct ranks *r);
#endif
