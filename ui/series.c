#include "ui/series.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

static const struct span EMPTY = {INFINITY, -INFINITY, false};

static void add_value(struct span *s, float y) {
    if (!isfinite(y)) {
        s->bad = true;
        return;
    }
    if (y < s->lo) s->lo = y;
    if (y > s->hi) s->hi = y;
}

static void add_span(struct span *s, struct span other) {
    if (other.lo < s->lo) s->lo = other.lo;
    if (other.hi > s->hi) s->hi = other.hi;
    s->bad |= other.bad;
}

/* Points that one entry of `level` stands for, as a power of two. */
static int bits_of(int level) { return SERIES_FAN_BITS * (level + 1); }

static void *grown(void *p, size_t n, size_t size) {
    return n <= SIZE_MAX / size ? realloc(p, n * size) : NULL;
}

static bool reserve(struct series *s, size_t capacity) {
    for (int u = 0; u < UNIT_COUNT; u++) {
        double *x = grown(s->x[u], capacity, sizeof *x);
        if (!x) return false;
        s->x[u] = x;
    }
    float *y = grown(s->y, capacity, sizeof *y);
    if (!y) return false;
    s->y = y;
    for (int k = 0; k < SERIES_LEVELS; k++) {
        struct span *level = grown(s->level[k], (capacity >> bits_of(k)) + 1, sizeof *level);
        if (!level) return false;
        s->level[k] = level;
    }
    s->capacity = capacity;
    return true;
}

bool series_push(struct series *s, const double x[UNIT_COUNT], double y) {
    if (s->n == s->capacity && !reserve(s, s->capacity ? s->capacity * 2 : FIRST_CAPACITY))
        return false;
    size_t i = s->n++;
    for (int u = 0; u < UNIT_COUNT; u++) {
        double before = i > 0 ? s->x[u][i - 1] : 0;
        s->x[u][i] = x[u] > before ? x[u] : before;
    }
    s->y[i] = (float)y;
    for (int k = 0; k < SERIES_LEVELS; k++) {
        struct span *entry = &s->level[k][i >> bits_of(k)];
        if ((i & (((size_t)1 << bits_of(k)) - 1)) == 0) *entry = EMPTY;
        add_value(entry, s->y[i]);
    }
    return true;
}

bool series_copy(struct series *to, const struct series *from) {
    size_t n = from->n;
    if (n > to->capacity && !reserve(to, n)) return false;
    to->n = n;
    if (n == 0) return true;
    for (int u = 0; u < UNIT_COUNT; u++) memcpy(to->x[u], from->x[u], n * sizeof *to->x[u]);
    memcpy(to->y, from->y, n * sizeof *to->y);
    for (int k = 0; k < SERIES_LEVELS; k++)
        memcpy(to->level[k], from->level[k],
               (((n - 1) >> bits_of(k)) + 1) * sizeof(struct span));
    return true;
}

void series_truncate(struct series *s, size_t n) {
    if (n >= s->n) return;
    s->n = n;
    for (int k = 0; k < SERIES_LEVELS; k++) { /* the entry that is now cut in two, from below */
        size_t entry = n >> bits_of(k), from = entry << bits_of(k);
        if (from == n) continue;
        struct span sum = EMPTY;
        if (k == 0)
            for (size_t i = from; i < n; i++) add_value(&sum, s->y[i]);
        else
            for (size_t i = from >> bits_of(k - 1); i << bits_of(k - 1) < n; i++)
                add_span(&sum, s->level[k - 1][i]);
        s->level[k][entry] = sum;
    }
}

void series_deinit(struct series *s) {
    for (int u = 0; u < UNIT_COUNT; u++) free(s->x[u]);
    free(s->y);
    for (int k = 0; k < SERIES_LEVELS; k++) free(s->level[k]);
    *s = (struct series){0};
}

size_t series_find(const struct series *s, enum series_unit unit, double at) {
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->x[unit][middle] < at) low = middle + 1;
        else high = middle;
    }
    return low;
}

struct span series_span(const struct series *s, size_t from, size_t to) {
    struct span sum = EMPTY;
    if (to > s->n) to = s->n;
    for (size_t i = from; i < to;) { /* at each place the largest whole entry that fits */
        int k = SERIES_LEVELS - 1;
        while (k >= 0 && ((i & (((size_t)1 << bits_of(k)) - 1)) != 0 ||
                          i + ((size_t)1 << bits_of(k)) > to))
            k--;
        if (k < 0) add_value(&sum, s->y[i++]);
        else {
            add_span(&sum, s->level[k][i >> bits_of(k)]);
            i += (size_t)1 << bits_of(k);
        }
    }
    return sum;
}
