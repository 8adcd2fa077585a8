/* chrf.h - how near written answers are to the right ones, by the runs of characters that they share.
 * Source: Popovic 2015 (chrF), runs of 1 to 6 characters without blanks, recall counting twice as much (beta 2), the counts
 * of all answers put together. */
#ifndef THAW_ENGINE_RUN_CHRF_H
#define THAW_ENGINE_RUN_CHRF_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/err.h"

enum { CHRF_ORDER = 6 };

/* Runs of i + 1 characters: in what was written, in what is right, and in both. All zero at first. */
struct chrf {
    double written[CHRF_ORDER], right[CHRF_ORDER], both[CHRF_ORDER];
};
/* One more answer, in UTF-8. ERR_NOMEM leaves the counts as they were. */
bool chrf_add(struct chrf *c, const char *written, size_t n_written, const char *right, size_t n_right,
              struct err *err);
/* 0 to 100. */
double chrf_score(const struct chrf *c);
#endif
