/* panel_loss.c - the curve of the run: raw band, smooth line, evaluations, the base's loss,
 * marks. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"
#include "ui/loss_marks.h"
#include "ui/loss_view.h"
#include "ui/panel.h"

enum { LEGEND_MAX = 3 + HISTORY_SETS + OVERLAYS_MAX };

struct loss_panel {
    struct panel base; /* first: see self() */
    struct loss_view view;
    struct own_marks own;
};

static struct loss_panel *self(struct panel *p) { return (struct loss_panel *)p; }
static const struct loss_panel *self_const(const struct panel *p) {
    return (const struct loss_panel *)p;
}

/* ---- where things are */

/* The curves' rectangle relative to the panel's area. */
static struct rect plot_of(const struct panel *p) {
    return chart_plot((struct rect){1, 1, p->area.w - 2, p->area.h - 2});
}

/* How much of x one column of cells is. */
static double column_width(const struct panel *p, double x0, double x1) {
    int w = plot_of(p).w;
    return (x1 - x0) / (w > 0 ? w : 1);
}

static int dot_columns(const struct panel *p) {
    int w = plot_of(p).w;
    return w > 0 ? 2 * w : 1;
}

/* Hold the y range of what is in sight now. */
static void hold(struct loss_panel *lp) {
    struct loss_view *v = &lp->view;
    struct loss_points points;
    double x0, x1;
    v->held = false;
    if (!v->zoomed || v->follow) return;
    loss_view_x(v, lp->base.history, &x0, &x1);
    if (!loss_points_make(&points, v, lp->base.history, x0, x1, dot_columns(&lp->base))) return;
    double y0, y1;
    if (loss_view_y(v, &points, x0, x1, &y0, &y1)) {
        v->y0 = y0;
        v->y1 = y1;
        v->held = true;
    }
    loss_points_free(&points);
}

/* ---- marks */

/* The cursor first: it is seen whatever else stands in its column. */
static int marks_in(const struct panel *p, const struct sight *s,
                    struct chart_mark out[LOSS_MARKS_MAX]) {
    const struct loss_panel *lp = self_const(p);
    int n = 0;
    if (lp->view.cursor_on)
        out[n++] = (struct chart_mark){lp->view.cursor, '^', STYLE_CURSOR, true, NULL};
    return n + loss_marks_in(&lp->own, p->history, s, out + n, LOSS_MARKS_MAX - n);
}

/* ---- legend and read-out */

struct legend_item {
    const char *glyph, *name;
    enum style style;
    double value;
};

/* Nearest point to the cursor; NaN when there is none. */
static double value_at(const struct series *s, const float *y, enum series_unit unit,
                       double x) {
    if (s->n == 0) return NAN;
    size_t i = series_find(s, unit, x);
    if (i == s->n || (i > 0 && x - s->x[unit][i - 1] < s->x[unit][i] - x)) i--;
    return (double)y[i];
}

/* Other runs, by their figure on the curve. */
static int overlay_items(const struct loss_view *v, double x, struct legend_item *out) {
    static const char *const figures[OVERLAYS_MAX] = {"1", "2", "3"};
    int n = v->overlays ? v->overlays->n : 0;
    for (int i = 0; i < n; i++) {
        const struct overlay *o = v->overlays->at[i];
        out[i] = (struct legend_item){
            figures[i], o->name, (enum style)(STYLE_OVERLAY_1 + i),
            value_at(&o->history.train, o->history.smooth[v->smoothing], v->unit, x)};
    }
    return n;
}

static int legend_items(const struct panel *p, const struct canvas *c,
                        struct legend_item *out) {
    const struct history *h = p->history;
    const struct loss_view *v = &self_const(p)->view;
    bool ascii = c->glyphs == GLYPHS_ASCII;
    double now[UNIT_COUNT];
    history_now(h, now);
    double x = v->cursor_on ? v->cursor : now[v->unit];
    int n = 0, base = history_main_set(h);
    out[n++] = (struct legend_item){ascii ? "*" : "", "train", STYLE_TRAIN,
                                    value_at(&h->train, h->smooth[v->smoothing], v->unit, x)};
    n += overlay_items(v, x, out + n); /* before those that are known by heart */
    for (int i = 0; i < h->n_sets; i++)
        out[n++] = (struct legend_item){
            i == 0 ? "o" : "+", h->sets[i].name, i == 0 ? STYLE_VAL : STYLE_DOMAIN,
            value_at(&h->sets[i].tuned, h->sets[i].tuned.y, v->unit, x)};
    if (base >= 0 && h->sets[base].base.n > 0)
        out[n++] = (struct legend_item){
            "=", "base", STYLE_BASE,
            value_at(&h->sets[base].base, h->sets[base].base.y, v->unit, x)};
    return n;
}

