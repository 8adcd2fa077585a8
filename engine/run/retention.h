/* retention.h - which of a run's checkpoints stay on the disk. */
#ifndef THAW_ENGINE_RUN_RETENTION_H
#define THAW_ENGINE_RUN_RETENTION_H
#include <stdint.h>

#include "engine/core/err.h"

/* checkpoint.keep: what fulfils one of them stays. */
struct retention {
    int last;      /* so many of the newest, at least 1 */
    bool best;     /* the one with the lowest validation loss */
    int64_t every; /* those of steps that it divides; 0: none */
};

struct checkpoint_fate {
    int64_t step;
    double validation; /* loss that was saved with it, nats a token; NaN: not known */
    bool sound, stays;
};

/* Decide about [n], the newest first. One that is not sound counts for nothing: it goes with those
 * behind the `last` newest sound ones, and stays where all of them are older. The newest sound one
 * always stays. */
void retention_decide(const struct retention *keep, struct checkpoint_fate *fates, int n);

/* All checkpoints, the newest first, as they are decided about; the one that the newest sound one
 * names as its stage's best (early_stop) stays as well. *out is freed by the caller. sound: what
 * tells (checkpoint_is_whole(), or a check that reads them). No folder: none. */
bool retention_list(const char *checkpoints, const struct retention *keep,
                    bool (*sound)(const char *folder), struct checkpoint_fate **out, int *n,
                    struct err *err);

/* Remove the checkpoints that do not stay; by sizes, as after a save that was just made. */
bool checkpoint_prune(const char *checkpoints, const struct retention *keep, struct err *err);
#endif
