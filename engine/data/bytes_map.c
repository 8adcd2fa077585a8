#include "engine/data/bytes_map.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"

enum { FIRST_SLOTS = 256 };

static uint32_t hash_of(const void *key, size_t n) { return (uint32_t)rng_hash(key, n); }

/* The slot where key is, or the free one where it belongs. Linear probing; never full. */
static uint32_t slot_of(const struct bytes_map *m, const void *key, size_t n, uint32_t hash) {
    uint32_t mask = m->n_slots - 1, i = hash & mask;
    for (; m->slots[i]; i = (i + 1) & mask) {
        const struct bytes_entry *e = &m->entries[m->slots[i] - 1];
        if (e->hash == hash && e->length == n && memcmp(m->pool.data + e->offset, key, n) == 0)
            break;
    }
    return i;
}

/* Double the table and put every number where it now belongs. */
static bool grow_slots(struct bytes_map *m) {
    uint32_t n_slots = m->n_slots ? m->n_slots * 2 : FIRST_SLOTS, mask = n_slots - 1;
    uint32_t *slots = n_slots > m->n_slots ? calloc(n_slots, sizeof *slots) : NULL;
    if (!slots) return false;
    for (uint32_t k = 0; k < m->n; k++) {
        uint32_t i = m->entries[k].hash & mask;
        while (slots[i]) i = (i + 1) & mask;
        slots[i] = k + 1;
    }
    free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    return true;
}

static bool grow_entries(struct bytes_map *m) {
    uint32_t capacity = m->capacity ? m->capacity * 2 : FIRST_SLOTS / 2;
    if (capacity <= m->capacity) return false;
    struct bytes_entry *entries = realloc(m->entries, capacity * sizeof *entries);
    if (!entries) return false;
    m->entries = entries;
    m->capacity = capacity;
    return true;
}

static bool make_room(struct bytes_map *m) {
    if (m->n == m->capacity && !grow_entries(m)) return false;
    return m->n < m->n_slots / 2 || grow_slots(m); /* at most half full: short probes */
}

void bytes_map_deinit(struct bytes_map *m) {
    free(m->entries);
    free(m->slots);
    buf_deinit(&m->pool);
    *m = (struct bytes_map){0};
}

uint32_t bytes_map_find(const struct bytes_map *m, const void *key, size_t n) {
    if (m->n == 0) return BYTES_MAP_NONE;
    uint32_t taken = m->slots[slot_of(m, key, n, hash_of(key, n))];
    return taken ? taken - 1 : BYTES_MAP_NONE;
}

bool bytes_map_add(struct bytes_map *m, const void *key, size_t n, uint32_t *number,
                   struct err *err) {
    uint32_t hash = hash_of(key, n);
    if (n > UINT32_MAX) return err_set(err, ERR_RANGE, "a string of %zu bytes is too long", n);
    if (!make_room(m)) return err_set(err, ERR_NOMEM, "no memory for %u strings", m->n);
    uint32_t slot = slot_of(m, key, n, hash);
    if (m->slots[slot]) {
        *number = m->slots[slot] - 1;
        return true;
    }
    size_t offset = m->pool.len;
    if (!buf_add(&m->pool, key, n))
        return err_set(err, ERR_NOMEM, "no memory for %zu bytes of strings", offset + n);
    m->entries[m->n] = (struct bytes_entry){offset, (uint32_t)n, hash};
    *number = m->n++;
    m->slots[slot] = *number + 1;
    return true;
}

const char *bytes_map_key(const struct bytes_map *m, uint32_t number, size_t *n) {
    *n = m->entries[number].length;
    return m->pool.data + m->entries[number].offset;
}
