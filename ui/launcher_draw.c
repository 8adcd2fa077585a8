/* launcher_draw.c - the launcher's frame: what there is, one row each, and the keys. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/bars.h"
#include "ui/chart.h"
#include "ui/format.h"
#include "ui/launcher_keys.h"
#include "ui/layout.h"
#include "ui/wrap.h"

enum {
    NAME_LEAST = 12,
    NAME_MOST = 28,
    STATE_W = 8,
    STAGE_W = 10,
    STEP_W = 7,
    LOSS_W = 5,
    AGE_W = 4,
    STAGE_FROM_W = 64,
    STEP_FROM_W = 52,
    MESSAGE_ROWS = 3,
    GAP = 2
};

/* ---- columns */

/* Where each begins; -1: there is no room for it. The name's and the curve's width give way. */
struct columns {
    int name_w, state, stage, step, loss, curve, curve_w, age;
};

static struct columns columns_for(int w) {
    struct columns k = {.name_w = w / 5, .stage = -1, .step = -1};
    if (k.name_w < NAME_LEAST) k.name_w = NAME_LEAST;
    if (k.name_w > NAME_MOST) k.name_w = NAME_MOST;
    int x = 1 + k.name_w + 1;
    k.state = x;
    x += STATE_W + 1;
    if (w >= STAGE_FROM_W) k.stage = x, x += STAGE_W + 1;
    if (w >= STEP_FROM_W) k.step = x, x += STEP_W + 1;
    k.loss = x;
    k.curve = x + LOSS_W + GAP;
    k.age = w - AGE_W;
    k.curve_w = k.age - 1 - k.curve;
    if (w < STEP_FROM_W) k.curve--, k.curve_w++; /* every column counts */
    return k;
}

/* ---- a row */

static enum style state_style(const char *state) {
    static const struct {
        const char *state;
        enum style style;
    } styles[] = {{"running", STYLE_ACTIVE}, {"finished", STYLE_DONE},
                  {"paused", STYLE_WARNING}, {"stopped", STYLE_WARNING},
                  {"failed", STYLE_ERROR},   {"dead", STYLE_ERROR}};
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (strcmp(state, styles[i].state) == 0) return styles[i].style;
    return STYLE_DIM;
}

/* 4 columns: " now", " 12m", "  5h", " 30d". */
static void format_age(char *out, double s) {
    if (!(s >= 60)) snprintf(out, FORMAT_MAX, " now");
    else if (s < 3600) snprintf(out, FORMAT_MAX, "%3.0fm", floor(s / 60));
    else if (s < 86400) snprintf(out, FORMAT_MAX, "%3.0fh", floor(s / 3600));
    else snprintf(out, FORMAT_MAX, "%3.0fd", fmin(floor(s / 86400), 999));
}

static void draw_step(struct canvas *c, int x, int y, int64_t step) {
    char text[24];
    if (step < 10000000) snprintf(text, sizeof text, "%" PRId64, step);
    else format_count(text, (double)step);
    canvas_printf(c, x, y, STYLE_NORMAL, "%*s", STEP_W, text);
}

static void draw_facts(struct canvas *c, const struct columns *k, int y,
                       const struct run_info *r) {
    char text[FORMAT_MAX], stage[64];
    canvas_field(c, k->state, y, STATE_W, false, state_style(r->state), r->state,
                 strlen(r->state));
    bars_stage_word(r->stage, stage, sizeof stage);
    if (k->stage >= 0)
        canvas_field(c, k->stage, y, STAGE_W, false, STYLE_NORMAL, stage, strlen(stage));
    if (k->step >= 0) draw_step(c, k->step, y, r->step);
    format_loss(text, r->loss);
    canvas_text(c, k->loss, y, STYLE_NORMAL, text, strlen(text));
}

static void draw_run(struct canvas *c, const struct columns *k, int y,
                     const struct launch_entry *e, bool marked, double now) {
    char age[FORMAT_MAX];
    double points[LAUNCH_POINTS + 1];
    int n = launch_curve_points(&e->curve, points);
    canvas_field(c, 1, y, k->name_w, false, STYLE_NORMAL, e->info.name, strlen(e->info.name));
    if (marked) canvas_put(c, k->state - 1, y, '*', STYLE_KEY);
    if (e->known) draw_facts(c, k, y, &e->info);
    else canvas_text(c, k->state, y, STYLE_DIM, "...", 3);
    chart_sparkline(c, k->curve, y, k->curve_w, points, (size_t)n, STYLE_TRAIN);
    format_age(age, now - e->info.modified);
    canvas_text(c, k->age, y, STYLE_DIM, age, strlen(age));
}

