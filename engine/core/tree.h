/* tree.h - a sum of 2^k parts as a balanced binary tree, made in the order in which the parts come.
 *           +
 *         /   \        Parts 0 and 1 are added, then 2 and 3, then both sums; and so on.
 *        +     +
 *       / \   / \      Which parts meet follows from how many there are, never from who adds them: whoever has
 *      0   1 2   3     an aligned half of them has a subtree, and a + b is b + a. So a sum over a batch is the
 * same bits for one process and for as many as there are parts (engine/dist/ranks.h).
 * A sum needs k + 1 places: part i is put into place tree_place(i), and then, tree_merges(i) times, what was put
 * or added last is added to the place before it. After the last part the sum stands in place 0. */
#ifndef THAW_ENGINE_CORE_TREE_H
#define THAW_ENGINE_CORE_TREE_H
#include <stdbool.h>

enum { TREE_LEVELS = 10, TREE_PARTS_MAX = 1 << TREE_LEVELS };

static inline int tree_place(int i) { return __builtin_popcount((unsigned)i); }
static inline int tree_merges(int i) { return __builtin_ctz(~(unsigned)i); }
/* Whether n parts make such a tree; and its levels: the places that it needs beside place 0. */
static inline bool tree_is_whole(int n) { return n > 0 && (n & (n - 1)) == 0; }
static inline int tree_levels(int n) { return __builtin_ctz((unsigned)n); }

/* Part i of a sum of numbers. place[TREE_LEVELS + 1] is the caller's; place[0] is the sum after the last. */
static inline void tree_add(double *place, int i, double x) {
    int at = tree_place(i);
    place[at] = x;
    for (int n = tree_merges(i); n > 0; n--, at--) place[at - 1] += place[at];
}
#endif
