/* bytes_map.h - a set of byte strings, numbered 0, 1, 2 ... in the order they came.
 * The number indexes arrays of the user's own: counts, spans, rules. Nothing is ever removed.
 */
#ifndef THAW_ENGINE_DATA_BYTES_MAP_H
#define THAW_ENGINE_DATA_BYTES_MAP_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

#define BYTES_MAP_NONE UINT32_MAX

struct bytes_map { /* all zero: empty and ready */
    struct bytes_entry {
        size_t offset; /* into pool */
        uint32_t length, hash;
    } * entries;     /* [capacity], n used */
    uint32_t *slots; /* [n_slots] number + 1, 0: free; n_slots is a power of two */
    uint32_t n, capacity, n_slots;
    struct buf pool; /* the strings, one after the other */
};

void bytes_map_deinit(struct bytes_map *m); /* leaves it empty */
/* The number of `key`, or BYTES_MAP_NONE. */
uint32_t bytes_map_find(const struct bytes_map *m, const void *key, size_t n);
/* The number of `key`, added when it is new (then *number is the old m->n). False: ERR_NOMEM.
 */
bool bytes_map_add(struct bytes_map *m, const void *key, size_t n, uint32_t *number,
                   struct err *err);
/* The string with this number; borrowed until the next addition. */
const char *bytes_map_key(const struct bytes_map *m, uint32_t number, size_t *n);
#endif
