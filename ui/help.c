#include "ui/help.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/command.h"
#include "ui/command_line.h"
#include "ui/find.h"
#include "ui/keys.h"
#include "ui/wrap.h"

enum { LABEL_W = 12, COMMAND_W = 14, TWO_COLUMNS_W = 100, FRAME = 2, ENTRIES_MAX = 256 };

static const char *const legend[] = {
    "",
    "On the curve: : stage, F frozen, T thawed, L rate, c checkpoint, ! problem.",
    "m is your own mark: it lasts as long as this screen, and only you see it.",
    "1 2 3 are other runs, a b c their evaluations: x counts from each run's start.",
    "The dashed line is the base model's loss on the same text.",
    "Layers: > asked for, no fact yet; == bytes compared: they are the base's.",
    "Compare: [word] is not in the base's text; _ is a token that cannot be seen.",
    "A token's gain over the base, from worst to best: = - . : * # @ (or blocks).",
    "",
    "Commands, behind : or thaw send:",
};
enum { LEGEND_LINES = sizeof legend / sizeof legend[0] };

/* A key, a command, or a sentence, and its place on the page. */
struct entry {
    const char *label, *text; /* label "": a sentence */
    enum style label_style, style;
    int x, y, label_w; /* label_w: columns from x to the text */
    int w, rows;       /* of the text */
};

/* All of the help, for one width. */
struct page {
    struct entry entries[ENTRIES_MAX];
    int n, w, rows;
};

/* ---- the page */

static int text_rows(const char *text, int w) {
    return wrap_rows(text, strlen(text), w > 0 ? w : 1);
}

static struct entry *add(struct page *p, int x, int y, int label_w, const char *label,
                         const char *text) {
    assert(p->n < ENTRIES_MAX);
    struct entry *e = &p->entries[p->n++];
    int w = p->w - x - label_w - 1;
    *e = (struct entry){.label = label,
                        .text = text,
                        .label_style = STYLE_KEY,
                        .x = x,
                        .y = y,
                        .label_w = label_w,
                        .w = w > 0 ? w : 0};
    e->rows = text_rows(text, w);
    return e;
}

/* In one or two columns: the second begins where half of the rows are behind it. */
static void add_keys(struct page *p, bool watching) {
    int columns = p->w + FRAME >= TWO_COLUMNS_W ? 2 : 1, w = (p->w - 2) / columns;
    int text_w = w - 1 - LABEL_W, all = 0, x = 1, y = 0;
    for (int i = 0; i < n_key_bindings; i++) all += text_rows(key_bindings[i].help, text_w);
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        struct entry *e = add(p, x, y, LABEL_W, b->label, b->help);
        e->w = text_w;
        e->rows = text_rows(b->help, text_w);
        if (watching && b->changes_run) e->label_style = e->style = STYLE_DIM;
        y += e->rows;
        p->rows = y > p->rows ? y : p->rows;
        if (columns == 2 && x == 1 && 2 * y >= all) x += w, y = 0;
    }
}

static void add_sentence(struct page *p, const char *text) {
    struct entry *e = add(p, 1, p->rows, 0, "", text);
    e->style = STYLE_DIM;
    p->rows += e->rows;
}

static void add_command(struct page *p, const char *word, const char *help, bool dim) {
    struct entry *e = add(p, 1, p->rows, COMMAND_W, word, help);
    if (dim) e->label_style = STYLE_DIM;
    p->rows += e->rows;
}

static void lay_out(struct page *p, int w, bool watching) {
    p->n = p->rows = 0;
    p->w = w;
    add_keys(p, watching);
    for (int i = 0; i < LEGEND_LINES; i++) add_sentence(p, legend[i]);
    for (int i = 0; i < COMMAND_COUNT; i++)
        add_command(p, command_infos[i].word, command_infos[i].help, watching);
    add_sentence(p, "Behind : only, since they are the screen's own:");
    for (int i = 0; i < COMMAND_LINE_OWN; i++)
        add_command(p, command_line_own[i].word, command_line_own[i].help, false);
}

