#include "ui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"

enum { MAX_SIDE = 4096, REPLACEMENT = 0xFFFD };

static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }

/* The common part of two rectangles; w = h = 0 when there is none. */
static struct rect meet(struct rect a, struct rect b) {
    struct rect r = {.x = max_int(a.x, b.x), .y = max_int(a.y, b.y)};
    r.w = max_int(0, min_int(a.x + a.w, b.x + b.w) - r.x);
    r.h = max_int(0, min_int(a.y + a.h, b.y + b.h) - r.y);
    return r;
}

/* A rectangle given relative to the clip, as an absolute one inside it. */
static struct rect absolute(const struct canvas *c, struct rect r) {
    r.x += c->clip.x;
    r.y += c->clip.y;
    return meet(c->clip, r);
}

static const struct cell blank = {.ch = ' ', .style = STYLE_NORMAL};

static struct cell *cell_at(const struct canvas *c, int x, int y) {
    return &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
}

/* A wide character of which one half is about to be overwritten loses the other half too. */
static void split_wide(struct canvas *c, int x, int y) {
    struct cell *at = cell_at(c, x, y);
    if (at->ch == 0 && x > 0) at[-1].ch = ' ', at[-1].mark[0] = at[-1].mark[1] = 0;
    if (x + 1 < c->w && at[1].ch == 0) at[1].ch = ' ';
}

static void set_cell(struct canvas *c, int x, int y, uint32_t ch, enum style style) {
    split_wide(c, x, y);
    *cell_at(c, x, y) = (struct cell){.ch = ch, .style = (uint8_t)style};
}

/* Put a character of `width` columns at the absolute (x, y); what the clip cuts in half is
 * blank. Returns its cell when it stands there whole, else NULL. */
static struct cell *put_absolute(struct canvas *c, int x, int y, uint32_t ch, int width,
                                 enum style style) {
    bool row = y >= c->clip.y && y < c->clip.y + c->clip.h;
    bool left = row && x >= c->clip.x && x < c->clip.x + c->clip.w;
    bool right = row && x + 1 >= c->clip.x && x + 1 < c->clip.x + c->clip.w;
    if (width == 1) {
        if (!left) return NULL;
        set_cell(c, x, y, ch, style);
        return cell_at(c, x, y);
    }
    if (left) set_cell(c, x, y, ' ', style);
    if (right) set_cell(c, x + 1, y, ' ', style);
    if (!left || !right) return NULL;
    struct cell *at = cell_at(c, x, y);
    at[0].ch = ch;
    at[1].ch = 0;
    return at;
}

bool canvas_init(struct canvas *c, int w, int h, enum glyphs glyphs, struct err *err) {
    *c = (struct canvas){.glyphs = glyphs};
    return canvas_resize(c, w, h, err);
}

bool canvas_resize(struct canvas *c, int w, int h, struct err *err) {
    if (w < 1 || h < 1 || w > MAX_SIDE || h > MAX_SIDE)
        return err_set(err, ERR_RANGE, "a screen of %dx%d is outside 1x1 to %dx%d", w, h,
                       MAX_SIDE, MAX_SIDE);
    if (w != c->w || h != c->h) {
        struct cell *cells = realloc(c->cells, (size_t)w * (size_t)h * sizeof *cells);
        if (!cells) return err_set(err, ERR_NOMEM, "no memory for a screen of %dx%d", w, h);
        c->cells = cells;
        c->w = w;
        c->h = h;
    }
    canvas_erase(c);
    return true;
}

void canvas_deinit(struct canvas *c) {
    free(c->cells);
    *c = (struct canvas){.cells = NULL};
}

void canvas_erase(struct canvas *c) {
    size_t n = (size_t)c->w * (size_t)c->h;
    if (n > 0) c->cells[0] = blank;
    for (size_t done = 1; done < n; done *= 2) /* what is there, once more behind it */
        memcpy(c->cells + done, c->cells, (done < n - done ? done : n - done) * sizeof blank);
    c->clip = (struct rect){0, 0, c->w, c->h};
}

