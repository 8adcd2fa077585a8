/* term_child.h - a screen under test: a child process with the terminal open, which obeys
 * orders, and what its terminal shows compared with the canvas it drew. */
#ifndef THAW_TESTS_UI_TERM_CHILD_H
#define THAW_TESTS_UI_TERM_CHILD_H
#include "ui/pty_screen.h"
#include "ui/term.h"

#define MARKER "\033]thaw\007" /* what the child writes after a frame */

struct order {
    enum {
        ORDER_FRAME,
        ORDER_REDRAW,
        ORDER_KEY,
        ORDER_KEY_OR_FD,
        ORDER_CHANGE, /* argument: theme + 16 * glyphs + 256 * no_mouse */
        ORDER_COPY,   /* the answer's key: whether something was sent */
        ORDER_CLOSE,
        ORDER_CRASH,
        ORDER_SUSPEND
    } what;
    int argument; /* number of the frame, milliseconds to wait, signal */
};

struct child_answer {
    bool opened, ended;
    int key, w, h;
    enum glyphs glyphs;
    struct term_mouse mouse;
    char message[480];
};

struct setting {
    const char *name;
    const char *term, *locale; /* NULL: not set */
    struct term_options options;
    int colours; /* that the terminal has; 0: monochrome */
    bool utf8;
    enum glyphs glyphs;
    const struct canvas *frames; /* what frame 0, 1, 2 ... is, in the terminal's size; NULL:
                                    random words */
    const char *terminfo;        /* a folder of entries; NULL: the system's */
};

struct fixture {
    struct pty_screen p;
    struct child_answer last;
    const struct setting *s;
};

/* A setting's locale and TERM become the process's own. */
void term_child_environment(const struct setting *s);
/* The child's life, for pty_screen_start(): context is a const struct setting. 3 when the
 * terminal was refused. */
int term_child_run(int socket, void *context);

/* Start a child with a screen of w x h; f->last is its first answer. */
void term_child_start(struct fixture *f, const struct setting *s, int w, int h);
void term_child_give(struct fixture *f, int what, int argument);
/* Let it show a frame: ORDER_FRAME or ORDER_REDRAW. f->p.bytes is what that took. */
void term_child_frame(struct fixture *f, int number, int what);
/* Its next key; f->last has the rest of the answer. */
int term_child_key(struct fixture *f, int timeout_ms);
/* Fail unless the terminal shows frame `number`, characters, marks and looks. */
void term_child_compare(const struct fixture *f, int number);
#endif
