#include "ui/series.h"

#include <assert.h>
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

/* For points with an x, or without. */
static bool reserve(struct series *s, size_t capacity, bool has_x) {
    for (int u = 0; has_x && u < UNIT_COUNT; u++) {
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

/* Entry `entry` of `level`, now that all its points are there, from what lies below it. */
static struct span summary(const struct series *s, int level, size_t entry) {
    struct span sum = EMPTY;
    size_t from = entry << SERIES_FAN_BITS, to = from + ((size_t)1 << SERIES_FAN_BITS);
    for (size_t i = from; i < to; i++)
        if (level == 0) add_value(&sum, s->y[i]);
        else add_span(&sum, s->level[level - 1][i]);
    return sum;
}

bool series_push(struct series *s, const double x[UNIT_COUNT], double y) {
    assert(s->n == 0 || (x != NULL) == (s->x[0] != NULL));
    if (s->n == s->capacity &&
        !reserve(s, s->capacity ? s->capacity * 2 : FIRST_CAPACITY, x != NULL))
        return false;
    size_t i = s->n++;
    for (int u = 0; x && u < UNIT_COUNT; u++) {
        double before = i > 0 ? s->x[u][i - 1] : 0;
        s->x[u][i] = x[u] > before ? x[u] : before;
    }
    s->y[i] = (float)y;
    for (int k = 0; k < SERIES_LEVELS && s->n % ((size_t)1 << bits_of(k)) == 0; k++)
        s->level[k][i >> bits_of(k)] = summary(s, k, i >> bits_of(k));
    return true;
}

bool series_copy(struct series *to, const struct series *from) {
    size_t n = from->n;
    bool has_x = from->x[0] != NULL;
    if (n > to->capacity && !reserve(to, n, has_x)) return false;
    to->n = n;
    if (n == 0) return true;
    for (int u = 0; has_x && u < UNIT_COUNT; u++)
        memcpy(to->x[u], from->x[u], n * sizeof *to->x[u]);
    memcpy(to->y, from->y, n * sizeof *to->y);
    for (int k = 0; k < SERIES_LEVELS; k++) /* those that are whole */
        memcpy(to->level[k], from->level[k], (n >> bits_of(k)) * sizeof(struct span));
    return true;
}

void series_truncate(struct series *s, size_t n) {
    if (n < s->n)
        s->n = n; /* an entry that is cut in two is made anew when it is whole again */
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