struct rect canvas_clip(struct canvas *c, struct rect r) {
    struct rect old = c->clip;
    c->clip = meet((struct rect){0, 0, c->w, c->h}, r);
    return old;
}

/* Characters that the program itself draws with and that need no look into the tables:
 * printable ASCII, box lines and blocks, braille. */
static bool is_chrome(uint32_t ch) {
    return (ch >= 0x20 && ch < 0x7F) || (ch >= 0x2500 && ch < 0x25A0) ||
           (ch >= 0x2800 && ch < 0x2900);
}

/* `ch` when the sanitiser lets it stand alone in a cell, else U+FFFD. */
static uint32_t safe_char(uint32_t ch) {
    if (is_chrome(ch)) return ch;
    char bytes[4];
    size_t n = text_encode(ch, bytes);
    struct buf shown = {0};
    text_sanitise(&shown, bytes, n, false);
    bool same = shown.len == n && memcmp(shown.data, bytes, n) == 0;
    buf_deinit(&shown);
    return same && text_width(ch) >= 1 ? ch : REPLACEMENT;
}

void canvas_put(struct canvas *c, int x, int y, uint32_t ch, enum style style) {
    ch = safe_char(ch);
    int width = is_chrome(ch) ? 1 : text_width(ch);
    put_absolute(c, c->clip.x + x, c->clip.y + y, ch, width, style);
}

static void add_mark(struct cell *at, uint32_t mark) {
    if (!at) return; /* its base is not on the screen */
    for (int i = 0; i < 2; i++) {
        if (at->mark[i]) continue;
        at->mark[i] = mark;
        return;
    }
}

/* Sanitised text from x on, what does not end before `limit` left out; both relative to the
 * clip. Returns the columns used. */
static int put_safe(struct canvas *c, int x, int y, int limit, enum style style, const char *s,
                    size_t n) {
    int at = x;
    struct cell *base = NULL;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += text_decode(s + i, n - i, &cp);
        int width = is_chrome(cp) ? 1 : text_width(cp);
        if (width == 0) {
            add_mark(base, cp);
            continue;
        }
        if (at >= limit) break;
        if (at + width > limit) cp = ' ', width = 1; /* half of a wide one would be left */
        base = put_absolute(c, c->clip.x + at, c->clip.y + y, cp, width, style);
        at += width;
    }
    return at - x;
}

static bool is_plain(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x20 || s[i] >= 0x7F) return false;
    return true;
}

static int put_text(struct canvas *c, int x, int y, int limit, enum style style, const char *s,
                    size_t n) {
    limit = min_int(limit, c->clip.w);
    if (y < 0 || y >= c->clip.h || x >= limit) return 0;
    if (is_plain(s, n)) return put_safe(c, x, y, limit, style, s, n);
    struct buf safe = {0};
    text_sanitise(&safe, s, n, false);
    int used = put_safe(c, x, y, limit, style, buf_text(&safe), safe.len);
    buf_deinit(&safe);
    return used;
}

int canvas_text(struct canvas *c, int x, int y, enum style style, const char *s, size_t n) {
    return put_text(c, x, y, c->clip.w, style, s, n);
}

int canvas_printf(struct canvas *c, int x, int y, enum style style, const char *fmt, ...) {
    char line[2048]; /* wider than any screen; what is longer is cut, and would be anyway */
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n < 0) return 0;
    return canvas_text(c, x, y, style, line, strlen(line));
}

int canvas_field(struct canvas *c, int x, int y, int columns, bool pad, enum style style,
                 const char *s, size_t n) {
    if (columns <= 0) return 0;
    int used;
    if (text_columns(s, n) <= columns) {
        used = put_text(c, x, y, x + columns, style, s, n);
    } else {
        int dots = min_int(2, columns);
        used = put_text(c, x, y, x + columns - dots, style, s, n);
        used += put_text(c, x + used, y, x + columns, style, "..", (size_t)dots);
    }
    if (!pad) return used;
    canvas_fill(c, (struct rect){x + used, y, columns - used, 1}, ' ', style);
    return columns;
}

