/* app_tour.c - the tour on the screen: it begins by itself once in a viewer's life, and with
 * `:tour`. Enter goes on, Esc ends it, every other key does what it always does, so that a hint
 * can be tried at once. */
#include <stdio.h>

#include "ui/app_parts.h"
#include "ui/tour.h"

static void show(struct app *a, int hint) {
    a->tour = hint + 1;
    a->message[0] = '\0';
    a->focus = tour_hints[hint].pane >= 0 ? tour_hints[hint].pane : a->tour_from;
    a->zoomed = -1; /* or another pane might hide it */
}

void app_tour_begin(struct app *a) {
    if (a->tour == 0) a->tour_from = a->focus;
    show(a, 0);
}

static void end(struct app *a) {
    a->tour = 0;
    a->focus = a->tour_from;
    app_say(a, STYLE_DIM, ":tour shows the hints again");
}

bool app_tour_key(struct app *a, int key) {
    bool on = key == KEYS_ENTER || key == '\n';
    if (a->tour == 0 || (!on && key != KEYS_ESCAPE)) return false;
    if (on && a->tour < TOUR_HINTS) show(a, a->tour);
    else end(a);
    return true;
}

/* That it has been shown is kept before it is: where that cannot be, it would come at every
 * start. Beside a lesson it waits for another time: one guide is enough. */
void app_tour_welcome(struct app *a) {
    if (a->mode != APP_DRIVE || a->lesson || !a->prefs_path[0] ||
        a->prefs.at[PREF_TOUR] != PREF_TOUR_NEW)
        return;
    a->prefs.at[PREF_TOUR] = PREF_TOUR_DONE;
    app_prefs_keep(a);
    if (a->prefs_path[0]) app_tour_begin(a);
}

void app_tour_row(const struct app *a, char *out, size_t size) {
    snprintf(out, size, "%d of %d   Enter: %s   Esc: end", a->tour, TOUR_HINTS,
             a->tour < TOUR_HINTS ? "next" : "done");
}