static void legend_text(const struct legend_item *item, bool values, char *out, size_t size) {
    char number[FORMAT_MAX];
    format_loss(number, item->value);
    snprintf(out, size, "%s%s%s%s%s", item->glyph, item->glyph[0] ? " " : "", item->name,
             values ? " " : "", values ? number + strspn(number, " ") : "");
}

static int legend_width(const struct legend_item *items, int n, bool values) {
    int width = 0;
    char text[112];
    for (int i = 0; i < n; i++) {
        legend_text(&items[i], values, text, sizeof text);
        width += (int)strlen(text) + 2;
    }
    return width;
}

static int draw_cursor_text(const struct panel *p, struct canvas *c, int x, double slack) {
    const struct loss_view *v = &self_const(p)->view;
    const struct history *h = p->history;
    size_t i = series_find(&h->train, v->unit, v->cursor);
    if (i == h->train.n && i > 0) i--;
    char text[160], mark[80];
    loss_marks_read(&self_const(p)->own, h, v->unit, v->cursor, slack, mark, sizeof mark);
    snprintf(text, sizeof text, " step %.0f%s%s ", h->train.n ? h->train.x[UNIT_STEPS][i] : 0.0,
             mark[0] ? ": " : "", mark);
    return panel_footer(p, c, x, STYLE_CURSOR, text);
}

/* In the lower edge of the frame: what the curves are and where they stand. */
static void draw_legend(const struct panel *p, struct canvas *c, double slack) {
    struct legend_item items[LEGEND_MAX];
    int n = legend_items(p, c, items), x = 2;
    if (self_const(p)->view.cursor_on) x += draw_cursor_text(p, c, x, slack) + 1;
    bool values = x + legend_width(items, n, true) <= p->area.w - 3;
    if (!values && self_const(p)->view.cursor_on) values = true; /* the first ones at least */
    for (int i = 0; i < n; i++) {
        char text[112], spaced[128];
        legend_text(&items[i], values, text, sizeof text);
        if (x + (int)strlen(text) + 2 > p->area.w - 2) break;
        snprintf(spaced, sizeof spaced, " %s ", text);
        x += panel_footer(p, c, x, items[i].style, spaced);
    }
}

/* ---- drawing */

/* "nats/token EMA.90 lin", the unit left out where there is no room for it. */
static void title_right(const struct panel *p, char *out, size_t size) {
    static const char *const smoothings[SMOOTHINGS] = {"raw", "EMA.50", "EMA.90", "EMA.99"};
    static const char *const units[UNIT_COUNT] = {"", " by tokens", " by seconds"};
    const struct loss_view *v = &self_const(p)->view;
    enum { TITLE_W = 18 }; /* "+- 1 Loss* ", blanks and lines at either side */
    for (int brief = 0; brief < 2; brief++) {
        snprintf(out, size, "%s%s%s %s%s",
                 v->follow   ? "follow "
                 : v->zoomed ? "zoom "
                             : "",
                 brief ? "" : "nats/token ", smoothings[v->smoothing], v->log_y ? "log" : "lin",
                 units[v->unit]);
        if ((int)strlen(out) + TITLE_W <= p->area.w) return;
    }
}

