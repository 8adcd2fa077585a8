#include "engine/core/spelling.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static int least(int a, int b) { return a < b ? a : b; }

/* One row of the table of distances at a time. */
int spelling_distance(const char *a, const char *b) {
    int row[SPELLING_MAX + 1], n = (int)strlen(b);
    if (n > SPELLING_MAX) return SPELLING_MAX;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int changed = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

const char *spelling_nearest(const char *word, const char *const *known, int n) {
    const char *best = NULL;
    int best_distance = 0;
    for (int i = 0; i < n; i++) {
        int distance = spelling_distance(word, known[i]);
        if (best && distance >= best_distance) continue;
        best = known[i];
        best_distance = distance;
    }
    if (!best) return NULL;
    size_t written = strlen(word), other = strlen(best);
    size_t shorter = written < other ? written : other;
    bool begins = shorter > 0 && strncmp(word, best, shorter) == 0;
    return begins || 2 * best_distance <= (int)written ? best : NULL;
}
