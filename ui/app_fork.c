/* app_fork.c - `K` and `:fork`: the second run comes over the curve of this one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/app_parts.h"

/* What to type for the fork: as for any run, its name or its folder. */
static void word_of(const struct app *a, char out[PATH_MAX]) {
    struct run_paths paths;
    if (run_paths_of(a->fork, &paths, NULL)) run_dir_word(&paths, out);
    else snprintf(out, PATH_MAX, "%s", a->fork);
}

void app_forked(struct app *a, const char *why) {
    const char *slash = strrchr(a->fork, '/'), *name = slash ? slash + 1 : a->fork;
    int cores = a->history.threads;
    char word[PATH_MAX], curve[32] = "";
    word_of(a, word);
    if (!why && overlays_add(&a->overlays, a->runs, a->fork, NULL))
        snprintf(curve, sizeof curve, ", curve %d here", a->overlays.n);
    if (why)
        app_say(a, STYLE_ERROR, "%s is made, but does not train%s%s; try: thaw run --resume %s",
                name, *why ? ": " : "", why, word);
    else
        app_say(a, STYLE_NORMAL,
                "%s trains from step %" PRId64
                " on%s, and shares %d core%s with this run; thaw attach %s drives it",
                name, a->fork_step, curve, cores, cores == 1 ? "" : "s", word);
    a->fork[0] = '\0';
}