/* A config with what it is about; a lesson with its minutes and its title. */
static void draw_config(struct canvas *c, const struct columns *k, int y,
                        const struct launch_entry *e) {
    int x = k->state;
    canvas_field(c, 1, y, k->name_w, false, STYLE_NORMAL, e->info.name, strlen(e->info.name));
    if (e->minutes > 0) x += canvas_printf(c, x, y, STYLE_KEY, "%3d min  ", e->minutes);
    canvas_field(c, x, y, c->clip.w - x, false, STYLE_DIM, e->about, strlen(e->about));
}

/* A heading; that of the runs says what stands in its columns. */
static void draw_heading(struct canvas *c, const struct columns *k, int y, int line) {
    const char *title = line == LINE_RUNS        ? " RUNS "
                        : line == LINE_CONFIGS   ? " CONFIGS "
                        : line == LINE_MECHANISM ? " LESSONS ABOUT THE MECHANISM "
                                                 : " LESSONS ";
    canvas_hline(c, 0, y, c->clip.w, STYLE_FRAME);
    canvas_text(c, 1, y, STYLE_TITLE, title, strlen(title));
    if (line != LINE_RUNS) return;
    canvas_text(c, k->state - 1, y, STYLE_FRAME, " state ", 7);
    if (k->stage >= 0) canvas_text(c, k->stage - 1, y, STYLE_FRAME, " stage ", 7);
    if (k->step >= 0) canvas_text(c, k->step + STEP_W - 5, y, STYLE_FRAME, " step ", 6);
    canvas_text(c, k->loss + LOSS_W - 5, y, STYLE_FRAME, " loss ", 6);
    canvas_text(c, k->age, y, STYLE_FRAME, " age", 4);
}

static void draw_words(const struct launcher *l, struct canvas *c, int y, int line) {
    char text[LINE_EDIT_MAX + 32];
    const char *first = l->n > 0 ? l->entries[0].info.name : "";
    if (line == LINE_NO_MATCH)
        snprintf(text, sizeof text, "nothing has \"%s\" in it", l->filter.text);
    else if (line == LINE_NO_CONFIGS)
        snprintf(text, sizeof text, "none here: thaw run FILE.yaml starts one");
    else if (!*first) snprintf(text, sizeof text, "no runs yet");
    else snprintf(text, sizeof text, "no runs yet: Enter starts %s", first);
    canvas_field(c, 1, y, c->clip.w - 1, false, STYLE_DIM, text, strlen(text));
}

static void draw_line(const struct launcher *l, struct canvas *c, int y, int i, double now) {
    struct columns k = columns_for(c->clip.w);
    int line = l->lines[i];
    const struct launch_entry *e = line >= 0 ? &l->entries[line] : NULL;
    if (line == LINE_CONFIGS || line == LINE_RUNS || line == LINE_LESSONS ||
        line == LINE_MECHANISM)
        draw_heading(c, &k, y, line);
    else if (!e) draw_words(l, c, y, line);
    else if (e->kind == LAUNCH_RUN) draw_run(c, &k, y, e, e == launcher_marked(l), now);
    else draw_config(c, &k, y, e);
    if (i != l->selected) return;
    canvas_put(c, 0, y, '>', STYLE_NORMAL);
    canvas_restyle(c, (struct rect){0, y, c->clip.w, 1}, STYLE_SELECTED);
}

/* ---- the rows around the list */

static void draw_title(const struct launcher *l, struct canvas *c) {
    char text[64];
    int runs = 0, living = 0;
    for (int i = 0; i < l->n; i++) {
        runs += l->entries[i].kind == LAUNCH_RUN;
        living += l->entries[i].known && l->entries[i].info.pid > 0;
    }
    int x = canvas_text(c, 0, 0, STYLE_STRONG, "thaw", 4) + GAP;
    int n =
        snprintf(text, sizeof text, "%d run%s, %d live", runs, runs == 1 ? "" : "s", living);
    canvas_text(c, c->w - n, 0, living > 0 ? STYLE_ACTIVE : STYLE_DIM, text, (size_t)n);
    if (l->filter.n == 0 || l->input == LAUNCH_FILTER) return;
    x += canvas_text(c, x, 0, STYLE_KEY, "/", 1);
    canvas_field(c, x, 0, c->w - n - x - GAP, false, STYLE_NORMAL, l->filter.text,
                 (size_t)l->filter.n);
}

