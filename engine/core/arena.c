#include "engine/core/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Under AddressSanitizer what was not taken is poisoned, the rounding after a piece included,
 * so that running over the end of one is seen. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Bytes from which 2 MiB pages pay: fewer TLB misses over weights and activations. */
static const size_t HUGE_FROM = (size_t)16 << 20;

struct arena {
    char *base; /* page-aligned */
    size_t capacity, used;
};

/* mmap refuses a length of 0, and taking nothing should still give a pointer. */
static size_t mapped_bytes(const struct arena *a) { return a->capacity ? a->capacity : 1; }

size_t arena_round(size_t bytes) {
    size_t up = bytes + (ARENA_ALIGN - 1);
    return up < bytes ? SIZE_MAX - (ARENA_ALIGN - 1) : up & ~(size_t)(ARENA_ALIGN - 1);
}

struct arena *arena_create(size_t capacity, struct err *err) {
    struct arena *a = calloc(1, sizeof *a);
    if (!a) goto no_memory;
    a->capacity = arena_round(capacity);
    void *base =
        mmap(NULL, mapped_bytes(a), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) goto no_memory;
    a->base = base;
    if (a->capacity >= HUGE_FROM) madvise(base, a->capacity, MADV_HUGEPAGE); /* a hint */
    ASAN_POISON_MEMORY_REGION(a->base, a->capacity);
    return a;

no_memory:
    free(a);
    err_set(err, ERR_NOMEM,
            "not enough memory: %.1f MiB wanted; make the model, batch or context smaller",
            (double)capacity / (1 << 20));
    return NULL;
}

void arena_destroy(struct arena *a) {
    if (!a) return;
    ASAN_UNPOISON_MEMORY_REGION(a->base, a->capacity);
    munmap(a->base, mapped_bytes(a));
    free(a);
}

void *arena_take(struct arena *a, size_t bytes, struct err *err) {
    size_t left = a->capacity - a->used;
    if (bytes >
        left) { /* `left` is a multiple of ARENA_ALIGN: what fits also fits rounded up */
        err_set(err, ERR_NOMEM, "arena: %zu bytes do not fit in the %zu bytes left", bytes,
                left);
        return NULL;
    }
    void *p = a->base + a->used;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    a->used += arena_round(bytes);
    return p;
}

void arena_forget(struct arena *a) {
    size_t used = a->used; /* its last page holds nothing else */
    if (used > 0) madvise(a->base, used, MADV_DONTNEED);
}

void arena_forget_part(void *from, size_t bytes) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from;
    uintptr_t first = (start + page - 1) / page * page, end = (start + bytes) / page * page;
    char *at = from;
    if (first >= end) {
        memset(at, 0, bytes);
        return;
    }
    memset(at, 0, first - start);
    madvise(at + (first - start), end - first, MADV_DONTNEED);
    memset(at + (end - start), 0, start + bytes - end);
}

size_t arena_mark(const struct arena *a) { return a->used; }

void arena_rewind(struct arena *a, size_t mark) {
    assert(mark <= a->used);
    ASAN_POISON_MEMORY_REGION(a->base + mark, a->used - mark);
    a->used = mark;
}

size_t arena_capacity(const struct arena *a) { return a->capacity; }
