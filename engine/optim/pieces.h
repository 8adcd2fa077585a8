/* pieces.h - the memory of groups cut into pieces for the pool.
 * Cuts depend on the table alone, and the pieces' sums are put together in the order of the
 * pieces, so results are the same bits for any number of threads. Private to this folder. */
#ifndef THAW_ENGINE_OPTIM_PIECES_H
#define THAW_ENGINE_OPTIM_PIECES_H
#include "engine/optim/optim.h"

/* 64 KiB of floats: some 10 us of work, and what an update reads fits the nearest caches. */
enum { PIECE_REALS = 16384 };

/* Part of one parameter: reals [from, from + n) of its group's memory. */
struct piece {
    int group, param;
    size_t from, n;
    size_t number; /* among all of the table */
    const real *g; /* [n] its gradient */
    double sum[2]; /* what the work adds up */
};

/* Call work(ctx, piece) on the pool for all pieces of groups with learn[g] (NULL: all), then
 * add piece->sum[i] to sums[i][group] where sums[i] is not NULL. `g`: the gradients; a matrix whose gradient is
 * kept as factors is left out, or else (`make`) its pieces are made, larger ones, each just before the work on it. share (NULL: all is this process's): the work is done on its pieces alone, the sums
 * are of all processes; such gradients have no factors. Cannot fail; allocates nothing. */
void pieces_run(struct exec *ex, const struct weights *g, const bool *learn, bool make,
                const struct optim_share *share, void (*work)(const void *ctx, struct piece *p),
                const void *ctx, double *const sums[2]);
#endif
