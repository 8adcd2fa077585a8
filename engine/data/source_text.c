/* source_text.c - text:PATH, paragraphs of UTF-8 files. */
#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/core/gzip.h"
#include "engine/core/text.h"
#include "engine/data/source_kinds.h"

enum { MAX_DEPTH = 32 }; /* of folders: a link to a parent is found by this */

static int line_of(const char *s, size_t at) {
    int line = 1;
    for (size_t i = 0; i < at; i++) line += s[i] == '\n';
    return line;
}

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
    struct content file;
    if (!content_open(path, SOURCE_BYTES_MAX, &file, err)) return false;
    const char *s = file.data;
    size_t n = file.size, valid = n ? text_valid_prefix(s, n) : 0;
    const char *nul = n ? memchr(s, '\0', valid) : NULL;
    bool done = true;
    if (nul)
        done = err_set(err, ERR_PARSE, "%s:%d: a NUL byte: this is no text file", path,
                       line_of(s, (size_t)(nul - s)));
    else if (valid < n)
        done = err_set(
            err, ERR_PARSE,
            "%s:%d: byte 0x%02x is not valid UTF-8: convert the file first (iconv -t UTF-8)",
            path, line_of(s, valid), (unsigned char)s[valid]);
    bool mark = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0; /* a byte order mark is no text */
    if (done && n) done = add_paragraphs(s + (mark ? 3 : 0), n - (mark ? 3 : 0), out, err);
    content_close(&file);
    return done;
}

static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_path(const char *path, int depth, struct source_text *out, struct err *err);

/* What stands at `name` in a folder: a file, a folder, or something that is passed over. */
static bool read_entry(const char *folder, const char *name, int depth, struct source_text *out,
                       struct err *err) {
    char path[4096];
    struct stat what;
    if (!files_join(path, sizeof path, folder, name, err)) return false;
    if (stat(path, &what) != 0) return err_errno(err, "%s", path);
    if (!S_ISREG(what.st_mode) && !S_ISDIR(what.st_mode)) return true;
    return read_path(path, depth + 1, out, err);
}

/* Regular files below `path` in the order of their names; hidden ones are left out. (Not
 * fts(3), which in glibc 2.36 crashes when memory runs out.) */
static bool read_folder(const char *path, int depth, struct source_text *out, struct err *err) {
    struct dirent **entries;
    if (depth > MAX_DEPTH)
        return err_set(err, ERR_RANGE,
                       "%s: folders nested more than %d deep: is a link a loop?", path,
                       MAX_DEPTH);
    int n = scandir(path, &entries, not_hidden, by_name);
    if (n < 0) return err_errno(err, "%s", path);
    bool done = true;
    for (int i = 0; i < n; i++) {
        done = done && read_entry(path, entries[i]->d_name, depth, out, err);
        free(entries[i]);
    }
    free(entries);
    return done;
}

static bool read_path(const char *path, int depth, struct source_text *out, struct err *err) {
    return files_is_dir(path) ? read_folder(path, depth, out, err) : read_file(path, out, err);
}

bool source_text_read(const char *rest, struct source_text *out, struct err *err) {
    size_t before = out->n_units;
    glob_t found = {0};
    bool done = true;
    if (files_exists(rest)) {
        done = read_path(rest, 0, out, err);
    } else if (glob(rest, 0, NULL, &found) == 0) {
        for (size_t i = 0; done && i < found.gl_pathc; i++)
            done = read_path(found.gl_pathv[i], 0, out, err);
    } else {
        done = err_set(err, ERR_IO, "%s: there is no such file, folder or match of a pattern",
                       rest);
    }
    globfree(&found);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: it is empty: give a file with text in it", rest);
    return done;
}
