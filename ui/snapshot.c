#include "ui/snapshot.h"

#include <string.h>
#include <sys/stat.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "ui/app_parts.h"

/* A whole number of one to four digits at *s, which moves behind it; -1: there is none. */
static int take_number(const char **s) {
    size_t n = strspn(*s, "0123456789");
    int value = n >= 1 && n <= 4 ? 0 : -1;
    for (size_t i = 0; value >= 0 && i < n; i++) value = 10 * value + ((*s)[i] - '0');
    *s += n;
    return value;
}

bool snapshot_size(const char *text, int *w, int *h, struct err *err) {
    const char *s = text;
    *w = take_number(&s);
    bool by = *s == 'x';
    if (by) s++;
    *h = take_number(&s);
    if (by && !*s && *w >= LAYOUT_MIN_W && *w <= SNAPSHOT_MAX_W && *h >= LAYOUT_MIN_H &&
        *h <= SNAPSHOT_MAX_H)
        return true;
    return err_set(err, ERR_USAGE,
                   "a snapshot is %dx%d to %dx%d cells, for example 80x24, not \"%s\"",
                   LAYOUT_MIN_W, LAYOUT_MIN_H, SNAPSHOT_MAX_W, SNAPSHOT_MAX_H, text);
}

/* All that the log holds by now. */
static bool read_log(struct app *a, const char *path, struct err *err) {
    struct event_reader *r = event_reader_open(path, err);
    struct event e;
    int got = r ? 1 : -1;
    if (r) event_reader_newest_layers(r);
    while (got > 0) {
        got = event_reader_next(r, &e, err);
        if (got > 0) app_observe(a, &e);
    }
    event_reader_close(r);
    app_caught_up(a);
    return got == 0;
}

/* When the newest event was written: clock_wall(); of the run's folder while there is no log.
 */
static bool time_of_log(const struct run_paths *paths, double *at, struct err *err) {
    struct stat st;
    if (stat(paths->events, &st) != 0 && stat(paths->dir, &st) != 0)
        return err_errno(err, "cannot read %s", paths->dir);
    *at = (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec;
    return true;
}

/* The first draw, for the time of the newest event, tells the app since when the run is silent.
 * `living` was asked before the log was read: an engine that ends meanwhile is not called dead.
 */
static void draw(struct app *a, struct canvas *c, double heard_at, bool living) {
    app_draw(a, c, heard_at);
    app_set_dead(a, !living && a->history.state != RUN_ENDED);
    app_draw(a, c, clock_wall());
}

/* Everything that the log tells up to the place that is asked for. */
static bool fold(struct app *a, const struct run_paths *paths, const struct app_options *o,
                 struct err *err) {
    if (o->mode == APP_REPLAY) return app_replay_at(a, o->at, err);
    return read_log(a, paths->events, err);
}

bool snapshot_take(const struct run_paths *paths, const struct app_options *o,
                   const struct snapshot *s, struct buf *out, struct err *err) {
    struct canvas c = {.cells = NULL};
    double heard_at = 0;
    bool living = files_is_locked(paths->lock, NULL);
    struct app *a = app_create(o, err);
    bool replay = o->mode == APP_REPLAY; /* of a log that may be all there is */
    bool ok = a && fold(a, paths, o, err) && (replay || time_of_log(paths, &heard_at, err)) &&
              canvas_init(&c, s->w, s->h, s->glyphs, err);
    for (bool more = ok; more;) overlays_read(&a->overlays, 1, &more);
    if (ok) {
        if (replay) app_draw(a, &c, clock_wall());
        else draw(a, &c, heard_at, living);
        canvas_dump_as(&c, s->form, s->look, out);
    }
    canvas_deinit(&c);
    app_destroy(a);
    return ok;
}
