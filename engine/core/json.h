/* json.h - the JSON library's door (Jansson). Reading gives a tree; writing goes straight to a buf.
 * Caps: depth 64, size by the caller; invalid UTF-8, duplicate keys and trailing bytes refused.
 * No name here is one of Jansson's (json_string, json_type, JSON_OBJECT ...): a program's function
 * of the same name would take the place of the library's own. */
#ifndef THAW_ENGINE_CORE_JSON_H
#define THAW_ENGINE_CORE_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

struct json; /* opaque: a value inside a tree; borrowed, until json_destroy() of its root */

/* Parse one value. NULL with ERR_PARSE ("line 3, column 7: ...") or ERR_NOMEM. Owner: the
 * caller. Jansson's memory comes through here from the first call on (json.c says why). */
struct json *json_parse(const char *text, size_t n, struct err *err);
void json_destroy(struct json *root); /* NULL is fine */

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};
enum json_kind json_kind(const struct json *v); /* v NULL: JSON_KIND_NULL */

/* Members and items; NULL when absent or v is of another type (v NULL included). */
const struct json *json_get(const struct json *v, const char *key);
const struct json *json_at(const struct json *v, size_t i);
size_t json_size(const struct json *v); /* items or members; 0 for others */

/* Values, with what to give when v is absent or of another type. */
double json_number(const struct json *v, double otherwise);
int64_t json_int(const struct json *v, int64_t otherwise); /* a real with a fraction: otherwise */
bool json_bool(const struct json *v, bool otherwise);
const char *json_str(const struct json *v, const char *otherwise);
size_t json_str_length(const struct json *v); /* bytes; a string may hold NUL */

/* Walk an object in the file's order: for (it = json_first(v); it; it = json_next(v, it)). */
const void *json_first(const struct json *v);
const void *json_next(const struct json *v, const void *it);
const char *json_key(const void *it);
const struct json *json_value(const void *it);

/* Writing. Commas are the writer's business: open, key, value, close. Text that is not valid
 * UTF-8 gets U+FFFD for each bad piece (text_decode). Non-finite numbers are written as null.
 * Control characters, DEL and C1 are escaped, so that a terminal may print what is written. */
struct json_writer {
    struct buf *out; /* borrowed */
    bool comma;      /* a comma is due before the next key or value */
    bool keyed;      /* a key was just written; its value stands on the same line */
    int indent;      /* spaces a level; 0: one line */
    int depth;
};
struct json_writer json_writer_make(struct buf *out);
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_put_key(struct json_writer *w, const char *key);
void json_put_string(struct json_writer *w, const char *s);
void json_put_bytes(struct json_writer *w, const char *s, size_t n);
void json_put_number(struct json_writer *w, double x, int digits); /* %.*g; digits 17: exact */
void json_put_integer(struct json_writer *w, int64_t x);
void json_put_bool(struct json_writer *w, bool x);
void json_put_null(struct json_writer *w);
/* A value that was read, with all below it: the same values, members in their order. */
void json_put_value(struct json_writer *w, const struct json *v);
/* The same with a key in front. */
void json_add_open(struct json_writer *w, const char *key, char bracket);
void json_add_string(struct json_writer *w, const char *key, const char *s);
void json_add_bytes(struct json_writer *w, const char *key, const char *s, size_t n);
void json_add_number(struct json_writer *w, const char *key, double x, int digits);
void json_add_integer(struct json_writer *w, const char *key, int64_t x);
void json_add_bool(struct json_writer *w, const char *key, bool x);
void json_add_null(struct json_writer *w, const char *key);
#endif
