/* app_overlay.c - `:overlay`: other runs over the curve of this one. */
#include <string.h>

#include "ui/app_parts.h"

/* All are taken away; which those were is said, as it is not to be seen any more. */
static void clear(struct app *a) {
    struct overlays *o = &a->overlays;
    const char *names[OVERLAYS_MAX] = {"", "", ""};
    for (int i = 0; i < o->n; i++) names[i] = o->at[i]->name;
    if (o->n == 0)
        app_say(a, STYLE_NORMAL,
                ":overlay RUN lays the curve of another run over this one; `thaw runs` lists "
                "them");
    else
        app_say(a, STYLE_NORMAL, "taken off the curve: %s%s%s%s%s", names[0],
                o->n > 1 ? ", " : "", names[1], o->n > 2 ? ", " : "", names[2]);
    overlays_clear(o);
}

void app_overlay(struct app *a, const char *run) {
    struct err err = {0};
    if (!*run) clear(a);
    else if (strcmp(run, app_name(a)) == 0)
        app_say(a, STYLE_ERROR, "%s is the run on this screen: name another one", run);
    else if (!overlays_add(&a->overlays, a->runs, run, &err))
        app_say(a, STYLE_ERROR, "%s", err.msg);
    else
        app_say(a, STYLE_NORMAL, "%s lies over the curve as %d; :overlay alone takes it away",
                a->overlays.at[a->overlays.n - 1]->name, a->overlays.n);
}
