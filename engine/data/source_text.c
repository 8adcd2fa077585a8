/* source_text.c - text:PATH, paragraphs of UTF-8 files. */
#include <string.h>

#include "engine/data/source_files.h"
#include "engine/data/source_kinds.h"

/* A line's length without its end, and where the next begins. */
struct line {
    size_t start, length, next;
};

static struct line line_at(const char *s, size_t n, size_t at) {
    const char *end = memchr(s + at, '\n', n - at);
    size_t stop = end ? (size_t)(end - s) : n, next = end ? stop + 1 : n;
    if (stop > at && s[stop - 1] == '\r') stop--;
    return (struct line){at, stop - at, next};
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t') return false;
    return true;
}

bool text_find_gap(const char *s, size_t n, enum text_state *state) {
    for (size_t at = 0; at < n;) {
        struct line l = line_at(s, n, at);
        bool blank = is_blank(s + l.start, l.length);
        if (!blank && *state == TEXT_PAUSED) return true;
        if (!blank) *state = TEXT_BEGUN;
        else if (*state == TEXT_BEGUN) *state = TEXT_PAUSED;
        at = l.next;
    }
    return false;
}

size_t text_cut(const char *s, size_t n, size_t at, bool by_line) {
    if (at < n) at = line_at(s, n, at).next;
    while (!by_line && at < n) {
        struct line l = line_at(s, n, at);
        at = l.next;
        if (is_blank(s + l.start, l.length)) break;
    }
    return at;
}

static bool add_paragraph(struct buf *p, struct source_text *out, struct err *err) {
    if (p->failed) return err_set(err, ERR_NOMEM, "no memory for a paragraph");
    bool done = source_add(out, p->data, p->len, p->data, p->len, err);
    buf_clear(p);
    return done;
}

bool text_add_units(const struct text_span *span, bool by_line, struct source_text *out,
                    struct err *err) {
    const char *s = span->text;
    struct buf p = {0};
    bool done = true;
    for (size_t at = span->from; done && at < span->to;) {
        struct line l = line_at(s, span->to, at);
        bool blank = is_blank(s + l.start, l.length);
        if (((blank || by_line) && p.len) || p.failed) done = add_paragraph(&p, out, err);
        if (!blank && p.len) buf_str(&p, "\n");
        if (!blank) buf_add(&p, s + l.start, l.length);
        at = l.next;
    }
    if (done && (p.len || p.failed)) done = add_paragraph(&p, out, err);
    buf_deinit(&p);
    return done;
}

static bool read_file(const char *path, struct source_text *out, struct err *err) {
    struct text_file file;
    if (!text_file_open(path, &file, err)) return false;
    const struct text_span whole = {path, file.text, 0, file.n};
    enum text_state state = TEXT_NOTHING;
    bool by_line = !text_find_gap(file.text, file.n, &state);
    bool done = text_add_units(&whole, by_line, out, err);
    text_file_close(&file);
    return done;
}

bool source_text_read(const char *rest, struct source_text *out, struct err *err) {
    return source_files_read(rest, NULL, read_file, out, err);
}
