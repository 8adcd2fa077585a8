/* wire.h - bytes from one process to another of several that were started together.
 * What carries them is behind these functions: MPI (wire_mpi.c, a module of its own that is loaded where mpirun
 * started the process, so that nobody else waits for MPI's libraries, or needs them), or memory (the tests).
 * One thread of a process makes all calls. */
#ifndef THAW_ENGINE_DIST_WIRE_H
#define THAW_ENGINE_DIST_WIRE_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/err.h"

/* A message under way; its bytes stay where they are until it has arrived. */
union wire_message {
    void *pointer;
    int number;
};
enum wire_state { WIRE_FAILED = -1, WIRE_UNDER_WAY, WIRE_DONE };
enum { WIRE_TAG_MAX = 32767 }; /* what MPI promises at least */

struct wire_ops {
    /* Meet the others. False with a sentence in why[size]. */
    bool (*join)(void *ctx, int *rank, int *count, char *why, size_t size);
    /* Begin to send to, or to receive from, another rank; messages of one pair meet by their tags. */
    bool (*send)(void *ctx, union wire_message *m, int to, int tag, const void *data, int bytes);
    bool (*receive)(void *ctx, union wire_message *m, int from, int tag, void *data, int bytes);
    /* Also moves on all that is under way. */
    enum wire_state (*test)(void *ctx, union wire_message *m);
    /* All leave together; where one is lost (well: false), nobody waits for anybody. */
    void (*leave)(void *ctx, bool well);
};
struct wire {
    const struct wire_ops *ops;
    void *ctx;
};

/* That of mpirun. ERR_IO where this thaw was built without MPI, or the module cannot be loaded. */
bool wire_open(struct wire *out, struct err *err);
#endif
