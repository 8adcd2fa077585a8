/* panel_layers.c - what learns and what is frozen, how strongly, how far from the base. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"
#include "ui/panel.h"

enum {
    WIDE_W = 44,
    RATES_W = 48,
    WEIGHTS_W = 60
}; /* inner widths from which more columns are shown */

struct layers_panel {
    struct panel base;           /* first: see self() */
    int selected;                /* group */
    int range;                   /* group that a range begins or ends at; -1: there is none */
    bool opened[HISTORY_GROUPS]; /* blocks, by Enter */
};

static struct layers_panel *self(struct panel *p) { return (struct layers_panel *)p; }
static const struct layers_panel *self_const(const struct panel *p) {
    return (const struct layers_panel *)p;
}

/* ---- rows */

/* On a wide pane the selected block shows its parts by itself; all do where all have room. */
static bool is_open(const struct layers_panel *lp, int block) {
    const struct history *h = lp->base.history;
    if (h->groups[block].n_parts == 0) return false;
    bool inside = lp->selected == block ||
                  (lp->selected < h->n_groups && h->groups[lp->selected].parent == block);
    bool wide = lp->base.area.w - 2 >= WIDE_W, room = h->n_groups < lp->base.area.h - 3;
    return lp->opened[block] || (wide && (inside || room));
}

/* The groups that have a row, top to bottom. */
static int rows_of(const struct layers_panel *lp, int rows[HISTORY_GROUPS]) {
    const struct history *h = lp->base.history;
    int n = 0;
    for (int g = 0; g < h->n_groups; g++)
        if (h->groups[g].parent < 0 || is_open(lp, h->groups[g].parent)) rows[n++] = g;
    return n;
}

static int row_of_selected(const struct layers_panel *lp, const int *rows, int n) {
    for (int i = 0; i < n; i++)
        if (rows[i] == lp->selected) return i;
    return 0;
}

/* ---- the range: from where V was pressed to the selected group */

static bool has_range(const struct layers_panel *lp) {
    return lp->range >= 0 && lp->range < lp->base.history->n_groups;
}

static bool is_between(const struct layers_panel *lp, int g) {
    int a = lp->range, b = lp->selected;
    return a < b ? a <= g && g <= b : b <= g && g <= a;
}

/* A block in the range is in it with all its parts. */
static bool in_range(const struct layers_panel *lp, int g) {
    int parent = lp->base.history->groups[g].parent;
    return has_range(lp) && (is_between(lp, g) || (parent >= 0 && is_between(lp, parent)));
}

/* What Space is about: the range, or the selected group. */
static struct group_set chosen(const struct layers_panel *lp) {
    const struct history *h = lp->base.history;
    struct group_set set = {{0}};
    for (int g = 0; g < h->n_groups; g++)
        if (g == lp->selected || in_range(lp, g)) group_set_add(&set, h, g);
    return set;
}

/* Whether Space freezes: something of what it is about is neither frozen nor going to be. */
static bool will_freeze(const struct layers_panel *lp) {
    const struct history *h = lp->base.history;
    for (int g = 0; g < h->n_groups; g++) {
        enum group_state state;
        if (g != lp->selected && !in_range(lp, g)) continue;
        if (!wishes_queued(lp->base.wishes, h, g, &state)) state = history_group_state(h, g);
        if (state != GROUP_FROZEN) return true;
    }
    return false;
}

/* What of the pane the list has: a header above it, a forecast below when there is room. */
struct list {
    int rows[HISTORY_GROUPS];
    int n, first, shown; /* rows[first .. first + shown) are in sight */
    bool forecast;
};

static void list_make(const struct layers_panel *lp, struct list *l) {
    int height = lp->base.area.h - 3; /* frame and header */
    l->n = rows_of(lp, l->rows);
    l->forecast = l->n < height;
    l->shown = l->n < height ? l->n : height > 0 ? height : 0;
    l->first = row_of_selected(lp, l->rows, l->n) - l->shown / 2;
    if (l->first > l->n - l->shown) l->first = l->n - l->shown;
    if (l->first < 0) l->first = 0;
}

/* ---- columns */

struct columns {
    int name, name_w, state, norm, update, distance, weights, bar, end;
    int rate; /* -1, as others: not shown */
};

/* rates: some group learns at a rate of its own, which is told in the place of the weights, or
 * from where there is room for it. */
static struct columns columns_for(int w, bool rates) {
    if (w < WIDE_W) return (struct columns){1, 8, 10, 18, -1, 24, -1, 30, w, -1};
    if (rates && w >= WEIGHTS_W)
        return (struct columns){1, 13, 15, 24, 30, 36, -1, 54, w - 1, 46};
    if (rates && w >= RATES_W)
        return (struct columns){1, 12, 14, 28, 34, 40, -1, 46, w - 1, 22};
    if (w < WEIGHTS_W) return (struct columns){1, 12, 14, 22, 28, 34, -1, 40, w - 1, -1};
    return (struct columns){1, 13, 15, 24, 30, 36, 46, 54, w - 1, -1};
}