static int hint_columns(const struct launch_binding *b, const char *word) {
    return (int)strcspn(b->label, " ") + 1 + (int)strlen(word) + GAP;
}

/* The keys that do something now; where there is no room for all, those of the lowest rank. */
static void draw_hints(const struct launcher *l, struct canvas *c, int y) {
    const struct launch_entry *selected = launcher_selected(l);
    int left = c->w + GAP, x = 0, most = 0;
    for (int rank = 1; rank <= n_launch_bindings; rank++)
        for (int i = 0; i < n_launch_bindings; i++) {
            const char *word = launch_hint(&launch_bindings[i], selected);
            if (!word || launch_bindings[i].rank != rank) continue;
            left -= hint_columns(&launch_bindings[i], word);
            if (left >= 0) most = rank;
        }
    for (int i = 0; i < n_launch_bindings; i++) {
        const struct launch_binding *b = &launch_bindings[i];
        const char *word = launch_hint(b, selected);
        if (!word || b->rank > most) continue;
        int label = canvas_text(c, x, y, STYLE_KEY, b->label, strcspn(b->label, " "));
        canvas_text(c, x + label + 1, y, STYLE_NORMAL, word, strlen(word));
        x += hint_columns(b, word);
    }
}

/* The bottom: a question or a message above the keys, or what is being typed. Returns its rows;
 * c NULL: only that. */
static int draw_bottom(const struct launcher *l, struct canvas *c, int w, int h) {
    bool asks = l->input == LAUNCH_CONFIRM;
    const char *text = asks ? l->question : l->message;
    const char *hint = asks ? "y yes   n no" : "Enter: keep   Esc: all again";
    enum style style = asks ? STYLE_WARNING : l->message_style;
    bool typing = l->input == LAUNCH_FILTER;
    int rows = *text && !typing ? wrap_rows(text, strlen(text), w) : typing;
    if (rows > MESSAGE_ROWS) rows = MESSAGE_ROWS;
    if (!c) return rows + 1;
    struct rect r = {0, h - 1 - rows, w, rows};
    if (typing) line_edit_draw(&l->filter, c, r, "/");
    else if (rows > 0) wrap_draw(c, r, style, text, strlen(text));
    if (typing || asks) canvas_field(c, 0, h - 1, w, false, STYLE_DIM, hint, strlen(hint));
    else draw_hints(l, c, h - 1);
    return rows + 1;
}

/* ---- the frame */

static void draw_too_small(struct canvas *c) {
    char text[64];
    int n = snprintf(text, sizeof text, "have %dx%d, need %dx%d", c->w, c->h, LAYOUT_MIN_W,
                     LAYOUT_MIN_H);
    canvas_text(c, n < c->w ? (c->w - n) / 2 : 0, c->h / 2, STYLE_WARNING, text, (size_t)n);
}

/* Keep the selected line in sight, with the heading above it where that costs nothing. What is
 * far below, as the newest run is at first, comes with what follows it. */
static void scroll(struct launcher *l) {
    int at = l->selected, h = l->list.h;
    if (at > l->top + h) l->top = at - h / 4;
    if (at >= 0 && at < l->top) l->top = at;
    if (at > 0 && l->top == at && l->lines[at - 1] < 0) l->top = at - 1;
    if (at >= l->top + h) l->top = at - h + 1;
    if (l->top > l->n_lines - h) l->top = l->n_lines - h;
    if (l->top < 0) l->top = 0;
}

void launcher_draw(struct launcher *l, struct canvas *c, double now) {
    canvas_erase(c);
    l->list = l->help = (struct rect){0};
    if (c->w < LAYOUT_MIN_W || c->h < LAYOUT_MIN_H) {
        draw_too_small(c);
        return;
    }
    l->list = (struct rect){0, 1, c->w, c->h - 1 - draw_bottom(l, NULL, c->w, c->h)};
    l->help = (struct rect){0, 0, c->w, c->h};
    scroll(l);
    draw_title(l, c);
    struct rect old = canvas_clip(c, l->list);
    for (int y = 0; y < l->list.h && l->top + y < l->n_lines; y++)
        draw_line(l, c, y, l->top + y, now);
    canvas_clip(c, old);
    draw_bottom(l, c, c->w, c->h);
    if (l->input == LAUNCH_HELP) launch_help_draw(c, l->help, l->help_scroll);
    if (l->input == LAUNCH_CHANGES) launch_changes_draw(l->changes, c, l->help, l->help_scroll);
}
