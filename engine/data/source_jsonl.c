/* source_jsonl.c - jsonl:PATH#key, the strings under one key of JSON Lines. */
#include <stdio.h>
#include <string.h>

#include "engine/core/gzip.h"
#include "engine/core/json.h"
#include "engine/data/source_kinds.h"

/* The '#' of "PATH#key", or the end when there is none. */
static const char *find_hash(const char *rest) {
    const char *hash = strrchr(rest, '#');
    return hash ? hash : rest + strlen(rest);
}

static bool read_line(const char *line, size_t n, const char *key, struct source_text *out,
                      struct err *err) {
    struct err why = {0};
    struct json *v = json_parse(line, n, &why);
    const char *column =
        strstr(why.msg, "column"); /* "line 1, column 7: ...": the line is ours */
    if (!v) return err_set(err, why.code, "%s", column ? column : why.msg);
    const struct json *text = json_get(v, key);
    bool done;
    if (json_kind(v) != JSON_KIND_OBJECT)
        done = err_set(err, ERR_PARSE, "it is not an object, {\"%s\": \"...\"}", key);
    else if (json_kind(text) != JSON_KIND_STRING)
        done = err_set(err, ERR_PARSE,
                       "there is no text under \"%s\": name the key as jsonl:PATH#key", key);
    else
        done = source_add(out, json_str(text, ""), json_str_length(text), json_str(text, ""),
                          json_str_length(text), err);
    json_destroy(v);
    return done;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", s[i]) || !s[i]) return false;
    return true;
}

static bool read_lines(const char *path, const char *s, size_t n, const char *key,
                       struct source_text *out, struct err *err) {
    int line = 1;
    for (size_t at = 0; at < n; line++) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t length = end ? (size_t)(end - s) - at : n - at;
        if (!is_blank(s + at, length) && !read_line(s + at, length, key, out, err))
            return err_prefix(err, "%s:%d", path, line);
        at += length + 1;
    }
    return true;
}

size_t source_jsonl_path(const char *rest) { return (size_t)(find_hash(rest) - rest); }

bool source_jsonl_read(const char *rest, struct source_text *out, struct err *err) {
    const char *hash = find_hash(rest), *key = hash[0] && hash[1] ? hash + 1 : "text";
    char path[4096];
    size_t before = out->n_units;
    if ((size_t)(hash - rest) >= sizeof path)
        return err_set(err, ERR_RANGE, "the path of jsonl:%s is too long", rest);
    snprintf(path, sizeof path, "%.*s", (int)(hash - rest), rest);
    struct content file;
    if (!content_open(path, SOURCE_BYTES_MAX, &file, err)) return false;
    bool done = read_lines(path, file.data, file.size, key, out, err);
    content_close(&file);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: it is empty: give a file with text in it", path);
    return done;
}
