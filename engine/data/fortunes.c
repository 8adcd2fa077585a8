#include "engine/data/fortunes.h"

#include <string.h>

#include "engine/data/source_files.h"

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static bool is_letter(char c) {
    return (unsigned char)c >= 0x80 || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

struct saying {
    struct buf text;
    size_t letters, signs; /* blanks count as neither */
    bool over;             /* behind it stands who said it */
    struct source_text *out;
};

static bool end_saying(struct saying *s, struct err *err) {
    if (s->text.failed) return err_set(err, ERR_NOMEM, "no memory for a saying");
    bool picture = s->letters < s->signs;
    bool done = picture ||
                source_add(s->out, s->text.data, s->text.len, s->text.data, s->text.len, err);
    buf_clear(&s->text);
    s->letters = s->signs = 0;
    s->over = false;
    return done;
}

static void add_line(struct saying *s, const char *line, size_t n) {
    bool gap = true;
    size_t first = 0;
    while (first < n && is_blank(line[first])) first++;
    if (n - first >= 2 && memcmp(line + first, "--", 2) == 0) s->over = true;
    for (size_t i = first; i < n && !s->over; i++) {
        if (is_blank(line[i])) {
            gap = true;
            continue;
        }
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            continue; /* bells, overstruck letters */
        if (gap && s->text.len > 0) buf_add(&s->text, " ", 1);
        gap = false;
        buf_add(&s->text, line + i, 1);
        if (is_letter(line[i])) s->letters++;
        else s->signs++;
    }
}

bool fortunes_add(const char *text, size_t n, struct source_text *out, struct err *err) {
    struct saying s = {.out = out};
    bool done = true;
    for (size_t at = 0, length; done && at < n; at += length + 1) {
        const char *stop = memchr(text + at, '\n', n - at);
        length = stop ? (size_t)(stop - text) - at : n - at;
        if (text[at] == '%' && (length == 1 || is_blank(text[at + 1])))
            done = end_saying(&s, err);
        else add_line(&s, text + at, length);
    }
    done = done && end_saying(&s, err);
    buf_deinit(&s.text);
    return done;
}

static bool ends_with(const char *path, const char *ending) {
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && strcmp(path + n - k, ending) == 0;
}

static bool read_file(const char *path, struct source_text *out, struct err *err) {
    struct text_file file;
    if (ends_with(path, ".dat") || ends_with(path, ".u8")) return true;
    if (!text_file_open(path, &file, err)) return false;
    bool done = fortunes_add(file.text, file.n, out, err);
    text_file_close(&file);
    return done;
}

bool fortunes_read(const char *rest, struct source_text *out, struct err *err) {
    return source_files_read(rest, NULL, read_file, out, err);
}
