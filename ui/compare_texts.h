/* compare_texts.h - the texts of the models side by side, each under its model's name and the fingerprint
 * of the weights that wrote it. All draw below row 0 of the clip, which is the prompt's. */
#ifndef THAW_UI_COMPARE_TEXTS_H
#define THAW_UI_COMPARE_TEXTS_H
#include "ui/canvas.h"
#include "ui/history.h"

/* Width from which a third text stands beside the two; below, it has a view of its own. */
enum { COMPARE_THREE_W = 120 };

/* Whether the weights that made a text are the newest there are. */
bool compare_is_live(const struct history *h, const struct sample *s);
/* Token gains belong to a text that a base has judged. */
bool compare_has_gains(const struct sample *s);

/* "BASE 9f3a" and "TUNED 77b0 @360", in row 1. */
void compare_draw_heads(const struct history *h, struct canvas *c, const struct sample_pair *pair);
/* "mean +2.07 nat   KL 0.61" at (x, y), where the text was judged. */
void compare_draw_means(struct canvas *c, int x, int y, const struct sample *s);

/* Base, tuned and, where there is room, third, with their heads; below them the tokens' gains, what
 * would have been said at the cursor's and, in a tall pane, the likeliest tokens there. */
void compare_draw_texts(const struct history *h, struct canvas *c, const struct sample_pair *pair,
                        int cursor);
/* Tuned and third, each with the words that the base did not say marked. */
void compare_draw_third(const struct history *h, struct canvas *c, const struct sample_pair *pair);
/* Before there is a base: the one model as it speaks now, and the third beside it. */
void compare_draw_model(const struct history *h, struct canvas *c, const struct sample_pair *pair);
#endif
