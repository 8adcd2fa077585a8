/* app_lesson.c - a lesson on the screen: its step's pane comes into focus, n and N go on and
 * back, a shows an answer, L makes it larger or hides it. While it is hidden every key is the
 * run's own again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/app_parts.h"
#include "ui/lesson_view.h"

static const struct lesson_step *step_of(const struct app *a) {
    return &a->lesson->steps[a->lesson_at.step];
}

static struct lesson_view view_of(const struct app *a) {
    return (struct lesson_view){a->lesson, &a->lesson_at, &a->history,
                                a->lesson_shown == LAYOUT_LESSON_WHOLE};
}

/* What the step is about has the focus, and no other pane hides it. */
static void look_at_point(struct app *a) {
    int point = step_of(a)->point;
    a->zoomed = -1;
    if (point >= PANE_COUNT) return;
    a->focus = point;
    if (point < PANE_SPEED) a->home = point;
}

static void go(struct app *a, int step) {
    if (lesson_go(&a->lesson_at, a->lesson, step, a->history.seq)) look_at_point(a);
    else
        app_say(a, STYLE_DIM, "%s",
                step < 0 ? "this is where the lesson begins"
                         : "this is the lesson's end; L hides it");
}

/* ---- where it begins, and where the viewer is */

static void find_kept(struct app *a, const struct app_options *o) {
    const char *slash = strrchr(a->prefs_path, '/');
    if (!slash || !o->run_dir || !realpath(o->run_dir, a->run_dir)) return;
    int n = snprintf(a->lesson_path, sizeof a->lesson_path, "%.*s/lessons.json",
                     (int)(slash - a->prefs_path), a->prefs_path);
    if (n >= (int)sizeof a->lesson_path) a->lesson_path[0] = '\0';
    else a->lesson_kept = lesson_kept(a->lesson_path, a->run_dir);
}

void app_lesson_begin(struct app *a, const struct app_options *o) {
    a->lesson_kept = -1;
    a->lesson = o->lesson;
    if (!a->lesson) return;
    if (o->lesson_state) a->lesson_state = *o->lesson_state;
    a->lesson_shown = LAYOUT_LESSON;
    find_kept(a, o);
    int step = a->lesson_kept >= 0 ? a->lesson_kept : a->lesson_state.step;
    lesson_begin(&a->lesson_at, a->lesson, step < a->lesson->n_steps ? step : 0);
    look_at_point(a);
}

/* Nothing is said where it cannot be kept: the lesson goes on all the same, and the settings'
 * own note tells of a folder that is not to be written. */
void app_lesson_keep(struct app *a) {
    if (!a->lesson || !a->lesson_path[0] || a->lesson_kept == a->lesson_at.step) return;
    a->lesson_kept = a->lesson_at.step;
    if (!lesson_keep(a->lesson_path, a->run_dir, a->lesson_at.step, NULL))
        a->lesson_path[0] = '\0';
}

/* ---- keys */

/* The next page of a step that is longer than its place, or the one before (by 1, -1); beyond
 * them another step. */
static void turn(struct app *a, int by) {
    struct lesson_view v = view_of(a);
    struct rect r = a->layout.lesson;
    int over = lesson_view_over(&v, r),
        at = a->lesson_at.scroll < over ? a->lesson_at.scroll : over;
    int to = at + by * lesson_view_page(r);
    if (by > 0 ? at == over : at == 0) go(a, a->lesson_at.step + by);
    else a->lesson_at.scroll = to < 0 ? 0 : to < over ? to : over;
}

/* The end of what is shown then comes into sight. */
static void reveal(struct app *a) {
    if (!step_of(a)->ask[0]) {
        app_say(a, STYLE_DIM, "this step asks nothing");
        return;
    }
    a->lesson_at.revealed = !a->lesson_at.revealed;
    a->lesson_at.scroll =
        a->lesson_at.revealed ? LESSON_TEXT : 0; /* more rows than any step has */
    if (a->layout.lesson.h == 1) a->lesson_shown = LAYOUT_LESSON_WHOLE; /* a row has no room */
}

