/* arena.h - one block, taken front to back, freed once.
 * Weights, gradients, moments and activations each live in an arena whose size is known before
 * the first step. Pages that were never touched cost no memory (anonymous mmap). */
#ifndef THAW_ENGINE_CORE_ARENA_H
#define THAW_ENGINE_CORE_ARENA_H
#include <stddef.h>
#include <stdint.h>

#include "engine/core/err.h"
#include "engine/core/real.h"

enum { ARENA_ALIGN = 64 }; /* bytes: one cache line, one AVX-512 vector */

struct arena; /* opaque */

/* Reserve `capacity` zeroed bytes. NULL with ERR_NOMEM. Owner: the caller. */
struct arena *arena_create(size_t capacity, struct err *err);
void arena_destroy(struct arena *a); /* NULL is fine */

/* Take `n` zeroed bytes or reals, aligned to ARENA_ALIGN. NULL with ERR_NOMEM when full.
 * Lives until arena_rewind() past it or arena_destroy(). Rewound memory is not zeroed again. */
void *arena_take(struct arena *a, size_t bytes, struct err *err);
static inline real *arena_take_reals(struct arena *a, size_t n, struct err *err) {
    return (real *)arena_take(a, n <= SIZE_MAX / sizeof(real) ? n * sizeof(real) : SIZE_MAX, err);
}

/* Bytes that taking `n` bytes uses up: n rounded up to ARENA_ALIGN. For sizing an arena. */
size_t arena_round(size_t bytes);

/* Give back the memory of all that was taken until it is written again: it is zeros now. */
void arena_forget(struct arena *a);
/* The same of some bytes of an arena: zeros now, and whole pages among them are given back. */
void arena_forget_part(void *from, size_t bytes);

size_t arena_mark(const struct arena *a);            /* scratch: rewinding to a mark */
void arena_rewind(struct arena *a, size_t mark);     /* gives back all taken since   */
size_t arena_capacity(const struct arena *a);        /* bytes */
#endif