static bool has_rates(const struct history *h) {
    for (int g = 0; g < h->n_groups; g++)
        if (h->groups[g].lr_scale != 0) return true;
    return false;
}

static void draw_header(struct canvas *c, const struct columns *k) {
    canvas_printf(c, k->name + 1, 0, STYLE_DIM, "layer");
    canvas_printf(c, k->state + 1, 0, STYLE_DIM, "state");
    canvas_printf(c, k->norm, 0, STYLE_DIM, " |g|");
    if (k->update >= 0) canvas_printf(c, k->update, 0, STYLE_DIM, "dW/W");
    canvas_printf(c, k->distance - 1, 0, STYLE_DIM, "from base");
    if (k->weights >= 0) canvas_printf(c, k->weights, 0, STYLE_DIM, "weights");
    if (k->rate >= 0) canvas_printf(c, k->rate, 0, STYLE_DIM, "lr");
}

/* "x0.41", or "parts" that differ; nothing where it is the base rate. */
static void draw_rate(struct canvas *c, int x, int y, double scale) {
    char text[FORMAT_MAX];
    if (scale == 0) return;
    format_small(text, scale);
    if (!isfinite(scale)) canvas_printf(c, x, y, STYLE_DIM, "parts");
    else if (scale < 0.01) canvas_printf(c, x, y, STYLE_NORMAL, "x%s", text);
    else canvas_printf(c, x, y, STYLE_NORMAL, scale < 9.995 ? "x%.2f" : "x%.0f", scale);
}

/* The gradient's norm; of a group that will be thawed as planned, the step from which on. */
static void draw_norm(const struct history_group *g, bool frozen, struct canvas *c, int x,
                      int y) {
    char text[FORMAT_MAX];
    if (frozen && g->thaws_at > 0) {
        format_count(text, (double)g->thaws_at);
        canvas_printf(c, x, y, STYLE_LEARN, "@%s", text);
        return;
    }
    format_small(text, frozen ? (double)NAN : g->grad_norm);
    canvas_text(c, x, y, STYLE_NORMAL, text, strlen(text));
}

/* "block.2.attn" stands as ".attn" under its block. */
static void draw_name(const struct history *h, struct canvas *c, const struct columns *k, int y,
                      int g, bool open) {
    const char *name = h->groups[g].name;
    if (h->groups[g].parent >= 0) {
        const char *part = strrchr(name, '.');
        canvas_field(c, k->name + 2, y, k->name_w - 2, false, STYLE_NORMAL, part, strlen(part));
        return;
    }
    int used = canvas_field(c, k->name, y, k->name_w, false, STYLE_NORMAL, name, strlen(name));
    if (h->groups[g].n_parts > 0 && used + 1 < k->name_w)
        canvas_put(c, k->name + used, y, open ? '-' : '+', STYLE_DIM);
}

static void draw_state(const struct panel *p, struct canvas *c, const struct columns *k, int y,
                       int g) {
    static const char *const words[] = {[GROUP_UNKNOWN] = "-",
                                        [GROUP_LEARNS] = "learn",
                                        [GROUP_PARTLY] = "part",
                                        [GROUP_FROZEN] = "frozen"};
    enum group_state then;
    if (wishes_queued(p->wishes, p->history, g, &then)) {
        canvas_printf(c, k->state, y, STYLE_WARNING, ">%s", words[then]);
        return;
    }
    enum group_state state = history_group_state(p->history, g);
    enum style style = state == GROUP_FROZEN ? STYLE_FROZEN : STYLE_LEARN;
    canvas_printf(c, k->state, y, state == GROUP_UNKNOWN ? STYLE_DIM : style, "%s",
                  words[state]);
}

/* Whether the bytes of a whole group were compared with the base's. */
static bool proven(const struct history *h, int g) {
    if (h->groups[g].proven) return true;
    int n = 0;
    for (int i = g + 1; i < h->n_groups; i++)
        n += h->groups[i].parent == g && h->groups[i].proven;
    return n > 0 && n == h->groups[g].n_parts;
}

static void draw_distance(const struct panel *p, struct canvas *c, const struct columns *k,
                          int y, int g, double most) {
    const struct history *h = p->history;
    char text[FORMAT_MAX];
    format_distance(text, h->groups[g].from_base);
    canvas_text(c, k->distance, y, STYLE_NORMAL, text, strlen(text));
    bool lock = history_group_state(h, g) == GROUP_FROZEN && proven(h, g);
    if (lock) { /* its bytes were compared: they are the base's */
        const char *word = k->end - k->bar >= 10 ? "same bytes" : "==";
        canvas_field(c, k->bar, y, k->end - k->bar, false, STYLE_FROZEN, word, strlen(word));
    } else panel_bar(c, k->bar, y, k->end - k->bar, h->groups[g].from_base / most);
}

