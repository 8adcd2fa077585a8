#include "engine/run/prefix_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"

enum slot_state { EMPTY, PROMISED, FULL }; /* promised: the pass under way fills it */

struct prefix_cache {
    size_t slots, reals; /* windows, numbers of each */
    int stage, cut;      /* what the slots are of */
    struct arena *arena;
    real *streams;  /* [slots, reals] */
    uint8_t *state; /* [slots] */

    /* what was found last */
    int batch, n; /* most, and last time's */
    size_t *ids;  /* [batch] */
    real **rows;  /* [batch] */
    bool *known;  /* [batch] */
    struct prefix found;
};

static bool reserve(struct prefix_cache *c, struct err *err) {
    size_t batch = (size_t)c->batch;
    c->state = calloc(c->slots + 1, sizeof *c->state); /* calloc(0) may be NULL */
    c->ids = calloc(batch, sizeof *c->ids);
    c->rows = calloc(batch, sizeof(real *));
    c->known = calloc(batch, sizeof *c->known);
    if (!c->state || !c->ids || !c->rows || !c->known)
        return err_set(err, ERR_NOMEM, "no memory to keep %zu windows", c->slots);
    size_t bytes = arena_round(c->slots * c->reals * sizeof(real));
    c->arena = arena_create(bytes, err);
    c->streams = c->arena ? arena_take(c->arena, bytes, err) : NULL;
    return c->streams != NULL;
}

struct prefix_cache *prefix_cache_create(size_t slots, size_t reals, int batch,
                                         struct err *err) {
    assert(batch > 0 && reals > 0 && slots <= SIZE_MAX / sizeof(real) / reals);
    struct prefix_cache *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, ERR_NOMEM, "no memory to keep %zu windows", slots);
        return NULL;
    }
    *c = (struct prefix_cache){.slots = slots, .reals = reals, .batch = batch};
    if (reserve(c, err)) return c;
    prefix_cache_destroy(c);
    return NULL;
}

void prefix_cache_destroy(struct prefix_cache *c) {
    if (!c) return;
    arena_destroy(c->arena);
    free(c->state);
    free(c->ids);
    free(c->rows);
    free(c->known);
    free(c);
}

size_t prefix_cache_slots(const struct prefix_cache *c) { return c->slots; }

void prefix_cache_begin(struct prefix_cache *c, int stage, int cut) {
    if (stage == c->stage && cut == c->cut) return;
    c->stage = stage;
    c->cut = cut;
    memset(c->state, EMPTY, c->slots);
}

const struct prefix *prefix_cache_find(struct prefix_cache *c, const size_t *ids, int n) {
    assert(n <= c->batch);
    c->n = 0;
    if (c->cut == 0 || c->slots == 0) return NULL;
    c->n = n;
    for (int i = 0; i < n; i++) {
        size_t id = c->ids[i] = ids[i];
        bool has_slot = id < c->slots && c->state[id] != PROMISED;
        c->rows[i] = has_slot ? c->streams + id * c->reals : NULL;
        c->known[i] = has_slot && c->state[id] == FULL;
        if (has_slot && !c->known[i]) c->state[id] = PROMISED;
    }
    c->found = (struct prefix){c->rows, c->known};
    return &c->found;
}

int prefix_cache_filled(struct prefix_cache *c) {
    int known = 0;
    for (int i = 0; i < c->n; i++) {
        known += c->known[i];
        if (c->rows[i]) c->state[c->ids[i]] = FULL;
    }
    c->n = 0;
    return known;
}
