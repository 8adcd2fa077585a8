#include "ui/lesson_state.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"

enum { KEPT_BYTES_MAX = 1 << 20 };

/* ---- the word */

/* What a shell and this word's own grammar leave alone. */
static bool is_plain(unsigned char ch) { return isalnum(ch) || strchr("._-=/,+@", ch) != NULL; }

static void put_escaped(struct buf *out, const char *s) {
    for (; *s; s++)
        if (is_plain((unsigned char)*s)) buf_add(out, s, 1);
        else buf_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
}

void lesson_state_write(const struct lesson_state *s, struct buf *out) {
    put_escaped(out, s->name);
    buf_printf(out, ":%d", s->step + 1);
    if (s->seeded) buf_printf(out, ":seed%" PRIu64, s->seed);
    for (int i = 0; i < s->n_sets; i++) {
        buf_str(out, ":");
        put_escaped(out, s->sets[i]);
    }
}

static int digit_of(char ch) {
    const char *digits = "0123456789ABCDEF", *at = ch ? strchr(digits, toupper(ch)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The part s[0..n) with its %XX as bytes. False: it is too long, empty, or no such text. */
static bool take_part(const char *s, size_t n, char *out, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        int ch = (unsigned char)s[i];
        if (ch == '%') {
            int high = i + 2 < n ? digit_of(s[i + 1]) : -1;
            int low = high >= 0 ? digit_of(s[i + 2]) : -1;
            ch = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (ch == 0 || used + 1 >= size) return false;
        out[used++] = (char)ch;
    }
    out[used] = '\0';
    return used > 0;
}

static bool take_number(const char *text, uint64_t *out) {
    char *end = NULL;
    if (!isdigit((unsigned char)*text)) return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* Part number `i`: the name, then a step, then a seed, then settings. */
static bool take(struct lesson_state *s, int i, const char *part, struct err *err) {
    uint64_t number;
    if (i == 0) {
        snprintf(s->name, sizeof s->name, "%.*s", LESSON_NAME - 1, part);
        return true;
    }
    bool setting = strchr(part, '=') != NULL;
    if (i <= 2 && !setting && strncmp(part, "seed", 4) == 0) {
        s->seeded = take_number(part + 4, &s->seed);
        return s->seeded ||
               err_set(err, ERR_USAGE, "\"%s\" is no seed: seed and a whole number", part);
    }
    if (i == 1 && !setting) {
        if (!take_number(part, &number) || number < 1 || number > LESSON_STEPS)
            return err_set(err, ERR_USAGE, "\"%s\" is no step of a lesson: 1 to %d", part,
                           LESSON_STEPS);
        s->step = (int)number - 1;
        return true;
    }
    if (!setting)
        return err_set(err, ERR_USAGE,
                       "\"%.40s\" is no part of a lesson's state: NAME:STEP:seedN:KEY=VALUE",
                       part);
    if (s->n_sets == LESSON_SETS)
        return err_set(err, ERR_USAGE, "a lesson's state has at most %d settings", LESSON_SETS);
    snprintf(s->sets[s->n_sets++], LESSON_SET, "%s", part);
    return true;
}

bool lesson_state_parse(const char *word, struct lesson_state *out, struct err *err) {
    char part[LESSON_SET];
    *out = (struct lesson_state){.step = 0};
    for (int i = 0;; i++) {
        size_t n = strcspn(word, ":");
        size_t size = i == 0 ? sizeof out->name : sizeof part;
        if (!take_part(word, n, part, size))
            return err_set(err, ERR_USAGE, "\"%.*s\" is no part of a lesson's state%s",
                           (int)(n < 40 ? n : 40), word, n ? "" : ": it is empty");
        if (!take(out, i, part, err)) return false;
        if (!word[n]) return true;
        word += n + 1;
    }
}

/* ---- the file */

static struct json *read_kept(const char *path) {
    struct buf text = {0};
    struct json *root = NULL;
    if (files_read(path, KEPT_BYTES_MAX, &text, NULL))
        root = json_parse(text.data, text.len, NULL);
    buf_deinit(&text);
    if (root && json_kind(root) == JSON_KIND_OBJECT) return root;
    json_destroy(root);
    return NULL;
}

int lesson_kept(const char *path, const char *run_dir) {
    struct json *root = read_kept(path);
    int64_t step = json_int(json_get(root, run_dir), -1);
    json_destroy(root);
    return step >= 0 && step < LESSON_STEPS ? (int)step : -1;
}

bool lesson_keep(const char *path, const char *run_dir, int step, struct err *err) {
    char folder[PATH_MAX];
    struct buf text = {0};
    struct json *root = read_kept(path); /* one that is not sound is begun anew */
    struct json_writer w = json_writer_make(&text);
    w.indent = 2;
    json_open(&w, '{');
    for (const void *it = json_first(root); it; it = json_next(root, it))
        if (strcmp(json_key(it), run_dir) != 0 && files_is_dir(json_key(it))) {
            json_put_key(&w, json_key(it));
            json_put_value(&w, json_value(it));
        }
    json_add_integer(&w, run_dir, step);
    json_close(&w, '}');
    buf_str(&text, "\n");
    json_destroy(root);
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
    bool ok = !text.failed || err_set(err, ERR_NOMEM, "no memory for where the lesson is");
    ok = ok && (!*folder || files_make_dirs(folder, 0700, err)) &&
         files_write(path, text.data, text.len, err);
    buf_deinit(&text);
    return ok;
}
