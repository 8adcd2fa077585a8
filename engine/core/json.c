#include "engine/core/json.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"

enum { MAX_DEPTH = 64 };

/* --- reading: a struct json is a json_t under another name */

static const json_t *tree(const struct json *v) { return (const json_t *)v; }
static const struct json *value(const json_t *t) { return (const struct json *)t; }

/* May a byte stand in a number or a word? (Jansson reads any word to its end.) */
static bool in_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '+' || c == '-' || c == '.';
}

/* Jansson recurses into brackets, so their depth is measured before it starts. Brackets in
 * strings do not count; whether the text is JSON at all is Jansson's to say. `longest`: bytes
 * of the longest string, number or word. */
static bool shallow(const char *text, size_t n, size_t *longest, struct err *err) {
    int depth = 0, line = 1;
    size_t from = 0;
    bool quoted = false;
    *longest = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '\n') line++;
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
        else if (!quoted && (c == '}' || c == ']')) depth--;
        else if (!quoted && (c == '{' || c == '[') && ++depth > MAX_DEPTH)
            return err_set(err, ERR_PARSE, "line %d: brackets nested more than %d deep", line,
                           MAX_DEPTH);
        if (i + 1 - from > *longest) *longest = i + 1 - from;
        if (!quoted && !in_word(c)) from = i + 1;
    }
    return true;
}

/* Jansson 2.14 does not look whether the buffer of the token that it reads could grow: a byte
 * is lost, and it aborts, reads on behind the buffer or takes another number. So where there is
 * no memory it gets what it asks for from a spare block and no more of the text, and its tree
 * is thrown away. */
struct parse {
    const char *text;
    size_t left;       /* bytes of it that Jansson has not seen */
    char *spare;       /* owned: [room] bytes */
    size_t room, used; /* used: a multiple of 16, or all */
    bool starved;
};
static _Thread_local struct parse *parsing; /* what this thread parses, if it does */

/* Bytes that Jansson sees at a time, so that it does little more once memory is out, and what
 * that can take: 64 brackets, some hundred bytes each. */
enum { PIECE = 64, SPARE = 32 << 10 };

/* Where Jansson's memory came from before: malloc(), or what a program around libthaw set. */
static json_malloc_t ask;
static json_free_t leave;

static void *give(size_t n) {
    void *p = ask(n);
    struct parse *now = parsing;
    if (p || !now) return p;
    now->starved = true;
    size_t room = now->room - now->used;
    if (n > room) return NULL;
    p = now->spare + now->used;
    n = (n + 15) / 16 * 16;
    now->used += n < room ? n : room;
    return p;
}

static void take_back(void *p) {
    const struct parse *now = parsing;
    uintptr_t at = (uintptr_t)p, spare = now ? (uintptr_t)now->spare : 0;
    if (!now || at < spare || at >= spare + now->room) leave(p);
}

static void serve_jansson(void) {
    json_get_alloc_funcs(&ask, &leave);
    json_set_alloc_funcs(give, take_back);
}

static size_t next_piece(void *to, size_t room, void *ctx) {
    struct parse *now = ctx;
    size_t n = now->starved ? 0 : now->left;
    if (n > PIECE) n = PIECE;
    if (n > room) n = room;
    memcpy(to, now->text, n);
    now->text += n;
    now->left -= n;
    return n;
}

static json_t *load(const char *text, size_t n, size_t flags, struct parse *now,
                    json_error_t *why) {
    now->text = text;
    now->left = n;
    parsing = now;
    json_t *root = json_load_callback(next_piece, now, flags, why);
    if (now->starved) {
        json_decref(root); /* while its parts are known to be spare */
        root = NULL;
    }
    parsing = NULL;
    return root;
}

struct json *json_parse(const char *text, size_t n, struct err *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    struct parse now = {0};
    size_t longest;
    json_error_t why;
    if (!shallow(text, n, &longest, err)) return NULL;
    pthread_once(&once, serve_jansson);
    now.room = 8 * longest + SPARE; /* a buffer that doubles, 4 times the token; its copies */
    now.spare = malloc(now.room);
    if (!now.spare) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    if (n == 0) text = "";
    json_t *root = load(text, n, flags, &now, &why);
    if (!root && !now.starved && json_error_code(&why) == json_error_numeric_overflow)
        root = load(text, n, flags | JSON_DECODE_INT_AS_REAL, &now, &why);
    free(now.spare);
    if (now.starved) err_set(err, ERR_NOMEM, "out of memory");
    else if (!root)
        err_set(err, ERR_PARSE, "line %d, column %d: %s", why.line, why.column, why.text);
    return (struct json *)root;
}

