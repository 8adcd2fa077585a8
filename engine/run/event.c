#include "engine/run/event.h"

#include <stdlib.h>

#include "engine/run/event_parts.h"
#include "engine/run/number.h"

const char *const event_words[EVENT_TYPES] = {
    [EVENT_OTHER] = "other",     [EVENT_RUN] = "run",
    [EVENT_STAGE] = "stage",     [EVENT_STEP] = "step",
    [EVENT_LAYERS] = "layers",   [EVENT_EVAL] = "eval",
    [EVENT_SAMPLE] = "sample",   [EVENT_FREEZE] = "freeze",
    [EVENT_CONTROL] = "control", [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_PROBLEM] = "problem", [EVENT_PROGRESS] = "progress",
    [EVENT_RANKS] = "ranks",     [EVENT_END] = "end",
};

const struct step_piece step_pieces[STEP_PIECES] = {
    {"{\"seq\":", true, offsetof(struct event, seq)},
    {",\"t\":", false, offsetof(struct event, t)},
    {",\"step\":", true, offsetof(struct event, step)},
    {",\"type\":\"step\",\"loss\":", false, offsetof(struct event, stp.loss)},
    {",\"lr\":", false, offsetof(struct event, stp.lr)},
    {",\"grad_norm\":", false, offsetof(struct event, stp.grad_norm)},
    {",\"tokens\":", true, offsetof(struct event, stp.tokens)},
    {",\"tokens_per_s\":", false, offsetof(struct event, stp.tokens_per_s)},
    {",\"seconds\":{\"forward\":", false, offsetof(struct event, stp.forward)},
    {",\"backward\":", false, offsetof(struct event, stp.backward)},
    {",\"update\":", false, offsetof(struct event, stp.update)},
    {",\"total\":", false, offsetof(struct event, stp.total)},
};
const char step_close[] = "}}";

/* --- memory of a parsed event */

struct event_block {
    struct event_block *next;
    max_align_t bytes[];
};

struct event_memory *event_memory_create(void) {
    return calloc(1, sizeof(struct event_memory));
}

void event_memory_destroy(struct event_memory *m) {
    if (!m) return;
    while (m->blocks) {
        struct event_block *next = m->blocks->next;
        free(m->blocks);
        m->blocks = next;
    }
    buf_deinit(&m->model);
    json_destroy(m->tree);
    free(m);
}

void *event_memory_take(struct event_memory *m, size_t n, size_t size) {
    if (n == 0 || n > (SIZE_MAX - sizeof(struct event_block)) / size) return NULL;
    struct event_block *block = calloc(1, sizeof *block + n * size);
    if (!block) return NULL;
    block->next = m->blocks;
    m->blocks = block;
    return block->bytes;
}

void event_deinit(struct event *e) {
    event_memory_destroy(e->memory);
    *e = (struct event){0};
}

/* --- a tree as text */

static void put_number(struct json_writer *w, const struct json *v) {
    int64_t whole = json_int(v, INT64_MIN);
    double x = json_number(v, 0);
    if (whole != INT64_MIN) json_put_integer(w, whole);
    else json_put_number(w, x, number_digits(x));
}

static void put_object(struct json_writer *w, const struct json *v, int depth) {
    json_open(w, '{');
    for (const void *it = json_first(v); it; it = json_next(v, it)) {
        json_put_key(w, json_key(it));
        event_put_tree(w, json_value(it), depth - 1);
    }
    json_close(w, '}');
}

void event_put_tree(struct json_writer *w, const struct json *v, int depth) {
    enum json_kind kind = depth > 0 ? json_kind(v) : JSON_KIND_NULL;
    switch (kind) {
    case JSON_KIND_NULL:
        json_put_null(w);
        break;
    case JSON_KIND_BOOL:
        json_put_bool(w, json_bool(v, false));
        break;
    case JSON_KIND_NUMBER:
        put_number(w, v);
        break;
    case JSON_KIND_STRING:
        json_put_bytes(w, json_str(v, ""), json_str_length(v));
        break;
    case JSON_KIND_OBJECT:
        put_object(w, v, depth);
        break;
    case JSON_KIND_ARRAY:
        json_open(w, '[');
        for (size_t i = 0; i < json_size(v); i++) event_put_tree(w, json_at(v, i), depth - 1);
        json_close(w, ']');
        break;
    }
}
