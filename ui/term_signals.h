/* term_signals.h - signals while the terminal is ours. Handlers only note what came and wake a
 * pipe; on a crash they give the terminal back first. A process has one set of handlers, so
 * this is the one place in ui/ with static state. */
#ifndef THAW_UI_TERM_SIGNALS_H
#define THAW_UI_TERM_SIGNALS_H
#include <stddef.h>
#include <termios.h>

#include "engine/core/err.h"

enum { SIGNALS_RESIZE = 1, SIGNALS_END = 2, SIGNALS_SUSPEND = 4, SIGNALS_CONTINUE = 8 };

/* Install the handlers. reset[0..n): bytes that give the screen back, written to standard
 * output together with tcsetattr(cooked) on a crash (SEGV, ABRT, BUS, FPE) and on a second HUP,
 * TERM, INT or QUIT, after which the signal does what it does by default. At most 512 bytes are
 * kept. */
bool signals_install(const char *reset, size_t n, const struct termios *cooked,
                     struct err *err);
/* The dispositions of before. */
void signals_remove(void);
/* Readable when a signal has come. */
int signals_fd(void);
/* What has come since the last call (SIGNALS_* bits), and empty the pipe. */
unsigned signals_take(void);
/* Stop our process group as Ctrl-Z does in a shell; returns when continued. */
void signals_stop_group(void);
#endif