/* Nothing to plot yet: what the engine is busy with. */
static void draw_waiting(const struct panel *p, struct canvas *c) {
    const struct history *h = p->history;
    const char *what = h->state == RUN_ENDED ? "the run ended before its first step"
                       : h->progress_what[0] ? h->progress_what
                       : h->has_run          ? "the first step is on its way"
                                             : "waiting for the engine";
    int w = c->clip.w, y = c->clip.h / 2;
    int columns = (int)strlen(what);
    canvas_field(c, columns < w ? (w - columns) / 2 : 0, y > 0 ? y - 1 : 0, w, false, STYLE_DIM,
                 what, strlen(what));
    if (!isfinite(h->progress) || h->state == RUN_ENDED || w < 20) return;
    int bar = w / 2, done = (int)(fmin(fmax(h->progress, 0), 1) * bar);
    for (int i = 0; i < bar; i++)
        canvas_put(c, w / 4 + i, y, i < done ? '#' : '.', i < done ? STYLE_BAR : STYLE_DIM);
    canvas_printf(c, w / 4 + bar + 1, y, STYLE_NORMAL, "%3.0f%%",
                  fmin(fmax(h->progress, 0), 1) * 100);
}

static void draw_curves(const struct panel *p, struct canvas *c, double x0, double x1) {
    const struct loss_view *v = &self_const(p)->view;
    struct rect area = {0, 0, c->clip.w, c->clip.h};
    struct sight sight = {v->unit, x0, x1, chart_plot(area).w,
                          c->glyphs == GLYPHS_BRAILLE ? 2 : 1};
    struct loss_points points;
    struct chart_mark marks[LOSS_MARKS_MAX];
    struct chart_range range = {x0, x1, 0, 1, v->log_y, false};
    if (!loss_points_make(&points, v, p->history, x0, x1, dot_columns(p))) return;
    if (loss_view_y(v, &points, x0, x1, &range.y0, &range.y1)) {
        int n = marks_in(p, &sight, marks);
        chart_draw(c, area, &range, points.series, points.n, marks, n);
    } else canvas_printf(c, 0, 0, STYLE_ERROR, "no finite loss in sight");
    loss_points_free(&points);
}

static void loss_draw(const struct panel *p, struct canvas *c) {
    const struct loss_panel *lp = self_const(p);
    char right[80];
    title_right(p, right, sizeof right);
    struct rect whole = panel_frame(p, c, 1, right);
    if (p->history->train.n == 0) {
        draw_waiting(p, c);
        canvas_clip(c, whole);
        return;
    }
    double x0, x1;
    loss_view_x(&lp->view, p->history, &x0, &x1);
    draw_curves(p, c, x0, x1);
    canvas_clip(c, whole);
    draw_legend(p, c, column_width(p, x0, x1));
}

/* ---- keys */

static double middle_or_cursor(const struct loss_panel *lp) {
    double x0, x1;
    loss_view_x(&lp->view, lp->base.history, &x0, &x1);
    if (lp->view.cursor_on) return lp->view.cursor;
    return lp->view.follow ? x1 : (x0 + x1) / 2;
}

static void move_cursor(struct loss_panel *lp, enum action action) {
    struct loss_view *v = &lp->view;
    double x0, x1, now[UNIT_COUNT];
    loss_view_x(v, lp->base.history, &x0, &x1);
    history_now(lp->base.history, now);
    double end = fmin(x1, now[v->unit]), column = column_width(&lp->base, x0, x1);
    if (action == ACTION_TOP) v->cursor = x0;
    else if (action == ACTION_BOTTOM || !v->cursor_on) v->cursor = end;
    else v->cursor += action == ACTION_LEFT ? -column : column;
    v->cursor = fmin(fmax(v->cursor, x0), end);
    v->cursor_on = true;
}

/* At the cursor, else at the newest step. */
static void toggle_mark(struct loss_panel *lp) {
    const struct loss_view *v = &lp->view;
    double x0, x1, now[UNIT_COUNT];
    loss_view_x(v, lp->base.history, &x0, &x1);
    history_now(lp->base.history, now);
    own_marks_toggle(&lp->own, lp->base.history, v->unit,
                     v->cursor_on ? v->cursor : now[v->unit],
                     v->cursor_on ? column_width(&lp->base, x0, x1) / 2 : 0);
}

/* The cursor to the next mark: without one, to the first in sight. */
static void jump(struct loss_panel *lp) {
    struct loss_view *v = &lp->view;
    double x0, x1, at;
    loss_view_x(v, lp->base.history, &x0, &x1);
    double from = v->cursor_on ? v->cursor : nextafter(x0, -HUGE_VAL);
    if (!loss_marks_next(&lp->own, lp->base.history, v->unit, from, &at)) return;
    v->cursor = at;
    v->cursor_on = true;
    if (loss_view_show(v, lp->base.history, at)) hold(lp);
}

