/* headless.h - a run without a screen: its log as plain lines. */
#ifndef THAW_SRC_HEADLESS_H
#define THAW_SRC_HEADLESS_H
#include <sys/types.h>

#include "engine/run/run_dir.h"

struct headless; /* opaque: the log's reader and what was learned from it so far */

/* Read what stands in the log already, without printing it (a run that is resumed). NULL with
 * err. */
struct headless *headless_create(const struct run_paths *run, struct err *err);
void headless_destroy(struct headless *h); /* NULL is fine */

/* Print a line for what the engine reports, until the run has ended. SIGINT and SIGTERM stop
 * the run with a checkpoint; a second one leaves at once. `engine` is our child. Returns the
 * exit status: 0 when the run finished or was stopped by a command, 130 after a signal, 1 when
 * it failed. */
int headless_follow(struct headless *h, pid_t engine);

/* Wait until training has begun, or the engine has failed (then false, with err); when text
 * takes long to prepare, only until the engine has told what it runs. */
bool headless_started(struct headless *h, pid_t engine, struct err *err);

/* Whether the run failed before its first stage: then its folder holds nothing worth keeping.
 * What was told is forgotten with it, so say it first. */
bool headless_never_began(struct headless *h);

/* Whether the log ends with the end of all `n_stages` stages; *step gets the last step. */
bool headless_finished(const struct headless *h, int n_stages, int64_t *step);

/* Read to the log's present end and print how the run stands: its sets, where to look next.
 * Exit status: 1 when it failed. */
int headless_summary(struct headless *h);
#endif