void json_destroy(struct json *root) { json_decref((json_t *)root); }

enum json_kind json_kind(const struct json *v) {
    if (!v) return JSON_KIND_NULL;
    switch (json_typeof(tree(v))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return JSON_KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    case JSON_NULL:
        break;
    }
    return JSON_KIND_NULL;
}

const struct json *json_get(const struct json *v, const char *key) {
    return value(json_object_get(tree(v), key));
}

const struct json *json_at(const struct json *v, size_t i) {
    return value(json_array_get(tree(v), i));
}

size_t json_size(const struct json *v) {
    return json_is_array(tree(v)) ? json_array_size(tree(v)) : json_object_size(tree(v));
}

double json_number(const struct json *v, double otherwise) {
    return json_is_number(tree(v)) ? json_number_value(tree(v)) : otherwise;
}

int64_t json_int(const struct json *v, int64_t otherwise) {
    if (json_is_integer(tree(v))) return json_integer_value(tree(v));
    if (!json_is_real(tree(v))) return otherwise;
    double x = json_real_value(tree(v));
    bool fits = x >= -0x1p63 && x < 0x1p63 && x == floor(x);
    return fits ? (int64_t)x : otherwise;
}

bool json_bool(const struct json *v, bool otherwise) {
    return json_is_boolean(tree(v)) ? json_is_true(tree(v)) : otherwise;
}

const char *json_str(const struct json *v, const char *otherwise) {
    return json_is_string(tree(v)) ? json_string_value(tree(v)) : otherwise;
}

size_t json_str_length(const struct json *v) { return json_string_length(tree(v)); }

/* Jansson's iterators take the object unconst, and change nothing in it. */
const void *json_first(const struct json *v) { return json_object_iter((json_t *)v); }

const void *json_next(const struct json *v, const void *it) {
    return json_object_iter_next((json_t *)v, (void *)it);
}

const char *json_key(const void *it) { return json_object_iter_key((void *)it); }

const struct json *json_value(const void *it) {
    return value(json_object_iter_value((void *)it));
}

/* --- writing */

struct json_writer json_writer_make(struct buf *out) {
    return (struct json_writer){.out = out};
}

static void new_line(struct json_writer *w) {
    if (w->indent <= 0) return;
    buf_add(w->out, "\n", 1);
    for (int i = 0; i < w->indent * w->depth; i++) buf_add(w->out, " ", 1);
}

/* What stands before a key or a value. */
static void lead_in(struct json_writer *w) {
    if (w->comma) buf_add(w->out, ",", 1);
    if (w->depth > 0 && !w->keyed) new_line(w);
    w->comma = true;
    w->keyed = false;
}

void json_open(struct json_writer *w, char bracket) {
    lead_in(w);
    buf_add(w->out, &bracket, 1);
    w->depth++;
    w->comma = false;
}

void json_close(struct json_writer *w, char bracket) {
    w->depth--;
    if (w->comma) new_line(w); /* something stands inside */
    buf_add(w->out, &bracket, 1);
    w->comma = true;
}

/* The bytes at the front of s[0..n) that stand for themselves in a JSON string. */
static size_t plain_run(const char *s, size_t n) {
    size_t at = 0;
    while (at < n && s[at] >= 0x20 && s[at] < 0x7F && s[at] != '"' && s[at] != '\\') at++;
    return at;
}

/* What a terminal obeys, or hides, or lets turn what follows: escaped, so that JSON may be
 * looked at. All of it is in the first plane. */
static bool is_tricky(uint32_t cp) {
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0xAD || cp == 0x61C ||
           (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x2028 && cp <= 0x202E) ||
           (cp >= 0x2060 && cp <= 0x206F) || cp == 0xFEFF;
}

static void put_character(struct buf *out, uint32_t cp) {
    static const char named[] = "\"\"\\\\\nn\rr\tt"; /* pairs: the character, its letter */
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (cp != (unsigned char)named[i]) continue;
        buf_add(out, "\\", 1);
        buf_add(out, &named[i + 1], 1);
        return;
    }
    char utf8[4];
    if (is_tricky(cp)) buf_printf(out, "\\u%04x", (unsigned)cp);
    else buf_add(out, utf8, text_encode(cp, utf8));
}