static void draw_row(const struct panel *p, struct canvas *c, const struct columns *k, int y,
                     int g, double most) {
    const struct history *h = p->history;
    const struct history_group *group = &h->groups[g];
    const struct layers_panel *lp = self_const(p);
    bool frozen = history_group_state(h, g) == GROUP_FROZEN;
    char text[FORMAT_MAX];
    char mark = g == lp->selected ? '>' : in_range(lp, g) ? '*' : ' ';
    canvas_put(c, 0, y, (uint32_t)mark, STYLE_KEY);
    draw_name(h, c, k, y, g, is_open(lp, g));
    draw_state(p, c, k, y, g);
    draw_norm(group, frozen, c, k->norm, y);
    if (k->rate >= 0) draw_rate(c, k->rate, y, group->lr_scale);
    format_small(text, frozen ? (double)NAN : group->update);
    if (k->update >= 0) canvas_text(c, k->update, y, STYLE_NORMAL, text, strlen(text));
    draw_distance(p, c, k, y, g, most);
    format_count(text, (double)group->parameters);
    if (k->weights >= 0) canvas_printf(c, k->weights, y, STYLE_DIM, "%6s", text);
    if (p->focus && mark != ' ')
        canvas_restyle(c, (struct rect){0, y, c->clip.w, 1}, STYLE_SELECTED);
}

/* ---- the forecast */

static void forecast(const struct layers_panel *lp, char *out, size_t size) {
    const struct history *h = lp->base.history;
    char now[FORMAT_MAX], then[FORMAT_MAX];
    enum group_state then_state;
    out[0] = '\0';
    if (lp->selected >= h->n_groups || has_range(lp)) return; /* it is told of one group */
    const struct history_group *g = &h->groups[lp->selected];
    const struct history_freeze *f = &h->freeze;
    format_seconds(now, h->step_s);
    if (wishes_queued(lp->base.wishes, h, lp->selected, &then_state)) {
        snprintf(out, size, "%s is queued", then_state == GROUP_LEARNS ? "thaw" : "freeze");
    } else if (f->count > 0 && strcmp(f->group, g->name) == 0 && isfinite(f->predicted_s)) {
        format_seconds(then, f->predicted_s);
        format_seconds(now, f->measured_s);
        if (isfinite(f->measured_s)) snprintf(out, size, "step %s, predicted %s", now, then);
        else snprintf(out, size, "step -> %s, measuring", then);
    } else if (isfinite(g->predicted_s) && isfinite(h->step_s)) {
        format_seconds(then, g->predicted_s);
        bool is_frozen = history_group_state(h, lp->selected) == GROUP_FROZEN;
        snprintf(out, size, "step %s -> %s if %s", now, then, is_frozen ? "thawed" : "frozen");
    } else if (isfinite(h->step_s)) snprintf(out, size, "step %s", now);
}

static void layers_draw(const struct panel *p, struct canvas *c) {
    const struct layers_panel *lp = self_const(p);
    const struct history *h = p->history;
    int learning, roots = history_roots(h, &learning);
    char right[32] = "", text[80];
    if (roots > 0 && h->groups[0].known)
        snprintf(right, sizeof right, "%d/%d learn", learning, roots);
    struct rect whole = panel_frame(p, c, 2, right);
    struct columns k = columns_for(c->clip.w, has_rates(h));
    struct list l;
    double most = 0;
    list_make(lp, &l);
    for (int g = 0; g < h->n_groups; g++)
        if (h->groups[g].from_base > most) most = h->groups[g].from_base;
    draw_header(c, &k);
    for (int i = 0; i < l.shown; i++) draw_row(p, c, &k, i + 1, l.rows[l.first + i], most);
    if (l.n == 0) canvas_printf(c, 1, 2, STYLE_DIM, "no layers told yet");
    forecast(lp, text, sizeof text);
    if (l.forecast) canvas_text(c, 1, l.shown + 1, STYLE_DIM, text, strlen(text));
    canvas_clip(c, whole);
    char footer[128];
    bool here = !l.forecast && text[0]; /* the forecast has no row of its own */
    if (has_range(lp))
        snprintf(footer, sizeof footer, " space %s the range  Esc ",
                 will_freeze(lp) ? "freezes" : "thaws");
    else snprintf(footer, sizeof footer, " %s ", here ? text : "space freeze  u undo  F all");
    if (l.n > 0 && (here || !p->watching)) panel_footer(p, c, 1, STYLE_DIM, footer);
}

/* ---- keys */

