/* wrap.h - a text of one line as rows of a given width: broken at blanks, or inside a word that
 * is longer than a row. Widths are those of the sanitised text, as the canvas shows it. */
#ifndef THAW_UI_WRAP_H
#define THAW_UI_WRAP_H
#include "ui/canvas.h"

/* The rows that s[0..n) takes in `columns` (1 or more); at least one. */
int wrap_rows(const char *s, size_t n, int columns);
/* Draw row `row` (0 is the first) at (x, y). Returns the columns used. */
int wrap_put(struct canvas *c, int x, int y, int columns, enum style style, const char *s,
             size_t n, int row);
/* Draw as many rows as `r` (relative to the clip) has; the last ends in ".." when the text goes
 * on. */
void wrap_draw(struct canvas *c, struct rect r, enum style style, const char *s, size_t n);
#endif
