#include "engine/data/jsonl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/gzip.h"
#include "engine/core/json.h"

/* The '#' of "PATH#key", or the end when there is none. */
static const char *find_hash(const char *rest) {
    const char *hash = strrchr(rest, '#');
    return hash ? hash : rest + strlen(rest);
}

static struct part_text part_of(const struct json *text, enum part_role role) {
    return (struct part_text){json_str(text, ""), json_str_length(text), role};
}

/* ---- conversations ---- */

static const struct {
    const char *word;
    enum part_role role;
} roles[] = {{"system", PART_SYSTEM}, {"user", PART_USER}, {"assistant", PART_ASSISTANT}};
enum { N_ROLES = sizeof roles / sizeof *roles };

/* Message number i, counted from 1 in what is said of it. */
static bool read_message(const struct json *m, size_t i, struct part_text *out,
                         struct err *err) {
    const char *role = json_str(json_get(m, "role"), NULL);
    const struct json *content = json_get(m, "content");
    if (!role || json_kind(content) != JSON_KIND_STRING)
        return err_set(err, ERR_PARSE,
                       "message %zu must be {\"role\": \"user\", \"content\": \"...\"}", i + 1);
    for (int r = 0; r < N_ROLES; r++)
        if (strcmp(role, roles[r].word) == 0) {
            *out = part_of(content, roles[r].role);
            return i == 0 || roles[r].role != PART_SYSTEM ||
                   err_set(err, ERR_PARSE, "message %zu is the system's, which must come first",
                           i + 1);
        }
    return err_set(err, ERR_PARSE,
                   "message %zu has the role \"%.40s\"; it must be system, user or assistant",
                   i + 1, role);
}

static bool add_messages(const struct json *list, struct source_text *out, struct err *err) {
    size_t n = json_size(list), answers = 0;
    struct part_text *parts = calloc(n + 1, sizeof *parts);
    bool ok = true;
    if (!parts) return err_set(err, ERR_NOMEM, "no memory for %zu messages", n);
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_message(json_at(list, i), i, &parts[i], err);
        answers += parts[i].role == PART_ASSISTANT;
    }
    if (ok && answers == 0)
        ok = err_set(err, ERR_PARSE,
                     "no message is the assistant's, so there is nothing to learn in it");
    ok = ok && source_add_parts(out, parts, n, err);
    free(parts);
    return ok;
}

/* ---- lines ---- */

static bool is_text(const struct json *v) { return json_kind(v) == JSON_KIND_STRING; }

static bool add_text(const struct json *text, struct source_text *out, struct err *err) {
    size_t n = json_str_length(text);
    return source_add(out, json_str(text, ""), n, json_str(text, ""), n, err);
}

/* What stands under the key that was named. */
static bool add_value(const struct json *v, const char *key, struct source_text *out,
                      struct err *err) {
    if (json_kind(v) == JSON_KIND_ARRAY) return add_messages(v, out, err);
    if (is_text(v)) return add_text(v, out, err);
    return err_set(err, ERR_PARSE,
                   "there is no text under \"%s\": name the key as jsonl:PATH#key", key);
}

static bool add_object(const struct json *v, struct source_text *out, struct err *err) {
    const struct json *prompt = json_get(v, "prompt"), *completion = json_get(v, "completion");
    const struct json *messages = json_get(v, "messages"), *text = json_get(v, "text");
    if (is_text(text)) return add_text(text, out, err);
    if (json_kind(messages) == JSON_KIND_ARRAY) return add_messages(messages, out, err);
    if (is_text(prompt) && is_text(completion)) {
        struct part_text parts[] = {part_of(prompt, PART_PROMPT),
                                    part_of(completion, PART_COMPLETION)};
        return source_add_parts(out, parts, 2, err);
    }
    return err_set(
        err, ERR_PARSE,
        "there is no text under \"text\", no \"prompt\" with a \"completion\" and no "
        "list of \"messages\": name another key as jsonl:PATH#key");
}

/* key: "" where none was named. */
static bool read_line(const char *line, size_t n, const char *key, struct source_text *out,
                      struct err *err) {
    struct err why = {0};
    struct json *v = json_parse(line, n, &why);
    const char *column =
        strstr(why.msg, "column"); /* "line 1, column 7: ...": the line is ours */
    if (!v) return err_set(err, why.code, "%s", column ? column : why.msg);
    bool done;
    if (json_kind(v) != JSON_KIND_OBJECT)
        done = err_set(err, ERR_PARSE, "it is not an object, {\"%s\": \"...\"}",
                       *key ? key : "text");
    else done = *key ? add_value(json_get(v, key), key, out, err) : add_object(v, out, err);
    json_destroy(v);
    return done;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", s[i]) || !s[i]) return false;
    return true;
}

bool jsonl_add_units(const struct text_span *span, const char *key, struct source_text *out,
                     struct err *err) {
    const char *s = span->text;
    for (size_t at = span->from; at < span->to;) {
        const char *end = memchr(s + at, '\n', span->to - at);
        size_t length = end ? (size_t)(end - s) - at : span->to - at;
        if (!is_blank(s + at, length) && !read_line(s + at, length, key, out, err))
            return err_prefix(err, "%s:%d", span->path, text_line(span, at));
        at += length + 1;
    }
    return true;
}

size_t jsonl_path(const char *rest) { return (size_t)(find_hash(rest) - rest); }

const char *jsonl_key(const char *rest) {
    const char *hash = find_hash(rest);
    return hash[0] ? hash + 1 : "";
}

bool jsonl_read(const char *rest, struct source_text *out, struct err *err) {
    const char *key = jsonl_key(rest);
    char path[4096];
    size_t before = out->n_units, n = jsonl_path(rest);
    if (n >= sizeof path)
        return err_set(err, ERR_RANGE, "the path of jsonl:%s is too long", rest);
    snprintf(path, sizeof path, "%.*s", (int)n, rest);
    struct content file;
    if (!content_open(path, SOURCE_BYTES_MAX, &file, err)) return false;
    const struct text_span whole = {path, file.data, 0, file.size};
    bool done = jsonl_add_units(&whole, key, out, err);
    content_close(&file);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: it is empty: give a file with text in it", path);
    return done;
}
