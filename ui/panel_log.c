/* panel_log.c - the run's events as sentences, newest at the bottom. A long one goes on below
 * itself, so the pane scrolls by rows, not by lines. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/find.h"
#include "ui/format.h"
#include "ui/panel.h"
#include "ui/wrap.h"

enum { STEP_FROM_W = 60 }; /* inner width from which the steps are told */

/* A row of the log: of a line (an index into the journal), the how-manieth. */
struct place {
    int64_t line;
    int row;
};

struct log_panel {
    struct panel base; /* first: see self() */
    /* The lowest row in sight: its line counted from the run's start (-1: the newest row). */
    int64_t last;
    int last_row;
    int64_t found; /* the line that was found last, counted likewise; -1: none */
};

static struct log_panel *self(struct panel *p) { return (struct log_panel *)p; }
static const struct log_panel *self_const(const struct panel *p) {
    return (const struct log_panel *)p;
}

static int height_of(const struct panel *p) { return p->area.h > 2 ? p->area.h - 2 : 0; }

/* ---- rows */

/* "  1:05 step 340    ": what stands in front of a sentence. */
static void prefix(const struct journal_line *line, int w, char out[48]) {
    char clock[FORMAT_MAX];
    format_duration(clock, line->t);
    if (w >= STEP_FROM_W) snprintf(out, 48, " %s step %-6" PRId64 " ", clock, line->step);
    else snprintf(out, 48, " %s ", clock);
}

/* The columns that a sentence has in a pane that is w wide inside. */
static int text_width_of(const struct journal_line *line, int w) {
    char front[48];
    prefix(line, w, front);
    int columns = w - (int)strlen(front);
    return columns > 0 ? columns : 1;
}

static int rows_of(const struct panel *p, int64_t line) {
    const struct journal_line *l = &p->history->journal.lines[line];
    return wrap_rows(l->text, strlen(l->text), text_width_of(l, p->area.w - 2));
}

/* `by` rows further, up when it is negative, not beyond either end of the log. */
static struct place moved(const struct panel *p, struct place at, int64_t by) {
    int64_t n = (int64_t)p->history->journal.n_lines;
    for (; by < 0 && (at.line > 0 || at.row > 0); by++) {
        if (at.row > 0) at.row--;
        else at = (struct place){at.line - 1, rows_of(p, at.line - 1) - 1};
    }
    for (int rows = by > 0 ? rows_of(p, at.line) : 0; by > 0; by--) {
        if (at.row + 1 < rows) at.row++;
        else if (at.line + 1 < n) {
            at = (struct place){at.line + 1, 0};
            rows = rows_of(p, at.line);
        } else break;
    }
    return at;
}

/* The log's last row. */
static struct place newest(const struct panel *p) {
    int64_t line = (int64_t)p->history->journal.n_lines - 1;
    return (struct place){line, rows_of(p, line) - 1};
}

static bool before(struct place a, struct place b) {
    return a.line < b.line || (a.line == b.line && a.row < b.row);
}

/* The lowest row in sight, so that the pane is full if the log has as many rows. */
static struct place lowest(const struct log_panel *lp) {
    const struct panel *p = &lp->base;
    const struct journal *j = &p->history->journal;
    struct place end = newest(p), at = end;
    if (lp->last >= 0) at = (struct place){lp->last - j->dropped, lp->last_row};
    if (at.line < 0) at = (struct place){0, 0};
    if (!before(at, end)) return end;
    int rows = rows_of(p, at.line); /* fewer when the pane has grown */
    if (at.row >= rows) at.row = rows - 1;
    struct place full = moved(p, (struct place){0, 0}, height_of(p) - 1);
    return before(at, full) ? full : at;
}

/* ---- drawing */

static void draw_row(const struct panel *p, struct canvas *c, int y, struct place at) {
    const struct journal_line *line = &p->history->journal.lines[at.line];
    char front[48];
    prefix(line, c->clip.w, front);
    int x = (int)strlen(front), columns = text_width_of(line, c->clip.w);
    if (at.row == 0) canvas_text(c, 0, y, STYLE_DIM, front, strlen(front));
    bool found = self_const(p)->found == at.line + p->history->journal.dropped;
    wrap_put(c, x, y, columns, found ? STYLE_SELECTED : line->style, line->text,
             strlen(line->text), at.row);
}

static void log_draw(const struct panel *p, struct canvas *c) {
    int64_t n = (int64_t)p->history->journal.n_lines;
    if (n == 0) {
        struct rect whole = panel_frame(p, c, 4, "");
        canvas_printf(c, 1, 0, STYLE_DIM, "nothing has happened yet");
        canvas_clip(c, whole);
        return;
    }
    struct place end = lowest(self_const(p)), at = moved(p, end, 1 - height_of(p));
    int64_t below = n - 1 - end.line + (end.row + 1 < rows_of(p, end.line));
    char right[48] = "";
    if (below > 0) snprintf(right, sizeof right, "%" PRId64 " newer below", below);
    struct rect whole = panel_frame(p, c, 4, right);
    for (int y = 0; y < height_of(p); y++) {
        draw_row(p, c, y, at);
        if (!before(at, end)) break;
        at = moved(p, at, 1);
    }
    canvas_clip(c, whole);
}

/* ---- keys */

static void stand_at(struct log_panel *lp, struct place at) {
    const struct journal *j = &lp->base.history->journal;
    lp->last = before(at, newest(&lp->base)) ? at.line + j->dropped : -1;
    lp->last_row = at.row;
}

static void scroll(struct log_panel *lp, int64_t by) {
    if (lp->base.history->journal.n_lines == 0) return;
    stand_at(lp, moved(&lp->base, lowest(lp), by));
}

static bool log_act(struct panel *p, enum action action, struct outbox *out) {
    struct log_panel *lp = self(p);
    int64_t page = height_of(p) > 1 ? height_of(p) - 1 : 1;
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
        if (p->history->journal.n_lines > 0) stand_at(lp, (struct place){0, 0});
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

static bool holds(const void *of, int64_t line, const char *text) {
    return find_in(((const struct journal *)of)->lines[line].text, text);
}

bool panel_log_find(struct panel *p, const char *text) {
    struct log_panel *lp = self(p);
    const struct journal *j = &p->history->journal;
    const struct find_lines lines = {(int64_t)j->n_lines, holds, j};
    if (j->n_lines == 0) return false;
    int64_t from = lp->found >= j->dropped ? lp->found - j->dropped : lowest(lp).line;
    int64_t line = find_next(&lines, text, from, 1);
    if (line < 0) return false;
    lp->found = line + j->dropped;
    stand_at(lp, (struct place){line, rows_of(p, line) - 1});
    return true;
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
    lp->last = lp->found = -1;
    return &lp->base;
}