static bool loss_act(struct panel *p, enum action action, struct outbox *out) {
    struct loss_panel *lp = self(p);
    struct loss_view *v = &lp->view;
    (void)out;
    switch (action) {
    case ACTION_LOG_Y:
        v->log_y = !v->log_y;
        break;
    case ACTION_SMOOTHING:
        v->smoothing = (v->smoothing + 1) % SMOOTHINGS;
        break;
    case ACTION_X_UNIT:
        loss_view_unit(v, p->history);
        break;
    case ACTION_FOLLOW:
        loss_view_follow(v, p->history);
        break;
    case ACTION_ZOOM_IN:
        loss_view_zoom(v, p->history, 0.5, middle_or_cursor(lp));
        break;
    case ACTION_ZOOM_OUT:
        loss_view_zoom(v, p->history, 2, middle_or_cursor(lp));
        break;
    case ACTION_ZOOM_RESET:
        loss_view_reset(v);
        break;
    case ACTION_PAN_LEFT:
        loss_view_pan(v, p->history, -0.25);
        break;
    case ACTION_PAN_RIGHT:
        loss_view_pan(v, p->history, 0.25);
        break;
    case ACTION_LEFT:
    case ACTION_RIGHT:
    case ACTION_TOP:
    case ACTION_BOTTOM:
        move_cursor(lp, action);
        return true;
    case ACTION_MARK:
        toggle_mark(lp);
        return true;
    case ACTION_MARK_NEXT:
        jump(lp);
        return true;
    case ACTION_BACK:
        if (!v->cursor_on) return false;
        v->cursor_on = false;
        return true;
    default:
        return false;
    }
    hold(lp);
    return true;
}

static void loss_mouse(struct panel *p, const struct term_mouse *m, int x, int y,
                       struct outbox *out) {
    struct loss_panel *lp = self(p);
    struct rect plot = plot_of(p);
    double x0, x1;
    (void)y;
    (void)out;
    if (p->history->train.n == 0 || x < plot.x || x >= plot.x + plot.w) return;
    loss_view_x(&lp->view, p->history, &x0, &x1);
    double at = x0 + (x - plot.x + 0.5) / plot.w * (x1 - x0);
    if (m->wheel_up || m->wheel_down) {
        loss_view_zoom(&lp->view, p->history, m->wheel_up ? 0.8 : 1.25, at);
        hold(lp);
    } else {
        lp->view.cursor = at;
        lp->view.cursor_on = true;
    }
}

static void loss_destroy(struct panel *p) { free(p); }

static const struct panel_ops loss_ops = {.title = "Loss",
                                          .draw = loss_draw,
                                          .act = loss_act,
                                          .mouse = loss_mouse,
                                          .destroy = loss_destroy};

struct panel *panel_loss_create(const struct history *h, struct wishes *w) {
    struct loss_panel *lp = calloc(1, sizeof *lp);
    if (!lp) return NULL;
    lp->base = (struct panel){.ops = &loss_ops, .history = h, .wishes = w};
    lp->view.smoothing = SMOOTHING_USUAL;
    return &lp->base;
}

void panel_loss_overlay(struct panel *p, const struct overlays *o) {
    self(p)->view.overlays = o;
}

/* The axis of another unit keeps its place in the run. */
void panel_loss_take(struct panel *p, const struct prefs *prefs) {
    struct loss_panel *lp = self(p);
    struct loss_view *v = &lp->view;
    v->smoothing = prefs->at[PREF_SMOOTHING];
    v->log_y = prefs->at[PREF_LOG_Y];
    while (v->unit != (enum series_unit)prefs->at[PREF_X_UNIT])
        loss_view_unit(v, lp->base.history);
    hold(lp);
}

void panel_loss_tell(const struct panel *p, struct prefs *prefs) {
    const struct loss_view *v = &self_const(p)->view;
    prefs->at[PREF_SMOOTHING] = v->smoothing;
    prefs->at[PREF_LOG_Y] = v->log_y;
    prefs->at[PREF_X_UNIT] = (int)v->unit;
}

const double *panel_loss_own_marks(const struct panel *p, int *n) {
    const struct own_marks *own = &self_const(p)->own;
    *n = own->n;
    return own->steps;
}
