/* engine_main.h - the engine process: lock, log, socket, trainer, end. */
#ifndef THAW_ENGINE_RUN_ENGINE_MAIN_H
#define THAW_ENGINE_RUN_ENGINE_MAIN_H
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"

/* Train the run in `paths` to its end. resume: go on from the newest whole checkpoint (from the start
 * when there is none). SIGTERM and SIGINT stop after the present step with a checkpoint; SIGHUP and
 * SIGPIPE are ignored. What goes wrong stands in the log as `problem` and `end`, and in err. */
bool engine_main(const struct settings *s, const struct run_paths *paths, bool resume, struct err *err);
/* One of several processes that mpirun started, but not the first: rank 0 is in engine_main(), and tells what is
 * trained and when. Writes nothing. A signal to stop is left to rank 0. */
bool engine_follow(struct err *err);
/* Answer prompts from the newest sound checkpoint of a run that has ended, and its base, while a screen is
 * connected; nothing trains. Holds the run's lock like an engine that trains, and makes way on `stop`. */
bool engine_idle(const struct settings *s, const struct run_paths *paths, struct err *err);
#endif
