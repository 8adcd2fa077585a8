/* prefix_cache.h - what went into the lowest block that learns, kept from epoch to epoch.
 * While the embedding and the blocks below the cut are frozen, a window's residual stream there is the
 * same every time the window comes back (engine/data/batcher.h), so those blocks are computed once a
 * window. Training with and without it gives the same bits: a sequence's stream does not depend on
 * which others are computed with it (engine/model/prefix.c), and nothing is kept over a change of what
 * lies below the cut. Of training alone: evaluation and sampling know nothing of it.
 * Memory is reserved once; a slot that was never filled costs none. */
#ifndef THAW_ENGINE_RUN_PREFIX_CACHE_H
#define THAW_ENGINE_RUN_PREFIX_CACHE_H
#include "engine/model/transformer.h"

struct prefix_cache; /* opaque */

/* Room for windows 0 .. slots - 1, `reals` numbers each; a later window is computed every time. At most
 * `batch` sequences are asked for at once. slots 0 is fine: nothing is kept. Owner: the caller. */
struct prefix_cache *prefix_cache_create(size_t slots, size_t reals, int batch, struct err *err);
void prefix_cache_destroy(struct prefix_cache *c); /* NULL is fine */
size_t prefix_cache_slots(const struct prefix_cache *c);

/* To be told before every step: the windows' numbers are of this stage, and blocks below `cut` are
 * frozen. Where one of them is not what it was, all is forgotten: only then can anything below have
 * learned meanwhile. */
void prefix_cache_begin(struct prefix_cache *c, int stage, int cut);

/* Where the streams of windows ids[n] stand, or are to be put. Borrowed until the next call; NULL when
 * there is nothing to keep (cut 0, or no slots). A window that comes twice at once is kept once. */
const struct prefix *prefix_cache_find(struct prefix_cache *c, const size_t *ids, int n);
/* The pass over what was found last has run: all that was to be put there stands there. Returns how
 * many of the n sequences had been known. */
int prefix_cache_filled(struct prefix_cache *c);
#endif
