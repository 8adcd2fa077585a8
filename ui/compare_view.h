/* compare_view.h - the parts that the compare panel is put together from. All draw relative to
 * the clip. */
#ifndef THAW_UI_COMPARE_VIEW_H
#define THAW_UI_COMPARE_VIEW_H
#include "ui/canvas.h"
#include "ui/samples.h"
#include "ui/word_diff.h"

/* A text, wrapped at words into `r`; changed words stand in [brackets]. What does not fit ends
 * in "..". */
void compare_draw_text(struct canvas *c, struct rect r, const struct word *words, int n,
                       enum style style);

/* A text the same way; words that are not in `against` are marked as changed (NULL: none is). */
void compare_draw_words(struct canvas *c, struct rect r, const char *text, const char *against,
                        enum style style);

/* The glyph of a gain in nats: "." none, ":" "*" "#" "@" better and better, "-" "=" worse.
 * Blocks where the terminal has them. */
uint32_t compare_gain_glyph(enum glyphs glyphs, double gain);
enum style compare_gain_style(double gain);

/* A token's text as a word: without the blanks around it. What would not be seen is shown as "_":
 * blanks alone, a mark without its letter, the empty text of a token that ends inside a character. */
void compare_token_word(const struct event_token *t, const char **word, size_t *n);
/* The token with the largest gain; 0 when none has one. */
int compare_best_token(const struct sample *s);

/* "token gain . . @ #": one glyph a token, the window around the cursor. */
void compare_draw_gains(struct canvas *c, int x, int y, int w, const struct sample *s,
                        int cursor);
/* Tokens over base, tuned and gain, four rows a band, as many bands as fit into r; the cursor's
 * token is in sight. summary: with means at the right. Returns the rows used. */
int compare_draw_table(struct canvas *c, struct rect r, const struct sample *s, int cursor,
                       bool summary);
/* The cursor's token: what either side would have said. `mid` is the column of the dividing
 * line. */
void compare_draw_at(struct canvas *c, int y, int mid, const struct sample *s, int cursor);
/* The most likely tokens of either side, one a row, with bars. */
void compare_draw_top(struct canvas *c, struct rect r, int mid, const struct sample *s,
                      int cursor);
#endif
