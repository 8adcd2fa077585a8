/* on_terminals.h - frames that were drawn in memory, shown on terminals of several kinds: what libvterm makes
 * of the bytes must be the frame, cell by cell, characters and looks. */
#ifndef THAW_TESTS_UI_ON_TERMINALS_H
#define THAW_TESTS_UI_ON_TERMINALS_H
#include "ui/canvas.h"

/* Each kind of terminal that can show the frames' glyphs goes from frame to frame of frames[n], all of one
 * size, back again, and draws the last one anew. Fails the test where a cell differs. */
void check_on_terminals(const struct canvas *frames, int n);
/* The same on one kind, chosen by a number. */
void check_on_one_terminal(const struct canvas *frames, int n, int number);
#endif
