#include "engine/data/source_files.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/core/text.h"

enum { MAX_DEPTH = 32 }; /* of folders: a link to a parent is found by this */

/* ---- one file ---- */

int text_line(const struct text_span *s, size_t at) {
    int line = 1;
    for (size_t i = 0; i < at; i++) line += s->text[i] == '\n';
    return line;
}

bool text_check(const struct text_span *s, struct err *err) {
    const char *at = s->text + s->from;
    size_t n = s->to - s->from, valid = n ? text_valid_prefix(at, n) : 0;
    const char *nul = n ? memchr(at, '\0', valid) : NULL;
    if (nul)
        return err_set(err, ERR_PARSE, "%s:%d: a NUL byte: this is no text file", s->path,
                       text_line(s, (size_t)(nul - s->text)));
    if (valid == n) return true;
    return err_set(
        err, ERR_PARSE,
        "%s:%d: byte 0x%02x is not valid UTF-8: convert the file first (iconv -t UTF-8)",
        s->path, text_line(s, s->from + valid), (unsigned char)at[valid]);
}

size_t text_mark(const char *text, size_t n) {
    return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool text_file_open(const char *path, struct text_file *out, struct err *err) {
    if (!content_open(path, SOURCE_BYTES_MAX, &out->content, err)) return false;
    out->text = out->content.data;
    out->n = out->content.size;
    const struct text_span whole = {path, out->text, 0, out->n};
    if (!text_check(&whole, err)) {
        text_file_close(out);
        return false;
    }
    size_t mark = text_mark(out->text, out->n); /* is no text */
    if (mark) out->text += mark, out->n -= mark;
    return true;
}

void text_file_close(struct text_file *f) { content_close(&f->content); }

/* ---- many ---- */

/* What is read, and into what. */
struct walk {
    const char *const *endings; /* of names in folders; NULL: any */
    source_file_reader *read;
    struct source_text *out;
};

static bool ends_with(const char *name, size_t n, const char *ending) {
    size_t k = strlen(ending);
    return n > k && memcmp(name + n - k, ending, k) == 0;
}

static bool is_wanted(const struct walk *w, const char *name) {
    size_t n = strlen(name);
    if (!w->endings) return true;
    if (ends_with(name, n, ".gz")) n -= 3;
    for (const char *const *e = w->endings; *e; e++)
        if (ends_with(name, n, *e)) return true;
    return false;
}

static bool read_path(const struct walk *w, const char *path, int depth, struct err *err);

static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What stands at `name` in a folder: a file, a folder, or something that is passed over. */
static bool read_entry(const struct walk *w, const char *folder, const char *name, int depth,
                       struct err *err) {
    char path[4096];
    struct stat what;
    if (!files_join(path, sizeof path, folder, name, err)) return false;
    if (stat(path, &what) != 0) return err_errno(err, "%s", path);
    if (!S_ISDIR(what.st_mode) && !(S_ISREG(what.st_mode) && is_wanted(w, name))) return true;
    return read_path(w, path, depth + 1, err);
}

/* Regular files below `path` in the order of their names; hidden ones are left out. (Not
 * fts(3), which in glibc 2.36 crashes when memory runs out.) */
static bool read_folder(const struct walk *w, const char *path, int depth, struct err *err) {
    struct dirent **entries;
    if (depth > MAX_DEPTH)
        return err_set(err, ERR_RANGE,
                       "%s: folders nested more than %d deep: is a link a loop?", path,
                       MAX_DEPTH);
    int n = scandir(path, &entries, not_hidden, by_name);
    if (n < 0) return err_errno(err, "%s", path);
    bool done = true;
    for (int i = 0; i < n; i++) {
        done = done && read_entry(w, path, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return done;
}

static bool read_path(const struct walk *w, const char *path, int depth, struct err *err) {
    return files_is_dir(path) ? read_folder(w, path, depth, err) : w->read(path, w->out, err);
}

bool source_files_read(const char *rest, const char *const *endings, source_file_reader *read,
                       struct source_text *out, struct err *err) {
    const struct walk w = {endings, read, out};
    size_t before = out->n_units;
    glob_t found = {0};
    bool done = true;
    if (files_exists(rest)) {
        done = read_path(&w, rest, 0, err);
    } else if (glob(rest, 0, NULL, &found) == 0) {
        for (size_t i = 0; done && i < found.gl_pathc; i++)
            done = read_path(&w, found.gl_pathv[i], 0, err);
    } else {
        done = err_set(err, ERR_IO, "%s: there is no such file, folder or match of a pattern",
                       rest);
    }
    globfree(&found);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: it is empty: give a file with text in it", rest);
    return done;
}

bool text_file_add_valid(const char *path, text_reader *add, struct source_text *out,
                         struct err *err) {
    struct text_file file;
    struct err why = {0};
    if (!text_file_open(path, &file, &why))
        return why.code == ERR_PARSE || err_set(err, why.code, "%s", why.msg);
    bool done = add(file.text, file.n, out, err);
    text_file_close(&file);
    return done;
}
