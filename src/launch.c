#include "src/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "src/cli.h"
#include "src/config_diff.h"
#include "src/launch_child.h"
#include "src/launch_list.h"
#include "src/screen_prefs.h"

static const double slice_s = 0.02, frame_s = 0.1, look_s = 2;
enum { TICK_MS = 500 };

struct loop {
    struct launch_list list;
    struct launcher view;
    struct term *term; /* NULL: a screen has failed to come back */
    struct canvas canvas;
    struct launch_changes changes; /* of the two runs that were compared last */
    bool dirty, redraw, more, leave;
    double drawn_at, looked_at; /* clock_now() */
};

/* ---- the screen */

static bool open_screen(struct loop *l, struct err *err) {
    struct screen_prefs prefs; /* read anew: the screen before this one may have changed them */
    int w, h;
    screen_prefs_read(NULL, &prefs);
    struct term_options options = prefs_term_options(&prefs.prefs);
    l->term = term_open(&options, err);
    if (!l->term) return false;
    term_size(l->term, &w, &h);
    l->redraw = l->dirty = true;
    return canvas_init(&l->canvas, w, h, term_glyphs(l->term), err);
}

static void close_screen(struct loop *l) {
    term_close(l->term);
    l->term = NULL;
    canvas_deinit(&l->canvas);
}

static void resize(struct loop *l) {
    int w, h;
    term_size(l->term, &w, &h);
    canvas_resize(&l->canvas, w, h, NULL); /* without memory the old size stays */
    l->dirty = true;
}

static void frame(struct loop *l) {
    launcher_draw(&l->view, &l->canvas, clock_wall());
    term_blit(l->term, &l->canvas, l->redraw);
    l->dirty = l->redraw = false;
    l->drawn_at = clock_now();
}

/* ---- the list */

static bool show_list(struct loop *l, struct err *err) {
    return launcher_set(&l->view, l->list.entries, l->list.n, err);
}

static void look_again(struct loop *l) {
    struct err err = {0};
    if (!launch_list_refresh(&l->list, &err) || !show_list(l, &err))
        launcher_say(&l->view, STYLE_ERROR, "%s", err.msg);
    l->looked_at = clock_now();
    l->dirty = l->more = true;
}

static void work(struct loop *l) {
    if (!launch_list_work(&l->list, &l->view, clock_now() + slice_s, &l->more)) return;
    show_list(l, NULL); /* a state may match the filter now; its room is there already */
    l->dirty = true;
}

/* ---- what is asked for */

/* Another command's screen, and back. */
static bool run_words(struct loop *l, const char *const *words, struct err *err) {
    struct err why = {0};
    close_screen(l);
    bool ok = launch_child(words, &why);
    if (!open_screen(l, err)) return false;
    if (!ok && *why.msg) launcher_say(&l->view, STYLE_ERROR, "%s", why.msg);
    look_again(l);
    return true;
}

/* A command about what is selected. */
static bool run_command(struct loop *l, const char *word, struct err *err) {
    char path[PATH_MAX];
    memcpy(path, launcher_selected(&l->view)->info.path, sizeof path);
    return run_words(l, (const char *const[]){word, path, NULL}, err);
}

/* The runs come newest first; "": there is none. */
static const char *newest_run(const struct loop *l) {
    for (int i = 0; i < l->list.n; i++)
        if (l->list.entries[i].kind == LAUNCH_RUN) return l->list.entries[i].info.path;
    return "";
}

/* Who comes back from the run that was started finds it selected. */
static bool start(struct loop *l, const char *word, struct err *err) {
    char before[PATH_MAX];
    snprintf(before, sizeof before, "%s", newest_run(l));
    if (!run_command(l, word, err)) return false;
    if (strcmp(before, newest_run(l)) != 0) launcher_choose(&l->view, newest_run(l));
    return true;
}

static void take_side(struct launch_changes *c, int side, const struct launch_entry *e) {
    memcpy(c->name[side], e->info.name, sizeof c->name[side]);
    memcpy(c->path[side], e->info.path, sizeof c->path[side]);
}

