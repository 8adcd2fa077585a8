/* launch.h - `thaw` alone on a terminal: the launcher's loop. */
#ifndef THAW_SRC_LAUNCH_H
#define THAW_SRC_LAUNCH_H
#include <stdbool.h>

/* Show the launcher until the user leaves, and what is started from it meanwhile. False when there
 * is no screen to be had, and nothing was shown; else *status is the exit status. */
bool launch_show(int *status);
#endif
