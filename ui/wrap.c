#include "ui/wrap.h"

#include "engine/core/text.h"

/* The bytes of the row that begins at s; *next: where the following one begins. A row holds one
 * character at least, so that there is always a next one. */
static size_t row_bytes(const char *s, size_t n, int columns, size_t *next) {
    size_t at = 0, blank = 0; /* blank: the last one that a row may end before */
    int used = 0;
    while (at < n) {
        uint32_t cp;
        bool plain = s[at] >= 0x20 && s[at] < 0x7F; /* nearly all are */
        size_t bytes = plain ? 1 : text_decode(s + at, n - at, &cp);
        int width = plain ? 1 : text_columns(s + at, bytes);
        if (s[at] == ' ' && at > 0) blank = at;
        if (used + width > columns && at > 0) break;
        used += width;
        at += bytes;
    }
    size_t end = at < n && blank > 0 ? blank : at;
    *next = end;
    while (*next < n && at < n && s[*next] == ' ') ++*next;
    return end;
}

/* The bytes before row `row`; n when there are fewer rows. */
static size_t row_start(const char *s, size_t n, int columns, int row) {
    size_t at = 0, next;
    for (; row > 0 && at < n; row--) {
        row_bytes(s + at, n - at, columns, &next);
        at += next;
    }
    return at;
}

int wrap_rows(const char *s, size_t n, int columns) {
    int rows = 0;
    size_t at = 0, next;
    do {
        row_bytes(s + at, n - at, columns, &next);
        at += next;
        rows++;
    } while (at < n);
    return rows;
}

int wrap_put(struct canvas *c, int x, int y, int columns, enum style style, const char *s,
             size_t n, int row) {
    size_t at = row_start(s, n, columns, row), next;
    return canvas_field(c, x, y, columns, false, style, s + at,
                        row_bytes(s + at, n - at, columns, &next));
}

void wrap_draw(struct canvas *c, struct rect r, enum style style, const char *s, size_t n) {
    if (r.w < 1 || r.h < 1) return;
    size_t last = row_start(s, n, r.w, r.h - 1);
    for (int row = 0; row + 1 < r.h; row++) wrap_put(c, r.x, r.y + row, r.w, style, s, n, row);
    canvas_field(c, r.x, r.y + r.h - 1, r.w, false, style, s + last, n - last);
}
