#include "engine/data/packages.h"

#include <string.h>

#include "engine/data/source_files.h"

struct span {
    const char *at, *end;
};

static size_t size_of(struct span s) { return (size_t)(s.end - s.at); }

static bool begins(struct span s, const char *with) {
    size_t n = strlen(with);
    return size_of(s) >= n && memcmp(s.at, with, n) == 0;
}

/* What stands behind a field's colon. */
static struct span value_of(struct span line) {
    const char *colon = memchr(line.at, ':', size_of(line));
    if (colon) line.at = colon + 1;
    while (line.at < line.end && *line.at == ' ') line.at++;
    return line;
}

/* A package as it is read. */
struct reader {
    struct span name;
    bool inside;     /* a description: its further lines begin with a blank */
    struct buf text; /* the paragraph so far */
    struct source_text *out;
};

static bool end_paragraph(struct reader *r, struct err *err) {
    if (r->text.failed) return err_set(err, ERR_NOMEM, "no memory for a description");
    bool done =
        source_add(r->out, r->text.data, r->text.len, r->name.at, size_of(r->name), err);
    buf_clear(&r->text);
    return done;
}

static void add_words(struct reader *r, struct span s) {
    if (r->text.len > 0) buf_str(&r->text, " ");
    buf_add(&r->text, s.at, size_of(s));
}

static bool is_description(struct span line) {
    return begins(line, "Description:") || begins(line, "Description-en:");
}

/* "hello : example package", a paragraph of its own. */
static bool begin_description(struct reader *r, struct span line, struct err *err) {
    r->inside = true;
    if (r->name.at == r->name.end) return true;
    add_words(r, r->name);
    buf_str(&r->text, " :");
    add_words(r, value_of(line));
    return end_paragraph(r, err);
}

/* A further line: " text", " ." between paragraphs, "  text" as it stands (code, lists). */
static bool add_further(struct reader *r, struct span line, struct err *err) {
    line.at++;
    bool set_off =
        line.at < line.end && (*line.at == ' ' || *line.at == '*' || *line.at == '-');
    bool between = size_of(line) == 1 && *line.at == '.';
    if (set_off || between || line.at == line.end) return end_paragraph(r, err);
    add_words(r, line);
    return true;
}

static bool add_line(struct reader *r, struct span line, struct err *err) {
    if (line.at < line.end && line.end[-1] == '\r') line.end--;
    if (line.at < line.end && *line.at == ' ') return !r->inside || add_further(r, line, err);
    if (!end_paragraph(r, err)) return false;
    r->inside = false;
    if (begins(line, "Package:")) r->name = value_of(line);
    return !is_description(line) || begin_description(r, line, err);
}

static bool read_file(const char *path, struct source_text *out, struct err *err) {
    struct text_file file;
    if (!text_file_open(path, &file, err)) return false;
    struct reader r = {.name = {"", ""}, .out = out};
    struct span rest = {file.text, file.text + file.n};
    bool done = true;
    r.name.end = r.name.at;
    while (done && rest.at < rest.end) {
        const char *stop = memchr(rest.at, '\n', size_of(rest));
        struct span line = {rest.at, stop ? stop : rest.end};
        rest.at = stop ? stop + 1 : rest.end;
        done = add_line(&r, line, err);
    }
    done = done && end_paragraph(&r, err);
    buf_deinit(&r.text);
    text_file_close(&file);
    return done;
}

bool packages_read(const char *rest, struct source_text *out, struct err *err) {
    static const char *const endings[] = {"Translation-en", "Packages", NULL};
    return source_files_read(rest, endings, read_file, out, err);
}
