/* spawn.h - the engine as a process of its own, that outlives its terminal. */
#ifndef THAW_SRC_SPAWN_H
#define THAW_SRC_SPAWN_H
#include <sys/types.h>

#include "engine/core/buf.h"
#include "engine/run/run_dir.h"

/* Start `thaw engine RUN` in a new session: stdin and stdout /dev/null, stderr appended to
 * RUN/engine.log, no other descriptor open, no signal blocked. -1 with err when it cannot be
 * started. The caller may wait for the process; it need not. */
pid_t spawn_engine(const struct run_paths *run, bool resume, struct err *err);

/* The same for one that trains nothing and answers prompts of a run that has ended, while a screen looks on.
 */
pid_t spawn_idle(const struct run_paths *run, struct err *err);

/* The last lines of RUN/engine.log, at most `bytes` of them, sanitised; "" when there are none.
 */
void spawn_log_tail(const struct run_paths *run, size_t bytes, struct buf *out);
#endif
