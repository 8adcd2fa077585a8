#include "ui/help.h"

#include <stdio.h>
#include <string.h>

#include "engine/run/command.h"
#include "ui/command_line.h"
#include "ui/keys.h"
#include "ui/wrap.h"

enum { LABEL_W = 12, COMMAND_W = 14, TWO_COLUMNS_W = 100, FRAME = 2 };

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

/* A place that moves down the overlay's text: drawn where it is in sight, counted anyway. */
struct scroll {
    struct canvas *c; /* NULL: only counted */
    int w, h;         /* of the inside */
    int y;            /* of the next row; negative above the first in sight */
};

static int columns_in(int w) { return w + FRAME >= TWO_COLUMNS_W ? 2 : 1; }

/* A text from column x on, over as many rows as it needs, and the rows it needed. */
static int put_text(const struct scroll *s, int x, enum style style, const char *text) {
    int w = s->w - x - 1, rows = wrap_rows(text, strlen(text), w > 0 ? w : 1);
    for (int row = 0; s->c && w > 0 && row < rows; row++)
        if (s->y + row >= 0 && s->y + row < s->h)
            wrap_put(s->c, x, s->y + row, w, style, text, strlen(text), row);
    return rows;
}

static void put_key(const struct scroll *s, int x, int w, const struct key_binding *b,
                    bool watching) {
    bool dim = watching && b->changes_run;
    if (!s->c || s->y < 0 || s->y >= s->h) return;
    canvas_field(s->c, x, s->y, LABEL_W - 1, false, dim ? STYLE_DIM : STYLE_KEY, b->label,
                 strlen(b->label));
    canvas_field(s->c, x + LABEL_W, s->y, w - LABEL_W, false, dim ? STYLE_DIM : STYLE_NORMAL,
                 b->help, strlen(b->help));
}

static void put_keys(struct scroll *s, bool watching) {
    int columns = columns_in(s->w), lines = (n_key_bindings + columns - 1) / columns;
    int w = (s->w - 2) / columns;
    for (int line = 0; line < lines; line++, s->y++)
        for (int i = line, x = 1; i < n_key_bindings; i += lines, x += w)
            put_key(s, x, w - 1, &key_bindings[i], watching);
}

static void put_command(struct scroll *s, const char *word, const char *help, bool dim) {
    if (s->c && s->y >= 0 && s->y < s->h)
        canvas_printf(s->c, 1, s->y, dim ? STYLE_DIM : STYLE_KEY, "%s", word);
    s->y += put_text(s, 1 + COMMAND_W, STYLE_NORMAL, help);
}

static void put_commands(struct scroll *s, bool watching) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        put_command(s, command_infos[i].word, command_infos[i].help, watching);
    s->y += put_text(s, 1, STYLE_DIM, "Behind : only, since they are the screen's own:");
    for (int i = 0; i < COMMAND_LINE_OWN; i++)
        put_command(s, command_line_own[i].word, command_line_own[i].help, false);
}

static void put_all(struct scroll *s, bool watching) {
    put_keys(s, watching);
    for (int i = 0; i < LEGEND_LINES; i++) s->y += put_text(s, 1, STYLE_DIM, legend[i]);
    put_commands(s, watching);
}

int help_scroll_max(struct rect r) {
    struct scroll s = {.w = r.w - FRAME, .h = r.h - FRAME};
    put_all(&s, false);
    return s.y > s.h ? s.y - s.h : 0;
}

void help_draw(struct canvas *c, struct rect r, int scroll, bool watching) {
    int most = help_scroll_max(r);
    if (scroll > most) scroll = most;
    struct rect old = canvas_clip(c, r);
    canvas_fill(c, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    canvas_frame(c, (struct rect){0, 0, r.w, r.h}, false, "Help",
                 scroll < most ? "j k PgDn: more   Esc: back" : "Esc: back");
    canvas_clip(c, (struct rect){r.x + 1, r.y + 1, r.w - FRAME, r.h - FRAME});
    struct scroll s = {.c = c, .w = r.w - FRAME, .h = r.h - FRAME, .y = -scroll};
    put_all(&s, watching);
    canvas_clip(c, old);
}
