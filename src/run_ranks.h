/* run_ranks.h - `mpirun -n P thaw run CONFIG`: one of the P has the run, the others help. */
#ifndef THAW_SRC_RUN_RANKS_H
#define THAW_SRC_RUN_RANKS_H
#include "engine/run/settings.h"

/* Become an engine that follows rank 0, in this very process, so that mpirun sees how it ends. Returns only where that
 * fails: the exit status. */
int run_ranks_follow(void);
/* A config that says nothing of shards gets one for each process. ERR_USAGE where they cannot share its batches. */
bool run_ranks_share(struct settings *s, struct err *err);
#endif
