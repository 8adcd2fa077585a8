/* canvas_svg.c - a canvas as an SVG picture: a <rect> behind cells that have a background of
 * their own, a <text> for each run of characters of one style. A run's place and length are
 * told, not left to the font, and it holds characters of one block only: what another font has
 * to draw is put right again. */
#include "engine/core/text.h"
#include "ui/canvas_dump.h"
#include "ui/theme.h"

/* Pixels. Monospaced fonts are about 0.6 em wide, so that hardly anything is stretched. */
enum { CELL_W = 9, CELL_H = 18, FONT_SIZE = 15, BASELINE = 14 };

/* What is drawn with where the theme leaves it to the terminal: the page is what test_theme
 * holds the contrast against. */
static const uint32_t dark_page = 0x000000, dark_ink = 0xD0D0D0;
static const uint32_t light_page = 0xFFFFFF, light_ink = 0x1C1C1C;

struct paint {
    uint32_t ink, paper; /* 0xRRGGBB */
};

static struct paint paint_of(struct look look, bool light) {
    struct paint p = {light ? light_ink : dark_ink, light ? light_page : dark_page};
    if (look.fg != THEME_DEFAULT) p.ink = theme_rgb(look.fg);
    if (look.bg != THEME_DEFAULT) p.paper = theme_rgb(look.bg);
    return look.reverse ? (struct paint){p.paper, p.ink} : p;
}

/* A character of text: what XML takes for its own is escaped, what XML 1.0 (2.2) forbids
 * replaced. */
static void add_char(struct buf *out, uint32_t ch) {
    char bytes[4];
    if (ch == '&') buf_str(out, "&amp;");
    else if (ch == '<') buf_str(out, "&lt;");
    else if (ch == '>') buf_str(out, "&gt;");
    else buf_add(out, bytes, text_encode(ch == 0xFFFE || ch == 0xFFFF ? 0xFFFD : ch, bytes));
}

static void add_cell(struct buf *out, const struct cell *cell) {
    if (cell->ch == 0) return; /* its left half has been written */
    add_char(out, cell->ch);
    for (int i = 0; i < 2 && cell->mark[i]; i++) add_char(out, cell->mark[i]);
}

/* ---- runs */

/* Blocks of which one font draws all characters; any other character is a run by itself. */
enum block { BLOCK_ASCII, BLOCK_LINES, BLOCK_BRAILLE, BLOCK_OTHER };

static enum block block_of(const struct cell *cell) {
    if (cell->mark[0]) return BLOCK_OTHER;
    if (cell->ch < 0x80) return BLOCK_ASCII;
    if (cell->ch >= 0x2500 && cell->ch < 0x25A0) return BLOCK_LINES;
    return cell->ch >= 0x2800 && cell->ch < 0x2900 ? BLOCK_BRAILLE : BLOCK_OTHER;
}

/* The cell behind the run that begins at x. */
static int run_end(const struct cell *row, int w, int x) {
    enum block block = block_of(&row[x]);
    int end = x + 1;
    if (block == BLOCK_OTHER) return end < w && row[end].ch == 0 ? end + 1 : end;
    while (end < w && row[end].ch != 0 && row[end].style == row[x].style &&
           block_of(&row[end]) == block)
        end++;
    return end;
}

static bool is_blank(const struct cell *cell) { return cell->ch == ' ' && !cell->mark[0]; }

static void add_text(struct buf *out, const struct cell *row, int from, int end, int y,
                     struct look look, uint32_t ink) {
    while (!look.underline && from < end && is_blank(&row[from])) from++;
    while (!look.underline && end > from && is_blank(&row[end - 1])) end--;
    if (from == end) return;
    buf_printf(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=\"#%06x\"", from * CELL_W,
               y * CELL_H + BASELINE, (end - from) * CELL_W, (unsigned)ink);
    if (look.bold) buf_str(out, " font-weight=\"bold\"");
    if (look.dim) buf_str(out, " fill-opacity=\"0.6\"");
    if (look.underline) buf_str(out, " text-decoration=\"underline\"");
    buf_str(out, " lengthAdjust=\"spacingAndGlyphs\">");
    for (int x = from; x < end; x++) add_cell(out, &row[x]);
    buf_str(out, "</text>\n");
}

static void add_row(struct buf *out, const struct canvas *c, int y, struct dump_look how,
                    uint32_t page) {
    const struct cell *row = c->cells + (size_t)y * (size_t)c->w;
    for (int x = 0, end; x < c->w; x = end) {
        struct look look = theme_look(row[x].style, how.colours, how.theme);
        struct paint p = paint_of(look, theme_is_light(how.theme));
        end = run_end(row, c->w, x);
        if (p.paper != page)
            buf_printf(out,
                       "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
                       x * CELL_W, y * CELL_H, (end - x) * CELL_W, CELL_H, (unsigned)p.paper);
        add_text(out, row, x, end, y, look, p.ink);
    }
}

void canvas_dump_svg(const struct canvas *c, struct dump_look look, struct buf *out) {
    int w = c->w * CELL_W, h = c->h * CELL_H;
    uint32_t page = theme_is_light(look.theme) ? light_page : dark_page;
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
               "viewBox=\"0 0 %d %d\" xml:space=\"preserve\" font-size=\"%d\" "
               "font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n"
               "<rect width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
               w, h, w, h, FONT_SIZE, w, h, (unsigned)page);
    for (int y = 0; y < c->h; y++) add_row(out, c, y, look, page);
    buf_str(out, "</svg>\n");
}
