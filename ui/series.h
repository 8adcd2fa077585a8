/* series.h - a growing curve that costs the same to look at however long it is.
 * Points come with x ascending in three units at once. Above them stand summaries of 16, 256,
 * 4096 ... points, so that the smallest and largest y of any span take O(16 log n). */
#ifndef THAW_UI_SERIES_H
#define THAW_UI_SERIES_H
#include <stdbool.h>
#include <stddef.h>

enum series_unit { UNIT_STEPS, UNIT_TOKENS, UNIT_SECONDS, UNIT_COUNT };
enum { SERIES_FAN_BITS = 4, SERIES_LEVELS = 6 };

/* What a span of points holds. lo > hi: no finite point. */
struct span {
    float lo, hi;
    bool bad; /* a NaN or an infinity is among them */
};

struct series {
    size_t n, capacity;
    double *x[UNIT_COUNT];
    float *y;
    struct span
        *level[SERIES_LEVELS]; /* level[k][i]: points [i * 16^(k+1), (i+1) * 16^(k+1)) */
};

/* Append a point; x is made ascending where it is not. False when memory is out (nothing
 * changes). */
bool series_push(struct series *s, const double x[UNIT_COUNT], double y);
/* Make `to` (of any content) the same points. False when memory is out (nothing changes). */
bool series_copy(struct series *to, const struct series *from);
/* Forget all points from index n on. */
void series_truncate(struct series *s, size_t n);
void series_deinit(struct series *s); /* leaves it empty */

/* Index of the first point with x >= at, n when there is none. */
size_t series_find(const struct series *s, enum series_unit unit, double at);
/* Summary of the points [from, to). */
struct span series_span(const struct series *s, size_t from, size_t to);
#endif
