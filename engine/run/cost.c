#include "engine/run/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void cost_reset(struct cost_model *m) { *m = (struct cost_model){0}; }

void cost_record(struct cost_model *m, double forward, double backward, double update,
                 double total) {
    m->forward[m->next] = forward;
    m->backward[m->next] = backward;
    m->update[m->next] = update;
    m->total[m->next] = total;
    m->next = (m->next + 1) % COST_STEPS;
    if (m->n < COST_STEPS) m->n++;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *v, int n) {
    double sorted[COST_STEPS];
    if (n == 0) return (double)NAN;
    memcpy(sorted, v, (size_t)n * sizeof *v);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

double cost_step(const struct cost_model *m) { return median(m->total, m->n); }

/* Multiply-adds a token of one group's matrices; a gain or bias costs next to nothing. */
static double matrices(const struct param_table *t, int g) {
    double sum = 0;
    const struct group *group = &t->groups[g];
    for (int p = group->first; p < group->first + group->n; p++)
        if (!t->params[p].vector) sum += (double)t->params[p].rows * t->params[p].cols;
    return sum;
}

static bool ends_in(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Walks from the head down, as the backward pass does: a group's own gradient costs one product
 * where it learns; handing the gradient on costs one more where anything below learns. */
double cost_backward(const struct param_table *t, const bool *learn, int time) {
    const struct model_config *c = &t->config;
    bool any_below[1 + 3 * 1024]; /* any_below[g]: a group before g in the table learns */
    if (t->n_groups > (int)(sizeof any_below / sizeof *any_below)) return 0;
    bool any = false;
    for (int g = 0; g < t->n_groups; g++) {
        any_below[g] = any;
        any |= learn[g];
    }
    /* Scores and weighted values, again for the recomputation, and their gradients: about five.
     */
    double attention = 5.0 * c->heads * c->head_dim * time / 2.0;
    double sum = 0;
    for (int g = 1; g < t->n_groups; g++) {
        const char *name = t->groups[g].name;
        /* The block's norms stand last in its groups and first in its data's way. */
        bool norm_above = t->groups[g].layer >= 0 && !ends_in(name, ".norm");
        int last = g;
        while (norm_above && last + 1 < t->n_groups &&
               t->groups[last + 1].layer == t->groups[g].layer)
            last++;
        bool below = any_below[g] || (norm_above && last > g && learn[last]);
        double own = matrices(t, g);
        sum += (learn[g] ? own : 0) + (below ? own : 0);
        if (ends_in(name, ".attn") && (learn[g] || below)) sum += attention;
    }
    double head = (double)c->vocab * c->width;
    if (c->tied) sum += (learn[0] ? head : 0) + (any ? head : 0);
    return sum;
}

double cost_learning(const struct param_table *t, const bool *learn) {
    double sum = 0;
    for (int g = 0; g < t->n_groups; g++) sum += learn[g] ? (double)t->groups[g].parameters : 0;
    return sum;
}

/* after/before, where nothing before means nothing to scale. */
static double ratio(double after, double before) { return before > 0 ? after / before : 1; }

double cost_predict(const struct cost_model *m, const struct param_table *t, const bool *now,
                    const bool *then, int time) {
    if (m->n == 0) return (double)NAN;
    double backward = median(m->backward, m->n), update = median(m->update, m->n);
    double rest = cost_step(m) - backward - update; /* forward, batch, bookkeeping */
    return rest + backward * ratio(cost_backward(t, then, time), cost_backward(t, now, time)) +
           update * ratio(cost_learning(t, then), cost_learning(t, now));
}