void canvas_fill(struct canvas *c, struct rect r, uint32_t ch, enum style style) {
    r = absolute(c, r);
    ch = safe_char(ch);
    int width = is_chrome(ch) ? 1 : text_width(ch);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x + width <= r.x + r.w; x += width)
            put_absolute(c, x, y, ch, width, style);
}

void canvas_restyle(struct canvas *c, struct rect r, enum style style) {
    r = absolute(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) cell_at(c, x, y)->style = (uint8_t)style;
}

/* Lines and corners of the chrome. */
struct lines {
    uint32_t horizontal, vertical, top_left, top_right, bottom_left, bottom_right;
};

static const struct lines *lines_of(const struct canvas *c) {
    static const struct lines ascii = {'-', '|', '+', '+', '+', '+'},
                              box = {0x2500, 0x2502, 0x250C, 0x2510, 0x2514, 0x2518};
    return c->glyphs == GLYPHS_ASCII ? &ascii : &box;
}

void canvas_hline(struct canvas *c, int x, int y, int w, enum style style) {
    canvas_fill(c, (struct rect){x, y, w, 1}, lines_of(c)->horizontal, style);
}

void canvas_vline(struct canvas *c, int x, int y, int h, enum style style) {
    canvas_fill(c, (struct rect){x, y, 1, h}, lines_of(c)->vertical, style);
}

/* "- title* ---- right -" along the top edge; `right` is left out when it does not fit. */
static void frame_titles(struct canvas *c, struct rect r, bool focus, const char *title,
                         const char *right) {
    int room = r.w - 6; /* corner, line and blank on either side */
    int used = 0;
    enum style style = focus ? STYLE_FRAME_FOCUS : STYLE_TITLE;
    if (title && room > 0) {
        int columns = min_int(room - (focus ? 1 : 0), text_columns(title, strlen(title)));
        canvas_put(c, r.x + 2, r.y, ' ', style);
        used = canvas_field(c, r.x + 3, r.y, columns, false, style, title, strlen(title));
        if (focus) canvas_put(c, r.x + 3 + used++, r.y, '*', style);
        canvas_put(c, r.x + 3 + used, r.y, ' ', style);
    }
    if (!right) return;
    int columns = text_columns(right, strlen(right));
    if (columns + used + 3 > room) return;
    int x = r.x + r.w - 3 - columns;
    canvas_put(c, x - 1, r.y, ' ', STYLE_DIM);
    canvas_text(c, x, r.y, STYLE_DIM, right, strlen(right));
    canvas_put(c, x + columns, r.y, ' ', STYLE_DIM);
}

void canvas_frame(struct canvas *c, struct rect r, bool focus, const char *title,
                  const char *right) {
    if (r.w < 2 || r.h < 2) return;
    const struct lines *l = lines_of(c);
    enum style style = focus ? STYLE_FRAME_FOCUS : STYLE_FRAME;
    int x1 = r.x + r.w - 1, y1 = r.y + r.h - 1;
    canvas_hline(c, r.x + 1, r.y, r.w - 2, style);
    canvas_hline(c, r.x + 1, y1, r.w - 2, style);
    canvas_vline(c, r.x, r.y + 1, r.h - 2, style);
    canvas_vline(c, x1, r.y + 1, r.h - 2, style);
    canvas_put(c, r.x, r.y, l->top_left, style);
    canvas_put(c, x1, r.y, l->top_right, style);
    canvas_put(c, r.x, y1, l->bottom_left, style);
    canvas_put(c, x1, y1, l->bottom_right, style);
    frame_titles(c, r, focus, title, right);
}
