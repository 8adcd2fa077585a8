#include "ui/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"

/* A folder's name for the legend: what is no ASCII becomes '_', of a long one both ends are
 * kept. */
static void shorten(const char *dir, char out[OVERLAY_NAME + 1]) {
    enum { HEAD = 6, TAIL = 4 };
    const char *slash = strrchr(dir, '/'), *name = slash && slash[1] ? slash + 1 : dir;
    size_t n = strlen(name);
    if (n <= OVERLAY_NAME) memcpy(out, name, n + 1);
    else snprintf(out, OVERLAY_NAME + 1, "%.*s..%s", HEAD, name, name + n - TAIL);
    for (char *c = out; *c; c++)
        if (*c <= ' ' || *c > '~') *c = '_';
}

static void destroy(struct overlay *v) {
    event_reader_close(v->reader);
    history_deinit(&v->history);
    free(v);
}

/* Samples, layers and the like are not shown, and would cost memory. */
static void observe(struct overlay *v, const struct event *e) {
    switch (e->type) {
    case EVENT_RUN:
    case EVENT_STAGE:
    case EVENT_STEP:
    case EVENT_EVAL:
        history_observe(&v->history, e);
        break;
    default:
        break;
    }
}

/* NULL with err when the log can't be read. */
static struct overlay *create(const struct run_paths *run, struct err *err) {
    struct overlay *v = calloc(1, sizeof *v);
    if (!v) {
        err_set(err, ERR_NOMEM, "no memory for another run's curve");
        return NULL;
    }
    struct event e;
    history_init(&v->history);
    snprintf(v->dir, sizeof v->dir, "%s", run->dir);
    shorten(run->dir, v->name);
    v->reader = event_reader_open(run->events, err);
    int got = v->reader ? event_reader_next(v->reader, &e, err) : -1;
    if (got > 0) observe(v, &e);
    if (got >= 0) return v;
    destroy(v);
    return NULL;
}

/* In `runs`, else where runs usually live; the first folder's words say what is wrong. */
static bool find(const char *runs, const char *run, struct run_paths *out, struct err *err) {
    char usual[PATH_MAX];
    if (run_dir_find(runs, run, out, err)) return true;
    return runs_dir(NULL, usual, NULL) && run_dir_find(usual, run, out, NULL);
}

bool overlays_add(struct overlays *o, const char *runs, const char *run, struct err *err) {
    struct run_paths paths;
    if (!find(runs, run, &paths, err)) return false;
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->at[i]->dir, paths.dir) == 0)
            return err_set(err, ERR_USAGE, "%s lies over the curve already", o->at[i]->name);
    if (o->n == OVERLAYS_MAX)
        return err_set(err, ERR_USAGE,
                       "%d runs lie over the curve already: `:overlay` alone takes them away",
                       OVERLAYS_MAX);
    struct overlay *v = create(&paths, err);
    if (v) o->at[o->n++] = v;
    return v != NULL;
}

void overlays_clear(struct overlays *o) {
    for (int i = 0; i < o->n; i++) destroy(o->at[i]);
    o->n = 0;
}

/* Whether something came; *more: the time was over first. */
static bool read_one(struct overlay *v, double until, bool *more) {
    struct event e;
    int got = 0;
    bool heard = false;
    do
        for (int i = 0; i < 64 && (got = event_reader_next(v->reader, &e, NULL)) > 0; i++) {
            observe(v, &e);
            heard = true;
        }
    while (got > 0 && clock_now() < until);
    *more |= got > 0;
    return heard;
}

bool overlays_read(struct overlays *o, double slice_s, bool *more) {
    bool heard = false;
    *more = false;
    for (int i = 0; i < o->n; i++)
        heard |= read_one(o->at[i], clock_now() + slice_s / o->n, more);
    return heard;
}

static bool has_set(const struct history *h, const char *name) {
    for (int i = 0; i < h->n_sets; i++)
        if (strcmp(h->sets[i].name, name) == 0) return true;
    return false;
}

bool overlay_shows_set(const struct overlay *v, int set, const struct history *h) {
    bool common = false;
    for (int i = 0; i < v->history.n_sets && !common; i++)
        common = has_set(h, v->history.sets[i].name);
    return common ? has_set(h, v->history.sets[set].name) : set == 0;
}