static void put_quoted(struct buf *out, const char *s, size_t n) {
    buf_add(out, "\"", 1);
    for (size_t at = 0; at < n;) {
        size_t used = plain_run(s + at, n - at);
        if (used > 0) {
            buf_add(out, s + at, used);
        } else {
            uint32_t cp;
            used = text_decode(s + at, n - at, &cp);
            put_character(out, cp);
        }
        at += used;
    }
    buf_add(out, "\"", 1);
}

void json_put_key(struct json_writer *w, const char *key) {
    lead_in(w);
    put_quoted(w->out, key, strlen(key));
    buf_str(w->out, w->indent > 0 ? ": " : ":");
    w->comma = false;
    w->keyed = true;
}

void json_put_bytes(struct json_writer *w, const char *s, size_t n) {
    lead_in(w);
    put_quoted(w->out, s, n);
}

void json_put_string(struct json_writer *w, const char *s) { json_put_bytes(w, s, strlen(s)); }

/* printf writes the decimal point of the user's locale; JSON has but one. */
static void restore_point(char *number) {
    const char *point = localeconv()->decimal_point;
    char *at = *point ? strstr(number, point) : NULL;
    if (!at) return;
    size_t n = strlen(point);
    *at = '.';
    memmove(at + 1, at + n, strlen(at + n) + 1);
}

void json_put_number(struct json_writer *w, double x, int digits) {
    if (!isfinite(x)) {
        json_put_null(w);
        return;
    }
    char number[64];
    bool whole = fabs(x) <= 0x1p53 && x == floor(x);
    if (digits < 1) digits = 1;
    if (digits > 17) digits = 17;
    if (whole) snprintf(number, sizeof number, "%.0f", x);
    else snprintf(number, sizeof number, "%.*g", digits, x);
    restore_point(number);
    lead_in(w);
    buf_str(w->out, number);
}

void json_put_integer(struct json_writer *w, int64_t x) {
    lead_in(w);
    buf_printf(w->out, "%lld", (long long)x);
}

void json_put_bool(struct json_writer *w, bool x) {
    lead_in(w);
    buf_str(w->out, x ? "true" : "false");
}

void json_put_null(struct json_writer *w) {
    lead_in(w);
    buf_str(w->out, "null");
}

static void put_members(struct json_writer *w, const struct json *v) {
    json_open(w, '{');
    for (const void *it = json_first(v); it; it = json_next(v, it)) {
        json_put_key(w, json_key(it));
        json_put_value(w, json_value(it));
    }
    json_close(w, '}');
}

static void put_items(struct json_writer *w, const struct json *v) {
    json_open(w, '[');
    for (size_t i = 0; i < json_size(v); i++) json_put_value(w, json_at(v, i));
    json_close(w, ']');
}

void json_put_value(struct json_writer *w, const struct json *v) {
    switch (json_kind(v)) {
    case JSON_KIND_NULL:
        json_put_null(w);
        break;
    case JSON_KIND_BOOL:
        json_put_bool(w, json_bool(v, false));
        break;
    case JSON_KIND_NUMBER:
        if (json_is_integer(tree(v))) json_put_integer(w, json_int(v, 0));
        else json_put_number(w, json_number(v, 0), 17);
        break;
    case JSON_KIND_STRING:
        json_put_bytes(w, json_str(v, ""), json_str_length(v));
        break;
    case JSON_KIND_ARRAY:
        put_items(w, v);
        break;
    case JSON_KIND_OBJECT:
        put_members(w, v);
        break;
    }
}

void json_add_open(struct json_writer *w, const char *key, char bracket) {
    json_put_key(w, key);
    json_open(w, bracket);
}

void json_add_string(struct json_writer *w, const char *key, const char *s) {
    json_put_key(w, key);
    json_put_string(w, s);
}

void json_add_bytes(struct json_writer *w, const char *key, const char *s, size_t n) {
    json_put_key(w, key);
    json_put_bytes(w, s, n);
}

void json_add_number(struct json_writer *w, const char *key, double x, int digits) {
    json_put_key(w, key);
    json_put_number(w, x, digits);
}

void json_add_integer(struct json_writer *w, const char *key, int64_t x) {
    json_put_key(w, key);
    json_put_integer(w, x);
}

void json_add_bool(struct json_writer *w, const char *key, bool x) {
    json_put_key(w, key);
    json_put_bool(w, x);
}

void json_add_null(struct json_writer *w, const char *key) {
    json_put_key(w, key);
    json_put_null(w);
}
