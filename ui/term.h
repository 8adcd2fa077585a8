/* term.h - ncurses' door: the terminal as a place to blit a canvas to and to read keys from. */
#ifndef THAW_UI_TERM_H
#define THAW_UI_TERM_H
#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/theme.h"

struct term_options {
    enum theme theme;
    enum glyphs_wish glyphs; /* AUTO: the best of the terminal's kind; ASCII anyway where it takes no UTF-8 */
    bool no_mouse;
};

struct term; /* opaque */

/* Take over the terminal. ERR_IO when stdin or stdout is none, or TERM is unknown, with the remedy
 * ("--headless prints plain lines"). Installs handlers for SIGWINCH, SIGTSTP, SIGCONT, and restores the
 * terminal on SIGHUP, SIGTERM, SIGINT, SIGQUIT and on a crash (SIGSEGV, SIGABRT, SIGBUS, SIGFPE).
 * Sets LC_CTYPE from the environment. One terminal at a time. */
struct term *term_open(const struct term_options *o, struct err *err);
void term_close(struct term *t); /* restores the terminal; NULL is fine */
/* Other options from now on: the next blit has to redraw, on a canvas with term_glyphs(). */
void term_change(struct term *t, const struct term_options *o);

void term_size(const struct term *t, int *w, int *h);
enum glyphs term_glyphs(const struct term *t);
/* What may be drawn with on stdout, without taking it over: the locale says, and TERM when it is a
 * terminal. Sets LC_CTYPE from the environment. */
enum glyphs term_stdout_glyphs(enum glyphs_wish wish);
/* Show the canvas: writes only the cells that changed, one update a frame; nothing when none did.
 * redraw: everything again (Ctrl-L). */
void term_blit(struct term *t, const struct canvas *c, bool redraw);
/* Ask the terminal to put a text into the clipboard of whoever sits at it (osc52.h); nothing tells
 * whether it did. False, and nothing is sent: its kind is known not to, or the text is too long. */
bool term_copy(const struct term *t, const char *text);
/* Wait up to timeout_ms for a key on the terminal or for `other_fd` (-1: none) to be readable.
 * timeout_ms < 0: as long as it takes. Returns the key; KEYS_NONE on time-out, other_fd, or once
 * term_ended(); KEYS_RESIZE when all has to be drawn again (another size, back from a stop);
 * KEYS_MOUSE with *mouse filled (may be NULL). */
struct term_mouse {
    int x, y;   /* cell, from 0 */
    int button; /* 1 left, 2 middle, 3 right, pressed; 0 for the wheel */
    bool wheel_up, wheel_down;
};
int term_key(struct term *t, int timeout_ms, int other_fd, struct term_mouse *mouse);
/* A signal asked us to end (HUP, TERM, INT, QUIT) or the terminal is gone: the app leaves its loop. */
bool term_ended(const struct term *t);
void term_suspend(struct term *t); /* Ctrl-Z: restore, stop, and come back on fg */
#endif
