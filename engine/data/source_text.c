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

/* A file without a single blank line has one piece of text a line. */
static bool has_paragraphs(const char *s, size_t n) {
    size_t first = 0; /* blank lines at the very start or end part nothing */
    for (size_t at = 0; at < n;) {
        struct line l = line_at(s, n, at);
        bool blank = is_blank(s + l.start, l.length);
        if (!blank && first == 2) return true;
        if (!blank) first = 1;
        else if (first) first = 2;
        at = l.next;
    }
    return false;
}

static bool add_paragraph(struct buf *p, struct source_text *out, struct err *err) {
    if (p->failed) return err_set(err, ERR_NOMEM, "no memory for a paragraph");
    bool done = source_add(out, p->data, p->len, p->data, p->len, err);
    buf_clear(p);
    return done;
}

static bool add_paragraphs(const char *s, size_t n, struct source_text *out, struct err *err) {
    struct buf p = {0};
    bool by_line = !has_paragraphs(s, n), done = true;
    for (size_t at = 0; done && at < n;) {
        struct line l = line_at(s, n, at);
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
    bool done = add_paragraphs(file.text, file.n, out, err);
    text_file_close(&file);
    return done;
}

bool source_text_read(const char *rest, struct source_text *out, struct err *err) {
    return source_files_read(rest, NULL, read_file, out, err);
}
