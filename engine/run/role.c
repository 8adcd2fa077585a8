#include "engine/run/role.h"

#include <string.h>

#include "engine/core/json.h"

/* Parses only what may be it: most lines are commands or answers. */
static struct json *parse_if(const char *line, size_t n, const char *key) {
    return memmem(line, n, key, strlen(key)) ? json_parse(line, n, NULL) : NULL;
}

void hold_to_json(int64_t id, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_integer(&w, "id", id);
    json_add_bool(&w, "hold", true);
    json_close(&w, '}');
    buf_str(out, "\n");
}

bool hold_from_json(const char *line, size_t n, int64_t *id) {
    struct json *root = parse_if(line, n, "\"hold\"");
    bool hold = json_bool(json_get(root, "hold"), false) && !json_get(root, "do");
    *id = json_int(json_get(root, "id"), 0);
    json_destroy(root);
    return hold;
}

void role_to_json(bool steers, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_string(&w, "role", steers ? "steer" : "watch");
    json_close(&w, '}');
    buf_str(out, "\n");
}

bool role_from_json(const char *line, size_t n, bool *steers) {
    struct json *root = parse_if(line, n, "\"role\"");
    const char *role = json_str(json_get(root, "role"), "");
    *steers = strcmp(role, "steer") == 0;
    bool known = *steers || strcmp(role, "watch") == 0;
    json_destroy(root);
    return known;
}
