/* large_blocks.c - blocks of 128 KB and more, kept for the next input: below that
 * AddressSanitizer recycles its own, above it each costs a mapping and a fault for every page,
 * more than the parsing does. The linker sends malloc() and its kin in here (--wrap,
 * tests/CMakeLists.txt). What is free is poisoned, so that its use is seen all the same; what
 * nobody gives back is a leak, as it was. For one thread. */
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stddef.h>

enum { LARGE = 1 << 17, KEPT = 4 };

static struct {
    void *at; /* NULL: free */
    size_t n;
    bool used;
} kept[KEPT];

void *__real_malloc(size_t n);
void __real_free(void *p);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void __wrap_free(void *p);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) {
    if (n < LARGE) return __real_malloc(n);
    int place = -1;
    for (int i = 0; i < KEPT; i++) {
        if (!kept[i].at) place = i;
        if (!kept[i].at || kept[i].used || kept[i].n != n) continue;
        ASAN_UNPOISON_MEMORY_REGION(kept[i].at, n);
        kept[i].used = true;
        return kept[i].at;
    }
    void *block = __real_malloc(n);
    if (!block || place < 0) return block;
    kept[place].at = block;
    kept[place].n = n;
    kept[place].used = true;
    return block;
}

void __wrap_free(void *p) {
    for (int i = 0; p && i < KEPT; i++) {
        if (kept[i].at != p || !kept[i].used) continue;
        ASAN_POISON_MEMORY_REGION(p, kept[i].n);
        kept[i].used = false;
        return;
    }
    __real_free(p);
}

/* One that grows is nobody's here any more. */
void *__wrap_realloc(void *p, size_t n) {
    for (int i = 0; p && i < KEPT; i++)
        if (kept[i].at == p && kept[i].used) kept[i].at = NULL;
    return __real_realloc(p, n);
}
