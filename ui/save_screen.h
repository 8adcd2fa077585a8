/* save_screen.h - `:save-screen FILE`: the frame as a file. The app only notes the wish (it draws, and
 * knows no files); whoever owns the canvas has it fulfilled here. */
#ifndef THAW_UI_SAVE_SCREEN_H
#define THAW_UI_SAVE_SCREEN_H
#include <limits.h>

#include "ui/app.h"
#include "ui/canvas_dump.h"

/* FILE as it was typed, "~/" being the user's home as in a shell. */
bool save_screen_path(const char *typed, char out[PATH_MAX], struct err *err);
/* When a key has asked for it: draw the frame for time `now` on the canvas, without the line that asked,
 * write it atomically, and say in the message row where it is, or why not. Else nothing. */
void save_screen_if_asked(struct app *a, struct canvas *c, struct dump_look look, double now);
#endif
