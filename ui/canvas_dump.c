#include "ui/canvas_dump.h"

#include <string.h>

#include "engine/core/text.h"
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
static void add_look(struct buf *out, struct look look) {
    buf_str(out, "\033[0");
    if (look.bold) buf_str(out, ";1");
    if (look.dim) buf_str(out, ";2");
    if (look.underline) buf_str(out, ";4");
    if (look.reverse) buf_str(out, ";7");
    if (look.fg != THEME_DEFAULT) buf_printf(out, ";38;5;%d", look.fg);
    if (look.bg != THEME_DEFAULT) buf_printf(out, ";48;5;%d", look.bg);
    buf_str(out, "m");
}

/* Whether a blank that looks so can be told from an empty cell. */
static bool shows_blank(struct look look) {
    return look.reverse || look.underline || look.bg != THEME_DEFAULT;
}

/* How many cells of a row have to be written; look NULL: as plain text. */
static int used_columns(const struct cell *row, int w, const struct dump_look *look) {
    while (w > 0 && row[w - 1].ch == ' ' && !row[w - 1].mark[0] &&
           !(look && shows_blank(theme_look(row[w - 1].style, look->colours, look->theme))))
        w--;
    return w;
}

/* look NULL: as plain text. */
static void dump_lines(const struct canvas *c, const struct dump_look *look, struct buf *out) {
    for (int y = 0; y < c->h; y++) {
        const struct cell *row = c->cells + (size_t)y * (size_t)c->w;
        int used = used_columns(row, c->w, look);
        uint8_t style = STYLE_NORMAL;
        for (int x = 0; x < used; x++) {
            if (look && row[x].style != style)
                add_look(out, theme_look(row[x].style, look->colours, look->theme));
            style = row[x].style;
            add_cell(out, &row[x]);
        }
        buf_str(out, look && style != STYLE_NORMAL ? "\033[0m\n" : "\n");
    }
}

void canvas_dump_as(const struct canvas *c, enum dump_form form, struct dump_look look,
                    struct buf *out) {
    if (form == DUMP_SVG) canvas_dump_svg(c, look, out);
    else dump_lines(c, form == DUMP_ANSI ? &look : NULL, out);
}

void canvas_dump(const struct canvas *c, bool ansi, struct buf *out) {
    canvas_dump_as(c, ansi ? DUMP_ANSI : DUMP_TEXT, (struct dump_look){.colours = 256}, out);
}

bool dump_form_of(const char *path, enum dump_form *form, struct err *err) {
    static const char *const endings[] = {
        [DUMP_TEXT] = ".txt", [DUMP_ANSI] = ".ans", [DUMP_SVG] = ".svg"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    for (int i = DUMP_TEXT; dot && dot > name && i <= DUMP_SVG; i++) {
        if (strcmp(dot, endings[i]) != 0) continue;
        *form = (enum dump_form)i;
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "the file's ending says its form: .txt (text), .ans (text and colours) or "
                   ".svg (a picture), not \"%s\"",
                   name);
}