static int scroll_max(const struct page *p, struct rect r) {
    int h = r.h - FRAME;
    return p->rows > h ? p->rows - h : 0;
}

int help_scroll_max(struct rect r) {
    struct page p;
    lay_out(&p, r.w - FRAME, false);
    return scroll_max(&p, r);
}

/* ---- finding */

static bool holds(const void *of, int64_t line, const char *text) {
    const struct entry *e = &((const struct page *)of)->entries[line];
    return find_in(e->label, text) || find_in(e->text, text);
}

/* The entry before the first of which something is in sight. */
static int64_t before_sight(const struct page *p, int scroll) {
    for (int i = 0; i < p->n; i++)
        if (p->entries[i].y + p->entries[i].rows > scroll) return i - 1;
    return -1;
}

void help_open(struct help_view *v) { *v = (struct help_view){.found = -1}; }

void help_find(struct help_view *v, struct rect r, int by) {
    struct page p;
    lay_out(&p, r.w - FRAME, false);
    const struct find_lines lines = {p.n, holds, &p};
    int64_t from = v->found >= 0 ? v->found : before_sight(&p, v->scroll);
    v->found = find_next(&lines, v->text, from, by);
    if (v->found < 0) return;
    const struct entry *e = &p.entries[v->found];
    int h = r.h - FRAME, most = scroll_max(&p, r);
    if (e->y < v->scroll || e->y + e->rows > v->scroll + h) v->scroll = e->y - h / 2;
    v->scroll = v->scroll < 0 ? 0 : v->scroll > most ? most : v->scroll;
}

/* ---- drawing */

/* y: of its first row in the clip, h: rows of the clip. */
static void draw_entry(struct canvas *c, const struct entry *e, int y, int h, bool found) {
    if (e->label[0] && y >= 0 && y < h)
        canvas_field(c, e->x, y, e->label_w - 1, false, e->label_style, e->label,
                     strlen(e->label));
    if (e->rows == 1 && y >= 0 && y < h)
        canvas_field(c, e->x + e->label_w, y, e->w, false, e->style, e->text, strlen(e->text));
    for (int row = 0; e->rows > 1 && row < e->rows; row++)
        if (y + row >= 0 && y + row < h)
            wrap_put(c, e->x + e->label_w, y + row, e->w, e->style, e->text, strlen(e->text),
                     row);
    if (found)
        canvas_restyle(c, (struct rect){e->x, y, e->label_w + e->w, e->rows}, STYLE_SELECTED);
}

static void draw_frame(struct canvas *c, struct rect r, const struct help_view *v, bool more) {
    char right[80];
    const char *text = v->text;
    bool wide = r.w >= 60;
    if (text[0] && !wide)
        snprintf(right, sizeof right, "%s",
                 v->found >= 0 ? "n N: more   Esc: back" : "nothing holds it");
    else if (text[0] && v->found >= 0)
        snprintf(right, sizeof right, "n N: more \"%.24s\"   Esc: back", text);
    else if (text[0])
        snprintf(right, sizeof right, "nothing holds \"%.24s\"   Esc: back", text);
    else
        snprintf(right, sizeof right, "%s%sEsc: back", more ? "j k PgDn: more   " : "",
                 wide ? "/: find   " : "");
    canvas_frame(c, (struct rect){0, 0, r.w, r.h}, false, "Help", right);
}

void help_draw(struct canvas *c, struct rect r, const struct help_view *v, bool watching) {
    struct page p;
    lay_out(&p, r.w - FRAME, watching);
    int most = scroll_max(&p, r), scroll = v->scroll < most ? v->scroll : most;
    struct rect old = canvas_clip(c, r);
    canvas_fill(c, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    draw_frame(c, r, v, scroll < most);
    canvas_clip(c, (struct rect){r.x + 1, r.y + 1, r.w - FRAME, r.h - FRAME});
    for (int i = 0; i < p.n; i++)
        draw_entry(c, &p.entries[i], p.entries[i].y - scroll, r.h - FRAME, i == v->found);
    canvas_clip(c, old);
}
