/* line_edit.h - one line of UTF-8 being typed. */
#ifndef THAW_UI_LINE_EDIT_H
#define THAW_UI_LINE_EDIT_H
#include <stdbool.h>

#include "ui/canvas.h"

enum { LINE_EDIT_MAX = 480 }; /* bytes with the NUL: a command's text */

struct line_edit {
    char text[LINE_EDIT_MAX];
    int n, cursor; /* bytes; the cursor stands at a character's start */
};

void line_edit_set(struct line_edit *e,
                   const char *text); /* cut at a character; cursor at the end */
/* Put text in at the cursor; what does not fit is left out. */
void line_edit_insert(struct line_edit *e, const char *bytes, int n);
/* Take the key: characters, arrows, Home, End, Backspace, Delete, Ctrl-A E U K W. False: not
 * one of these. */
bool line_edit_key(struct line_edit *e, int key);
/* Draw with a prompt in front, scrolled so that the cursor is in sight. */
void line_edit_draw(const struct line_edit *e, struct canvas *c, struct rect r,
                    const char *prompt);
#endif
