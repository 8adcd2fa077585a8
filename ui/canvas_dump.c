#include "engine/core/text.h"
#include "ui/canvas.h"
#include "ui/theme.h"

static void add_char(struct buf *out, uint32_t ch) {
    char bytes[4];
    buf_add(out, bytes, text_encode(ch, bytes));
}

static void add_cell(struct buf *out, const struct cell *cell) {
    if (cell->ch == 0) return; /* its left half has been written */
    add_char(out, cell->ch);
    for (int i = 0; i < 2 && cell->mark[i]; i++) add_char(out, cell->mark[i]);
}

/* SGR from scratch: 0 first, so that nothing is left over from the style before. */
static void add_style(struct buf *out, enum style style) {
    struct look look = theme_look(style, 256, false);
    buf_str(out, "\033[0");
    if (look.bold) buf_str(out, ";1");
    if (look.dim) buf_str(out, ";2");
    if (look.underline) buf_str(out, ";4");
    if (look.reverse) buf_str(out, ";7");
    if (look.fg != THEME_DEFAULT) buf_printf(out, ";38;5;%d", look.fg);
    if (look.bg != THEME_DEFAULT) buf_printf(out, ";48;5;%d", look.bg);
    buf_str(out, "m");
}

/* Whether a blank in this style can be told from an empty cell. */
static bool shows_blank(enum style style) {
    struct look look = theme_look(style, 256, false);
    return look.reverse || look.underline || look.bg != THEME_DEFAULT;
}

/* How many cells of a row have to be written. */
static int used_columns(const struct cell *row, int w, bool ansi) {
    while (w > 0 && row[w - 1].ch == ' ' && !row[w - 1].mark[0] &&
           !(ansi && shows_blank(row[w - 1].style)))
        w--;
    return w;
}

void canvas_dump(const struct canvas *c, bool ansi, struct buf *out) {
    for (int y = 0; y < c->h; y++) {
        const struct cell *row = c->cells + (size_t)y * (size_t)c->w;
        int used = used_columns(row, c->w, ansi);
        uint8_t style = STYLE_NORMAL;
        for (int x = 0; x < used; x++) {
            if (ansi && row[x].style != style) add_style(out, row[x].style);
            style = row[x].style;
            add_cell(out, &row[x]);
        }
        buf_str(out, ansi && style != STYLE_NORMAL ? "\033[0m\n" : "\n");
    }
}
