/* json_get.c - what the end-to-end tests need of JSON, so that they need no other language.
 *
 *   json_get PATH < file                one value, whole file
 *   json_get -l PATH [KEY=VALUE]...     JSON Lines: the value of each line whose KEYs have the
 * VALUEs json_get -j PATH < file             several values, joined without newlines
 *
 * PATH is keys and item numbers with dots: "tokens.0.text"; "*" is every item, "#" their
 * number. Strings are printed raw, containers by their size. Exit 1: nothing found; 2: no valid
 * JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"

enum { FOUND, NOTHING, INVALID };

struct query {
    const char *path;
    char *const *filters; /* KEY=VALUE */
    int n_filters;
    bool joined;
};

static bool read_all(struct buf *out) {
    char chunk[1 << 16];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, stdin)) > 0;) buf_add(out, chunk, n);
    return !ferror(stdin) && !out->failed;
}

static void format_value(const struct json *v, struct buf *out) {
    switch (json_kind(v)) {
    case JSON_KIND_STRING:
        buf_add(out, json_str(v, ""), json_str_length(v));
        break;
    case JSON_KIND_NUMBER:
        buf_printf(out, "%.17g", json_number(v, 0));
        break;
    case JSON_KIND_BOOL:
        buf_str(out, json_bool(v, false) ? "true" : "false");
        break;
    case JSON_KIND_NULL:
        buf_str(out, "null");
        break;
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        buf_printf(out, "%zu", json_size(v));
        break;
    }
}

static int find(const struct json *v, const char *path, bool joined, struct buf *out);

/* Keys may have dots in them ("block.0.attn"): the longest key that is there is taken. */
static int find_member(const struct json *v, const char *path, bool joined, struct buf *out) {
    char key[128];
    for (size_t n = strlen(path); n > 0; n--) {
        if ((path[n] != '.' && path[n] != '\0') || n >= sizeof key) continue;
        memcpy(key, path, n);
        key[n] = '\0';
        const struct json *member = json_get(v, key);
        if (member) return find(member, path + n + (path[n] == '.'), joined, out);
    }
    return 0;
}

static int find_item(const struct json *v, const char *path, bool joined, struct buf *out) {
    size_t n = strcspn(path, ".");
    const char *rest = path + n + (path[n] == '.');
    if (*path != '*') return find(json_at(v, strtoul(path, NULL, 10)), rest, joined, out);
    int found = 0;
    for (size_t i = 0; i < json_size(v); i++) found += find(json_at(v, i), rest, joined, out);
    return found;
}

/* Append the values at `path` below v, each with a newline unless joined; returns how many. */
static int find(const struct json *v, const char *path, bool joined, struct buf *out) {
    if (!v) return 0;
    bool size = strcmp(path, "#") == 0;
    if (*path && !size && json_kind(v) == JSON_KIND_ARRAY)
        return find_item(v, path, joined, out);
    if (*path && !size) return find_member(v, path, joined, out);
    if (size) buf_printf(out, "%zu", json_size(v));
    else format_value(v, out);
    if (!joined) buf_str(out, "\n");
    return 1;
}

/* "type=freeze" */
static bool matches(const struct json *v, const char *filter) {
    char key[128];
    size_t n = strcspn(filter, "=");
    if (n >= sizeof key) return false;
    memcpy(key, filter, n);
    key[n] = '\0';
    struct buf value = {0};
    bool same = find(v, key, true, &value) == 1 &&
                strcmp(buf_text(&value), filter + n + (filter[n] == '=')) == 0;
    buf_deinit(&value);
    return same;
}

static int answer(const char *text, size_t n, const struct query *q, int *found) {
    struct err err;
    struct json *root = json_parse(text, n, &err);
    struct buf out = {0};
    if (!root) {
        fprintf(stderr, "json_get: %s: %.*s\n", err.msg, n > 200 ? 200 : (int)n, text);
        return INVALID;
    }
    bool wanted = true;
    for (int i = 0; i < q->n_filters; i++) wanted = wanted && matches(root, q->filters[i]);
    if (wanted) *found += find(root, q->path, q->joined, &out);
    fwrite(buf_text(&out), 1, out.len, stdout);
    buf_deinit(&out);
    json_destroy(root);
    return FOUND;
}

/* A torn last line is skipped, as every reader of a log does. */
static int answer_lines(const struct buf *all, const struct query *q, int *found) {
    int status = FOUND;
    for (size_t at = 0; status == FOUND && at < all->len;) {
        const char *line = all->data + at, *end = memchr(line, '\n', all->len - at);
        if (!end) break;
        status = answer(line, (size_t)(end - line), q, found);
        at = (size_t)(end - all->data) + 1;
    }
    return status;
}

int main(int argc, char **argv) {
    bool lines = argc > 1 && strcmp(argv[1], "-l") == 0;
    bool joined = argc > 1 && strcmp(argv[1], "-j") == 0;
    int first = 1 + (lines || joined), found = 0;
    if (argc <= first) {
        fprintf(stderr, "usage: json_get [-l|-j] PATH [KEY=VALUE]...\n");
        return INVALID;
    }
    struct query q = {argv[first], argv + first + 1, argc - first - 1, joined};
    struct buf all = {0};
    if (!read_all(&all)) return INVALID;
    int status =
        lines ? answer_lines(&all, &q, &found) : answer(buf_text(&all), all.len, &q, &found);
    buf_deinit(&all);
    return status == FOUND && found == 0 ? NOTHING : status;
}
