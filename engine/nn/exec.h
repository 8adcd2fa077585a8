/* exec.h - where and with what an op runs: the worker pool, and a count of what was multiplied.
 * Passed to every op; owned by whoever owns the pool (trainer, test, tool). */
#ifndef THAW_ENGINE_NN_EXEC_H
#define THAW_ENGINE_NN_EXEC_H
#include <stdint.h>

#include "engine/core/pool.h"
#include "engine/core/real.h"

struct exec {
    struct pool *pool; /* borrowed; NULL: everything on the caller's thread */
    uint64_t flops;    /* of matrix products so far (2mnk each); added on the caller's thread */
};
#endif
