/* panel_log.c - the run's events as sentences, newest at the bottom. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"
#include "ui/panel.h"

struct log_panel {
    struct panel base; /* first: see self() */
    int64_t
        last; /* number of the lowest line in sight, counted from the run's start; -1: newest */
};

static struct log_panel *self(struct panel *p) { return (struct log_panel *)p; }
static const struct log_panel *self_const(const struct panel *p) {
    return (const struct log_panel *)p;
}

static int rows_of(const struct panel *p) { return p->area.h > 2 ? p->area.h - 2 : 0; }

/* One past the lowest line in sight, as an index. */
static int64_t end_of(const struct log_panel *lp) {
    const struct journal *j = &lp->base.history->journal;
    int64_t n = (int64_t)j->n_lines, rows = rows_of(&lp->base), end = n;
    if (lp->last >= 0) end = lp->last + 1 - j->dropped;
    if (end < rows) end = rows;
    return end > n ? n : end;
}

static void draw_line(struct canvas *c, int y, const struct journal_line *line) {
    char clock[FORMAT_MAX];
    int x = 1;
    format_duration(clock, line->t);
    x += canvas_printf(c, x, y, STYLE_DIM, "%s ", clock);
    if (c->clip.w >= 60)
        x += canvas_printf(c, x, y, STYLE_DIM, "step %-6" PRId64 " ", line->step);
    canvas_field(c, x, y, c->clip.w - x, false, line->style, line->text, strlen(line->text));
}

static void log_draw(const struct panel *p, struct canvas *c) {
    const struct journal *j = &p->history->journal;
    int64_t n = (int64_t)j->n_lines, end = end_of(self_const(p)), rows = rows_of(p);
    char right[48] = "";
    if (end < n) snprintf(right, sizeof right, "%" PRId64 " newer below", n - end);
    struct rect whole = panel_frame(p, c, 4, right);
    int64_t first = end > rows ? end - rows : 0;
    for (int64_t i = first; i < end; i++) draw_line(c, (int)(i - first), &j->lines[i]);
    if (n == 0) canvas_printf(c, 1, 0, STYLE_DIM, "nothing has happened yet");
    canvas_clip(c, whole);
}

static void scroll(struct log_panel *lp, int64_t by) {
    const struct journal *j = &lp->base.history->journal;
    int64_t n = (int64_t)j->n_lines, end = end_of(lp) + by, rows = rows_of(&lp->base);
    if (end < rows) end = rows;
    lp->last = end >= n ? -1 : end - 1 + j->dropped;
}

static bool log_act(struct panel *p, enum action action, struct outbox *out) {
    struct log_panel *lp = self(p);
    int64_t page = rows_of(p) > 1 ? rows_of(p) - 1 : 1;
    (void)out;
    switch (action) {
    case ACTION_UP:
        scroll(lp, -1);
        break;
    case ACTION_DOWN:
        scroll(lp, 1);
        break;
    case ACTION_PAGE_UP:
        scroll(lp, -page);
        break;
    case ACTION_PAGE_DOWN:
        scroll(lp, page);
        break;
    case ACTION_TOP:
        scroll(lp, -JOURNAL_LINES_MAX);
        break;
    case ACTION_BOTTOM:
        lp->last = -1;
        break;
    default:
        return false;
    }
    return true;
}

static void log_mouse(struct panel *p, const struct term_mouse *m, int x, int y,
                      struct outbox *out) {
    (void)x;
    (void)y;
    (void)out;
    if (m->wheel_up || m->wheel_down) scroll(self(p), m->wheel_up ? -3 : 3);
}

static void log_destroy(struct panel *p) { free(p); }

static const struct panel_ops log_ops = {.title = "Log",
                                         .draw = log_draw,
                                         .act = log_act,
                                         .mouse = log_mouse,
                                         .destroy = log_destroy};

struct panel *panel_log_create(const struct history *h, struct wishes *w) {
    struct log_panel *lp = calloc(1, sizeof *lp);
    if (!lp) return NULL;
    lp->base = (struct panel){.ops = &log_ops, .history = h, .wishes = w};
    lp->last = -1;
    return &lp->base;
}
