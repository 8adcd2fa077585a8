#include "src/launch_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "src/find_config.h"
#include "src/find_lesson.h"

enum { EVENTS_AT_ONCE = 64 }; /* between two looks at the clock */

/* ---- lessons and configs */

static void put_config(struct launch_entry *e, const struct config_item *item) {
    *e = (struct launch_entry){.kind = LAUNCH_CONFIG, .info.loss = (double)NAN};
    snprintf(e->info.name, sizeof e->info.name, "%s", item->name);
    snprintf(e->info.path, sizeof e->info.path, "%s", item->path);
    snprintf(e->about, sizeof e->about, "%s", item->about);
}

static void put_lesson(struct launch_entry *e, const struct lesson_item *item) {
    enum launch_kind kind = item->mechanism > 0 ? LAUNCH_MECHANISM : LAUNCH_LESSON;
    *e = (struct launch_entry){.kind = kind, .info.loss = (double)NAN};
    snprintf(e->info.name, sizeof e->info.name, "%s", item->name);
    snprintf(e->info.path, sizeof e->info.path, "%s", item->path);
    snprintf(e->about, sizeof e->about, "%.*s", (int)sizeof e->about - 1, item->title);
    e->minutes = item->minutes;
}

bool launch_list_open(struct launch_list *l, struct err *err) {
    struct config_item *configs = NULL;
    struct lesson_item *lessons = NULL;
    int n_configs = 0, n_lessons = 0;
    *l = (struct launch_list){.n = 0};
    if (!runs_dir(NULL, l->runs, err) || !lesson_list(&lessons, &n_lessons, err)) return false;
    bool listed = config_list(&configs, &n_configs, err);
    int n = n_lessons + n_configs;
    l->entries = listed ? calloc((size_t)n + 1, sizeof *l->entries) : NULL;
    l->sources = listed ? calloc((size_t)n + 1, sizeof *l->sources) : NULL;
    bool ok = l->entries && l->sources;
    for (int i = 0; ok && i < n_lessons; i++) put_lesson(&l->entries[i], &lessons[i]);
    for (int i = 0; ok && i < n_configs; i++)
        put_config(&l->entries[n_lessons + i], &configs[i]);
    l->n = l->n_configs = ok ? n : 0;
    free(configs);
    free(lessons);
    return ok || (listed && err_set(err, ERR_NOMEM, "not enough memory for the list"));
}

void launch_list_close(struct launch_list *l) {
    for (int i = 0; i < l->n; i++) event_reader_close(l->sources[i].reader);
    free(l->entries);
    free(l->sources);
    *l = (struct launch_list){.n = 0};
}

/* ---- the runs there are */

static int find_run(const struct launch_list *l, const char *path) {
    for (int i = l->n_configs; i < l->n; i++)
        if (strcmp(l->entries[i].info.path, path) == 0) return i;
    return -1;
}

/* A run as it is listed now; what the old list knows of it moves over. */
static void take_over(struct launch_list *old, const struct run_info *now,
                      struct launch_entry *e, struct launch_source *s) {
    int i = find_run(old, now->path);
    *s = (struct launch_source){.info_waits = true, .curve_waits = true};
    *e = (struct launch_entry){.kind = LAUNCH_RUN, .info = *now};
    if (i < 0) return;
    bool same = old->entries[i].info.modified == now->modified;
    bool living = old->entries[i].info.pid > 0;
    *e = old->entries[i];
    *s = old->sources[i];
    old->sources[i].reader = NULL;
    e->info.modified = now->modified;
    if (same && !living) return;
    s->info_waits = s->curve_waits = true;
    if (!s->reader) e->curve = (struct launch_curve){0}; /* closed at its end: from the start */
}

bool launch_list_refresh(struct launch_list *l, struct err *err) {
    struct run_info *runs = NULL;
    int n = 0;
    if (!run_list_quick(l->runs, &runs, &n, err)) return false;
    struct launch_list now = {.n = l->n_configs + n, .n_configs = l->n_configs};
    now.entries = calloc((size_t)now.n + 1, sizeof *now.entries);
    now.sources = calloc((size_t)now.n + 1, sizeof *now.sources);
    bool ok = now.entries && now.sources;
    if (ok) {
        memcpy(now.runs, l->runs, sizeof now.runs);
        memcpy(now.entries, l->entries, (size_t)l->n_configs * sizeof *now.entries);
        for (int i = 0; i < n; i++)
            take_over(l, &runs[i], &now.entries[now.n_configs + i],
                      &now.sources[now.n_configs + i]);
        launch_list_close(l);
        *l = now;
    } else {
        free(now.entries);
        free(now.sources);
    }
    free(runs);
    return ok || err_set(err, ERR_NOMEM, "not enough memory to list the runs");
}

/* ---- what they tell */

void launch_list_read_info(struct launch_list *l, int entry) {
    struct launch_entry *e = &l->entries[entry];
    struct run_info info;
    l->sources[entry].info_waits = false;
    if (e->kind != LAUNCH_RUN || !run_info_read(e->info.path, &info, NULL)) return;
    e->info = info;
    e->known = true;
}

static struct event_reader *open_log(const char *run_dir) {
    struct run_paths paths;
    return run_paths_of(run_dir, &paths, NULL) ? event_reader_open(paths.events, NULL) : NULL;
}

static void add_event(struct launch_curve *c, const struct event *e) {
    if (e->type == EVENT_RUN) launch_curve_rewind(c, e->step); /* begun, or taken up again */
    if (e->type == EVENT_STEP) launch_curve_add(c, e->step, e->stp.loss);
    if (e->type == EVENT_STAGE && !e->stage.finished) launch_curve_stage(c);
}

/* Go on with a curve; the log of a run that lives stays open, for more will come. */
static void read_curve(struct launch_list *l, int entry, double until) {
    struct launch_entry *e = &l->entries[entry];
    struct launch_source *s = &l->sources[entry];
    struct event event;
    int got = 0;
    if (!s->reader) s->reader = open_log(e->info.path);
    if (s->reader) do
            for (int i = 0;
                 i < EVENTS_AT_ONCE && (got = event_reader_next(s->reader, &event, NULL)) > 0;
                 i++)
                add_event(&e->curve, &event);
        while (got > 0 && clock_now() < until);
    if (got > 0) return;
    s->curve_waits = false;
    if (got == 0 && e->info.pid > 0) return;
    event_reader_close(s->reader);
    s->reader = NULL;
}

bool launch_list_work(struct launch_list *l, const struct launcher *view, double until,
                      bool *more) {
    bool changed = false;
    *more = false;
    for (int pass = 0; pass < 3; pass++) /* states in sight, curves in sight, other states */
        for (int i = l->n_configs; i < l->n; i++) {
            struct launch_source *s = &l->sources[i];
            bool curve = pass == 1, waits = curve ? s->curve_waits : s->info_waits;
            if (!waits || (pass < 2 && !launcher_shows(view, i))) continue;
            *more = clock_now() >= until;
            if (*more) return changed;
            if (curve) read_curve(l, i, until);
            else launch_list_read_info(l, i);
            changed = true;
        }
    return changed;
}