/* As it was, larger where not all is in sight or a row is all there is, hidden. */
static void change_size(struct app *a) {
    struct lesson_view v = view_of(a);
    struct rect r = a->layout.lesson;
    a->lesson_at.scroll = 0;
    if (a->lesson_shown == LAYOUT_NO_LESSON) {
        a->lesson_shown = LAYOUT_LESSON;
        return;
    }
    bool larger = a->lesson_shown == LAYOUT_LESSON && (r.h == 1 || lesson_view_over(&v, r) > 0);
    a->lesson_shown = larger ? LAYOUT_LESSON_WHOLE : LAYOUT_NO_LESSON;
    if (!larger) app_say(a, STYLE_DIM, "the lesson is hidden: L shows it again");
}

bool app_lesson_key(struct app *a, int key) {
    enum action action = keys_action(key);
    bool own = action == ACTION_LESSON || action == ACTION_ANSWER;
    if (!a->lesson) {
        if (own)
            app_say(a, STYLE_DIM, "no lesson stands beside this run; thaw lesson lists them");
        return own;
    }
    if (action == ACTION_LESSON) {
        change_size(a);
        return true;
    }
    if (a->lesson_shown == LAYOUT_NO_LESSON) return false;
    lesson_pressed(&a->lesson_at, a->lesson, action);
    if (action == ACTION_SINGLE_STEP) turn(a, 1);
    else if (action == ACTION_NEXT_STAGE) turn(a, -1);
    else if (action == ACTION_ANSWER) reveal(a);
    else if (step_of(a)->off[action])
        app_say(a, STYLE_NORMAL, "this step of the lesson leaves that key out; n goes on");
    else if (action == ACTION_BACK && a->lesson_shown == LAYOUT_LESSON_WHOLE)
        a->lesson_shown = LAYOUT_LESSON;
    else return false;
    return true;
}

/* ---- drawing */

bool app_lesson_points_at(const struct app *a, int point) {
    return a->lesson && a->lesson_shown != LAYOUT_NO_LESSON && step_of(a)->point == point;
}

/* A row that it is about stands out. */
static void mark_row(const struct app *a, struct canvas *c, int point, struct rect row) {
    if (!app_lesson_points_at(a, point) || row.w == 0) return;
    struct rect old = canvas_clip(c, row);
    canvas_restyle(c, (struct rect){0, 0, row.w, row.h}, STYLE_SELECTED);
    canvas_clip(c, old);
}

void app_lesson_draw(const struct app *a, struct canvas *c) {
    if (!a->lesson || a->lesson_shown == LAYOUT_NO_LESSON) return;
    const struct layout *l = &a->layout;
    struct lesson_view v = view_of(a);
    lesson_view_draw(&v, c, l->lesson);
    mark_row(a, c, LESSON_POINT_LIFECYCLE, l->lifecycle);
    mark_row(a, c, LESSON_POINT_STATUS, l->status);
    mark_row(a, c, LESSON_POINT_LEARNED, l->learned);
}

/* ---- :lesson */

static void say_state(struct app *a) {
    struct lesson_state s = a->lesson_state;
    struct buf word = {0};
    snprintf(s.name, sizeof s.name, "%s", a->lesson->name);
    s.step = a->lesson_at.step;
    s.seeded = a->history.has_run;
    s.seed = a->history.seed;
    lesson_state_write(&s, &word);
    app_say(a, STYLE_NORMAL, "thaw lesson %s", buf_text(&word));
    buf_deinit(&word);
}

void app_lesson_command(struct app *a, const char *words) {
    int step;
    char behind;
    if (!a->lesson)
        app_say(a, STYLE_NORMAL, "no lesson stands beside this run; thaw lesson lists them");
    else if (strcmp(words, "state") == 0) say_state(a);
    else if (sscanf(words, "%4d%c", &step, &behind) == 1 && step >= 1 &&
             step <= a->lesson->n_steps) {
        if (a->lesson_shown == LAYOUT_NO_LESSON) a->lesson_shown = LAYOUT_LESSON;
        go(a, step - 1);
    } else
        app_say(a, STYLE_NORMAL,
                ":lesson 1 to :lesson %d go to a step; :lesson state is a word to pass on",
                a->lesson->n_steps);
}
