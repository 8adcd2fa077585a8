#include "engine/data/pod.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/source_files.h"

enum { NESTED_MAX = 8, BRACKETS_MAX = 8 }; /* of codes; beyond that they are text */

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* ---- a paragraph's text ---- */

struct writer {
    const char *at, *end;
    struct buf *out;
    bool gap; /* blanks stand behind what was written */
};

static void put(struct writer *w, const char *s, size_t n) {
    size_t written = w->out->len;
    if (w->gap && written > 0 && w->out->data[written - 1] != ' ') buf_add(w->out, " ", 1);
    w->gap = false;
    buf_add(w->out, s, n);
}

static void cut(struct buf *out, size_t n) {
    if (out->len > n) out->data[out->len = n] = '\0';
}

/* How many '<' open a code at `at`, which is its letter; 0: it is none. */
static int brackets_at(const struct writer *w) {
    int n = 0;
    if (*w->at < 'A' || *w->at > 'Z') return 0;
    while (w->at + 1 + n < w->end && w->at[1 + n] == '<') n++;
    return n <= BRACKETS_MAX ? n : 0;
}

/* Whether so many '>' stand here; with several a blank stands in front of them. */
static bool closes(const struct writer *w, int brackets) {
    int blank = brackets > 1;
    if (w->end - w->at < brackets + blank || (blank && !is_blank(*w->at))) return false;
    for (int i = 0; i < brackets; i++)
        if (w->at[blank + i] != '>') return false;
    return true;
}

/* The character that an E<> names, written over the name. */
static void put_character(struct writer *w, size_t from) {
    static const struct {
        const char *name, *text;
    } names[] = {{"lt", "<"}, {"gt", ">"}, {"sol", "/"}, {"verbar", "|"}};
    char character[4];
    const char *name = buf_text(w->out) + (w->out->len > from ? from : w->out->len);
    uint32_t cp = (uint32_t)strtoul(name, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0) cp = (unsigned char)*names[i].text;
    cut(w->out, from);
    if (cp > ' ' && cp != 0x7f && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff))
        buf_add(w->out, character, text_encode(cp, character));
}

/* What a code leaves of what was written for it, from `from` on. */
static void finish_code(struct writer *w, char code, size_t from) {
    const char *bar = w->out->len > from ? strchr(buf_text(w->out) + from, '|') : NULL;
    if (code == 'X' || code == 'Z') cut(w->out, from);
    if (code == 'L' && bar) cut(w->out, (size_t)(bar - buf_text(w->out)));
    if (code == 'E') put_character(w, from);
}

/* Up to the end, or behind the brackets that close a code. */
static void put_text(struct writer *w, int brackets, int depth) {
    while (w->at < w->end) {
        int opened = depth < NESTED_MAX ? brackets_at(w) : 0;
        if (brackets && closes(w, brackets)) {
            w->at += brackets + (brackets > 1);
            return;
        }
        if (opened) {
            char code = *w->at;
            put(w, "", 0); /* the blank in front of it is not its own */
            size_t from = w->out->len;
            w->at += 1 + opened;
            while (opened > 1 && w->at < w->end && is_blank(*w->at)) w->at++;
            put_text(w, opened, depth + 1);
            finish_code(w, code, from);
        } else if (is_blank(*w->at)) {
            w->gap = true;
            w->at++;
        } else put(w, w->at++, 1);
    }
}

/* ---- paragraphs ---- */

struct reader {
    bool inside;  /* between the first command and =cut */
    bool skipped; /* between =begin and =end */
    struct buf line;
    struct source_text *out;
};

static bool add_text(struct reader *r, const char *s, size_t n, struct err *err) {
    struct writer w = {.at = s, .end = s + n, .out = &r->line};
    buf_clear(&r->line);
    put_text(&w, 0, 0);
    if (r->line.failed) return err_set(err, ERR_NOMEM, "no memory for a paragraph");
    while (r->line.len > 0 && is_blank(r->line.data[r->line.len - 1]))
        cut(&r->line, r->line.len - 1);
    return source_add(r->out, r->line.data, r->line.len, r->line.data, r->line.len, err);
}

static bool is_command(const char *s, size_t n, const char *name) {
    size_t k = strlen(name);
    return n > k && memcmp(s + 1, name, k) == 0 && (n == k + 1 || is_blank(s[k + 1]));
}

/* "=head1 NAME", "=item *", "=cut" ... */
static bool add_command(struct reader *r, const char *s, size_t n, struct err *err) {
    static const char *const silent[] = {"cut", "pod",  "begin", "end",
                                         "for", "over", "back",  "encoding"};
    size_t word = 1;
    r->inside = !is_command(s, n, "cut");
    if (is_command(s, n, "begin")) r->skipped = true;
    if (is_command(s, n, "end")) r->skipped = false;
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (is_command(s, n, silent[i])) return true;
    while (word < n && !is_blank(s[word])) word++;
    while (word < n && (is_blank(s[word]) || s[word] == '*')) word++;
    return r->skipped || add_text(r, s + word, n - word, err);
}

static bool add_paragraph(struct reader *r, const char *s, size_t n, struct err *err) {
    bool command = n > 1 && *s == '=' && (s[1] | 32) >= 'a' && (s[1] | 32) <= 'z';
    if (command) return add_command(r, s, n, err);
    if (n == 0 || !r->inside || r->skipped || is_blank(*s)) return true;
    return add_text(r, s, n, err);
}

/* The length of the line at s without its end; *next is where the following one begins. */
static size_t line_length(const char *s, const char *end, const char **next) {
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    *next = stop ? stop + 1 : end;
    if (!stop) stop = end;
    while (stop > s && is_blank(stop[-1])) stop--;
    return (size_t)(stop - s);
}

bool pod_add(const char *text, size_t n, struct source_text *out, struct err *err) {
    struct reader r = {.out = out};
    const char *at = text, *end = text + n, *first = NULL, *last = NULL, *next;
    bool done = true;
    while (done && at < end) {
        size_t length = line_length(at, end, &next);
        if (length > 0 && !first) first = at;
        if (length > 0) last = at + length;
        if (first && (length == 0 || next == end)) {
            done = add_paragraph(&r, first, (size_t)(last - first), err);
            first = NULL;
        }
        at = next;
    }
    buf_deinit(&r.line);
    return done;
}

static bool read_file(const char *path, struct source_text *out, struct err *err) {
    return text_file_add_valid(path, pod_add, out, err);
}

bool pod_read(const char *rest, struct source_text *out, struct err *err) {
    static const char *const endings[] = {".pod", ".pm", ".pl", NULL};
    return source_files_read(rest, endings, read_file, out, err);
}
