/* pool.h - a worker pool over fixed tiles.
 * The caller cuts the work into tiles by shape alone, never by the number of workers; a tile is
 * always computed whole by one thread. So results are the same bits for any number of threads.
 * Workers park on a condition variable when idle and spin only briefly (< 50 us) before that. */
#ifndef THAW_ENGINE_CORE_POOL_H
#define THAW_ENGINE_CORE_POOL_H
#include "engine/core/err.h"

struct pool; /* opaque */

enum { POOL_MAX_THREADS = 64 };

/* A pool of `threads` threads, the caller of pool_run() being one of them; 0: one for each core
 * that this process may use. Threads block all signals. NULL with ERR_NOMEM. */
struct pool *pool_create(int threads, struct err *err);
void pool_destroy(struct pool *p); /* NULL is fine; joins */

int pool_threads(const struct pool *p); /* p NULL: 1 */

/* Call tile(ctx, i, worker) once for every i in [0, n_tiles), in any order, on any thread;
 * 0 <= worker < pool_threads() names the thread's scratch. Returns when all are done. p NULL: in
 * order on the caller's thread. Not reentrant: a tile must not call pool_run(). Signals to the caller wait until
 * then where other threads help. */
void pool_run(struct pool *p, int n_tiles, void (*tile)(void *ctx, int i, int worker), void *ctx);
#endif
