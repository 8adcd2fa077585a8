/* tiling.h - cutting rows or columns into tiles by shape alone, never by the number of workers.
 */
#ifndef THAW_ENGINE_NN_TILING_H
#define THAW_ENGINE_NN_TILING_H
#include <assert.h>

/* Reals of work in a tile of an elementwise op: some 10 us, far above the cost of handing it
 * out. */
enum { TILE_REALS = 16384 };
/* Columns in a tile of an op that sums over rows: whole cache lines, and enough of them in a
 * row that the processor fetches ahead (32 columns take 1.6 times as long). */
enum { TILE_COLUMNS = 96 };

struct span {
    int from, to;
};

static inline int tile_count(int n, int per_tile) { return (n + per_tile - 1) / per_tile; }

static inline struct span tile_span(int tile, int n, int per_tile) {
    int from = tile * per_tile;
    return (struct span){from, n - from < per_tile ? n : from + per_tile};
}

/* Rows of a tile when each row has `width` reals, at least one. */
static inline int tile_rows(int width) {
    assert(width > 0);
    return width < TILE_REALS ? TILE_REALS / width : 1;
}
#endif