static void compare(struct loop *l) {
    launch_changes_deinit(&l->changes);
    take_side(&l->changes, 0, launcher_marked(&l->view));
    take_side(&l->changes, 1, launcher_selected(&l->view));
    config_diff_runs(&l->changes);
    launcher_compare(&l->view, &l->changes);
}

/* The second run on its screen, the marked one over its curve. */
static bool show_curves(struct loop *l, struct err *err) {
    const char *const words[] = {"attach", l->changes.path[1], "--overlay", l->changes.path[0],
                                 NULL};
    return run_words(l, words, err);
}

static int selected(const struct loop *l) {
    return (int)(launcher_selected(&l->view) - l->list.entries);
}

static void measure(struct loop *l) {
    struct run_contents contents;
    launch_list_read_info(&l->list, selected(l)); /* it may live by now */
    run_contents_read(l->list.entries[selected(l)].info.path, &contents);
    launcher_ask(&l->view, &contents);
}

static void delete_run(struct loop *l) {
    struct err err = {0};
    const struct run_info *run = &l->list.entries[selected(l)].info;
    if (run_delete(l->list.runs, run->path, &err))
        launcher_say(&l->view, STYLE_DIM, "%s is deleted", run->name);
    else launcher_say(&l->view, STYLE_ERROR, "%s", err.msg);
    look_again(l);
}

/* False with err: the screen does not come back. */
static bool obey(struct loop *l, enum launch_wish wish, struct err *err) {
    switch (wish) {
    case LAUNCH_START:
        return start(l, "run", err);
    case LAUNCH_START_LESSON:
        return start(l, "lesson", err);
    case LAUNCH_ATTACH:
        return run_command(l, "attach", err);
    case LAUNCH_WATCH:
        return run_command(l, "watch", err);
    case LAUNCH_REPLAY:
        return run_command(l, "replay", err);
    case LAUNCH_COMPARE:
        compare(l);
        return true;
    case LAUNCH_CURVES:
        return show_curves(l, err);
    case LAUNCH_MEASURE:
        measure(l);
        return true;
    case LAUNCH_DELETE:
        delete_run(l);
        return true;
    case LAUNCH_LEAVE:
        l->leave = true;
        return true;
    case LAUNCH_REDRAW:
        l->redraw = true;
        return true;
    case LAUNCH_SUSPEND:
        term_suspend(l->term);
        resize(l);
        l->redraw = true;
        return true;
    case LAUNCH_NOTHING:
        break;
    }
    return true;
}

/* ---- the loop */

static bool run(struct loop *l, struct err *err) {
    struct term_mouse mouse;
    while (!l->leave && !term_ended(l->term)) {
        int key = term_key(l->term, l->more ? 0 : TICK_MS, -1, &mouse);
        if (key == KEYS_RESIZE) resize(l);
        if (key != KEYS_NONE && !obey(l, launcher_key(&l->view, key, &mouse), err))
            return false;
        if (key == KEYS_NONE && clock_now() - l->looked_at >= look_s) look_again(l);
        bool new_sight = key != KEYS_NONE; /* other runs may be in sight, whose curves wait */
        if (new_sight && !l->leave) frame(l);
        if (l->more || new_sight) work(l);
        if (l->dirty && (!l->more || clock_now() - l->drawn_at >= frame_s)) frame(l);
    }
    return true;
}

bool launch_show(int *status) {
    struct loop *l = calloc(1, sizeof *l);
    struct err err = {0};
    bool shown = l && launch_list_open(&l->list, &err) && launch_list_refresh(&l->list, &err) &&
                 show_list(l, &err) && open_screen(l, &err);
    *status = CLI_OK;
    if (shown) {
        l->looked_at = clock_now();
        launcher_draw(&l->view, &l->canvas, clock_wall()); /* says what is in sight */
        work(l);
        frame(l);
        l->more = true;
        bool ok = run(l, &err);
        close_screen(l);
        if (!ok) *status = cli_fail(&err);
    }
    if (!l) return false;
    launcher_deinit(&l->view);
    launch_changes_deinit(&l->changes);
    launch_list_close(&l->list);
    free(l);
    return shown;
}
