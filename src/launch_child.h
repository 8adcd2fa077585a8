/* launch_child.h - another command of this program in the terminal's foreground. */
#ifndef THAW_SRC_LAUNCH_CHILD_H
#define THAW_SRC_LAUNCH_CHILD_H
#include <stddef.h>

#include "engine/core/err.h"

enum { LAUNCH_WORDS = 6 };

/* Run `thaw WORDS...` (up to a NULL, LAUNCH_WORDS at most) and wait for its end; it has the terminal alone meanwhile, so ours must
 * be restored. False with err: it failed, and err is the last line that it wrote to stderr, or it
 * could not be started. */
bool launch_child(const char *const *words, struct err *err);
#endif
