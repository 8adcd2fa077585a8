/* screen_prefs.h - how a screen begins. What the command line says stands above the environment
 * (NO_COLOR), that above the viewer's settings file, that above the usual. */
#ifndef THAW_SRC_SCREEN_PREFS_H
#define THAW_SRC_SCREEN_PREFS_H
#include <limits.h>

#include "src/screen.h"
#include "ui/prefs.h"

struct screen_prefs {
    struct prefs prefs;
    char path[PATH_MAX]; /* where changes are kept; "": nowhere */
    struct err bad;      /* why the file is not used; code ERR_NONE: it is, or there is none */
};

/* o NULL: no options. Never fails: a file that is not sound is told in `bad` and left alone. */
void screen_prefs_read(const struct screen_options *o, struct screen_prefs *out);
/* The command line's part alone, over the usual: a frame for a script looks the same for
 * everyone. */
void screen_prefs_options(const struct screen_options *o, struct prefs *out);
#endif
