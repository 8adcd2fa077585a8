/* source_files.h - the files behind a path: one, those of a folder, or those that match a glob. */
#ifndef THAW_ENGINE_DATA_SOURCE_FILES_H
#define THAW_ENGINE_DATA_SOURCE_FILES_H
#include "engine/core/gzip.h"
#include "engine/data/source.h"

/* Reads one file's units into `out`. */
typedef bool source_file_reader(const char *path, struct source_text *out, struct err *err);

/* Read the file `rest`; or all regular files below the folder `rest` in the order of their names, hidden
 * ones left out; or what the glob `rest` matches. Of a folder only files with one of the endings
 * (".html"), or one of these and ".gz"; endings NULL: all. Errors: nothing there, nothing in it. */
bool source_files_read(const char *rest, const char *const *endings, source_file_reader *read,
                       struct source_text *out, struct err *err);

/* Bytes [from, to) of a file's text, of which all stands before them, so that a line can be named. */
struct text_span {
    const char *path, *text;
    size_t from, to;
};
int text_line(const struct text_span *s, size_t at); /* of byte `at` of the text, from 1 */
/* ERR_PARSE when the span is not UTF-8 or has a NUL byte, with the line. */
bool text_check(const struct text_span *s, struct err *err);
size_t text_mark(const char *text, size_t n); /* bytes of a byte order mark that the text begins with */

/* A file's text, expanded when gzip made it, without a byte order mark. ERR_PARSE when it is not UTF-8 or
 * has a NUL byte, with the line. */
struct text_file {
    struct content content;
    const char *text;
    size_t n;
};
bool text_file_open(const char *path, struct text_file *out, struct err *err);
void text_file_close(struct text_file *f);

/* Appends the units of text[n]. */
typedef bool text_reader(const char *text, size_t n, struct source_text *out, struct err *err);
/* A file's units by `add`; one that is no UTF-8 has none: among thousands of pages a few are in old encodings. */
bool text_file_add_valid(const char *path, text_reader *add, struct source_text *out, struct err *err);
#endif
