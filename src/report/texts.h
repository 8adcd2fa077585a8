/* texts.h - what the models said: base beside tuned (and a third), token gains as marks. */
#ifndef THAW_SRC_REPORT_TEXTS_H
#define THAW_SRC_REPORT_TEXTS_H
#include "src/report/fold.h"

/* Pairs that a page shows, those of the config first; tokens of a text. */
enum { TEXTS_PAIRS_MAX = 24, TEXTS_TOKENS_MAX = 256 };

void texts_put(struct buf *out, const struct fold *f);
/* The tuned texts of several runs to the prompts that the first of them has. */
void texts_compared(struct buf *out, const struct fold *runs, int n);
#endif
