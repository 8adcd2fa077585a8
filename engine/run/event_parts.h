/* event_parts.h - what event.c shares with the two halves of the format, event_write.c and
 * event_parse.c. */
#ifndef THAW_ENGINE_RUN_EVENT_PARTS_H
#define THAW_ENGINE_RUN_EVENT_PARTS_H
#include "engine/core/json.h"
#include "engine/run/event.h"

/* A line aims to stay within this; a sample leaves out the alternatives of its later tokens. */
enum { EVENT_LINE_BYTES = 1 << 16 };

/* ---- `step` lines: there are a million of them in a long log, so they have a way of their
 * own. The table says what stands in front of each number; writer and quick reader both walk
 * it. ---- */
struct step_piece {
    const char *before;
    bool whole;    /* int64_t, else double */
    size_t offset; /* in struct event */
};
enum { STEP_PIECES = 12 };
extern const struct step_piece step_pieces[STEP_PIECES];
extern const char step_close[]; /* what follows the last number */
/* A `step` line exactly as event_write() makes it; any other is false, and left to the JSON library. */
bool event_parse_step(const char *line, size_t n, struct event *out);

/* ---- what a parsed event points into ---- */
struct event_block; /* a list of zeroed allocations */
struct event_memory {
    struct json *tree; /* texts are borrowed from it */
    struct buf model;
    struct event_block *blocks;
};
struct event_memory *event_memory_create(void);
void event_memory_destroy(struct event_memory *m); /* NULL is fine */
/* n * size zeroed bytes that live as long as `m`; NULL when n is 0 or there is no memory. */
void *event_memory_take(struct event_memory *m, size_t n, size_t size);

/* Write a tree as one line of JSON; deeper than `depth` levels: null. */
void event_put_tree(struct json_writer *w, const struct json *v, int depth);
#endif
