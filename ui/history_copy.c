/* history_copy.c - the fold as a value: kept at one place of the log, to go on from there
 * later. */
#include <stdlib.h>
#include <string.h>

#include "ui/history.h"

enum { SENTENCE_BYTES = 128 }; /* of a journal's line with its text, about */

static bool copy_groups(struct history *to, const struct history *from) {
    if (!from->groups) return true;
    size_t n = (size_t)from->n_groups + 1;
    to->groups = malloc(n * sizeof *to->groups);
    if (!to->groups) return false;
    memcpy(to->groups, from->groups, (n - 1) * sizeof *to->groups);
    return true;
}

static bool copy_curves(struct history *to, const struct history *from) {
    size_t n = from->train.n;
    bool ok = series_copy(&to->train, &from->train);
    for (int s = 0; ok && n > 0 && s < SMOOTHINGS; s++) {
        to->smooth[s] = malloc(to->train.capacity * sizeof *to->smooth[s]);
        ok = to->smooth[s] != NULL;
        if (ok) memcpy(to->smooth[s], from->smooth[s], n * sizeof *to->smooth[s]);
    }
    to->smooth_capacity = n > 0 ? to->train.capacity : 0;
    for (int i = 0; ok && i < from->n_sets; i++)
        ok = series_copy(&to->sets[i].tuned, &from->sets[i].tuned) &&
             series_copy(&to->sets[i].base, &from->sets[i].base);
    return ok;
}

bool history_copy(struct history *to, const struct history *from) {
    struct history copy = *from;
    copy.groups = NULL;
    copy.train = (struct series){0};
    memset(copy.smooth, 0, sizeof copy.smooth);
    for (int i = 0; i < HISTORY_SETS; i++)
        copy.sets[i].tuned = copy.sets[i].base = (struct series){0};
    copy.journal = (struct journal){0};
    samples_init(&copy.samples);
    if (copy_groups(&copy, from) && copy_curves(&copy, from) &&
        samples_copy(&copy.samples, &from->samples) &&
        journal_copy(&copy.journal, &from->journal)) {
        history_deinit(to);
        *to = copy;
        return true;
    }
    history_deinit(&copy);
    return false;
}

size_t history_bytes(const struct history *h) {
    size_t points = h->train.n, point = sizeof(double) * UNIT_COUNT + sizeof(float);
    size_t bytes = points * SMOOTHINGS * sizeof(float) + h->journal.n_lines * SENTENCE_BYTES +
                   h->journal.n_marks * sizeof *h->journal.marks;
    for (int i = 0; i < h->n_sets; i++) points += h->sets[i].tuned.n + h->sets[i].base.n;
    return bytes + points * point;
}