/* The range ends when it was asked for. */
static void toggle(struct panel *p, struct outbox *out) {
    struct layers_panel *lp = self(p);
    if (lp->selected >= p->history->n_groups) return;
    struct group_set set = chosen(lp);
    if (wishes_freeze(p->wishes, p->history, out, &set, will_freeze(lp))) lp->range = -1;
}

/* All groups up to `last`, which may be a part. */
static void freeze_many(struct panel *p, int last, bool frozen, struct outbox *out) {
    const struct history *h = p->history;
    struct group_set set = {{0}};
    for (int g = 0; g < h->n_groups && g <= last; g++)
        if (h->groups[g].n_parts == 0 || g == last) group_set_add(&set, h, g);
    wishes_freeze(p->wishes, h, out, &set, frozen);
}

/* The selection steps into the parts of blocks that were opened, not of one that is only shown.
 */
static void move(struct layers_panel *lp, int by) {
    const struct history *h = lp->base.history;
    int rows[HISTORY_GROUPS], n = 0, at = 0;
    for (int g = 0; g < h->n_groups; g++) {
        int parent = h->groups[g].parent;
        if (parent >= 0 && !lp->opened[parent] && g != lp->selected) continue;
        if (g == lp->selected) at = n;
        rows[n++] = g;
    }
    int to = at + by;
    if (n > 0) lp->selected = rows[to < 0 ? 0 : to >= n ? n - 1 : to];
}

static void open_or_close(struct layers_panel *lp) {
    const struct history *h = lp->base.history;
    int block =
        h->groups[lp->selected].parent >= 0 ? h->groups[lp->selected].parent : lp->selected;
    lp->opened[block] = !lp->opened[block];
    if (!lp->opened[block]) lp->selected = block;
}

static bool layers_act(struct panel *p, enum action action, struct outbox *out) {
    struct layers_panel *lp = self(p);
    const struct history *h = p->history;
    int page = p->area.h - 4 > 1 ? p->area.h - 4 : 1;
    if (lp->selected >= h->n_groups) lp->selected = 0;
    switch (action) {
    case ACTION_UP:
        move(lp, -1);
        break;
    case ACTION_DOWN:
        move(lp, 1);
        break;
    case ACTION_PAGE_UP:
        move(lp, -page);
        break;
    case ACTION_PAGE_DOWN:
        move(lp, page);
        break;
    case ACTION_TOP:
        move(lp, -HISTORY_GROUPS);
        break;
    case ACTION_BOTTOM:
        move(lp, HISTORY_GROUPS);
        break;
    case ACTION_ENTER: /* a group without parts: the app's full screen */
        if (h->n_groups == 0) return false;
        if (h->groups[lp->selected].parent < 0 && h->groups[lp->selected].n_parts == 0)
            return false;
        open_or_close(lp);
        break;
    case ACTION_TOGGLE:
        toggle(p, out);
        break;
    case ACTION_RANGE:
        lp->range = has_range(lp) || h->n_groups == 0 ? -1 : lp->selected;
        break;
    case ACTION_BACK:
        if (!has_range(lp)) return false;
        lp->range = -1;
        break;
    case ACTION_FREEZE_ALL:
        freeze_many(p, h->n_groups - 1, true, out);
        break;
    case ACTION_THAW_ALL:
        freeze_many(p, h->n_groups - 1, false, out);
        break;
    case ACTION_FREEZE_BELOW:
        freeze_many(p, lp->selected, true, out);
        break;
    case ACTION_UNDO:
        wishes_undo(p->wishes, h, out);
        break;
    case ACTION_REDO:
        wishes_redo(p->wishes, h, out);
        break;
    default:
        return false;
    }
    return true;
}

static void layers_mouse(struct panel *p, const struct term_mouse *m, int x, int y,
                         struct outbox *out) {
    struct layers_panel *lp = self(p);
    struct list l;
    struct columns k = columns_for(p->area.w - 2, has_rates(p->history));
    if (m->wheel_up || m->wheel_down) {
        move(lp, m->wheel_up ? -1 : 1);
        return;
    }
    list_make(lp, &l);
    int row = y - 2; /* frame and header */
    if (row < 0 || row >= l.shown) return;
    lp->selected = l.rows[l.first + row];
    if (x - 1 >= k.state && x - 1 < k.norm && !p->watching) toggle(p, out);
}

static void layers_destroy(struct panel *p) { free(p); }

static const struct panel_ops layers_ops = {.title = "Layers",
                                            .draw = layers_draw,
                                            .act = layers_act,
                                            .mouse = layers_mouse,
                                            .destroy = layers_destroy};

struct panel *panel_layers_create(const struct history *h, struct wishes *w) {
    struct layers_panel *lp = calloc(1, sizeof *lp);
    if (!lp) return NULL;
    lp->base = (struct panel){.ops = &layers_ops, .history = h, .wishes = w};
    lp->range = -1;
    return &lp->base;
}
