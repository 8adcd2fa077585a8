/* pty_screen.h - a terminal for tests: a pseudo terminal whose output libvterm interprets. The
 * child runs a function of the test with the slave side as its standard streams, and talks to
 * the test over a socket, so that a test waits for answers and never for time to pass. */
#ifndef THAW_TESTS_UI_PTY_SCREEN_H
#define THAW_TESTS_UI_PTY_SCREEN_H
#include <sys/types.h>
#include <vterm.h>

#include "engine/core/buf.h"

struct pty_screen {
    int w, h;
    int master, socket;
    pid_t pid;
    VTerm *vt;
    VTermScreen *screen;
    struct buf bytes;   /* all that was written since the last buf_clear() */
    char cut[4];        /* the beginning of a character that the next read ends */
    size_t n_cut;       /* its bytes */
    struct buf *record; /* the caller's, gets all from now on as well; NULL */
};

/* Start `child(socket, context)` in a terminal of w x h; what it returns is its exit status.
 * Fails the test when that is not possible. */
void pty_screen_start(struct pty_screen *p, int w, int h,
                      int (*child)(int socket, void *context), void *context);
/* Take in what the child writes until its answer of n bytes is there; false when it ended
 * instead. */
bool pty_screen_answer(struct pty_screen *p, void *answer, size_t n);
/* Take in what the child writes until the bytes end in `marker`, which is cut off and not
 * shown. False when it ended instead. */
bool pty_screen_until(struct pty_screen *p, const char *marker);
/* Take in and show what the child writes until a row of the screen holds `words` (ASCII). The
 * bytes are not kept. False when it ended instead. */
bool pty_screen_until_shown(struct pty_screen *p, const char *words);
/* Take in and show what is there, and what follows within `quiet_ms` of the last piece; 0: what
 * is there. The bytes are not kept. False at the end. */
bool pty_screen_settle(struct pty_screen *p, int quiet_ms);
/* Row y of the screen as text, blanks at its end dropped. */
void pty_screen_row(const struct pty_screen *p, int y, struct buf *out);
void pty_screen_type(struct pty_screen *p, const char *bytes);
void pty_screen_resize(struct pty_screen *p, int w, int h);
/* Take in the rest, wait for the child's end; returns its wait status. */
int pty_screen_wait(struct pty_screen *p);
void pty_screen_close(struct pty_screen *p);
#endif
