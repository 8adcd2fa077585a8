#include "ui/launch_curve.h"

#include <math.h>

#include "ui/history.h"

static double mean_of(double sum, int64_t n) { return n > 0 ? sum / (double)n : (double)NAN; }

/* One point for each two; a missing one takes nothing from the other. */
static void halve(struct launch_curve *c) {
    for (int i = 0; i < LAUNCH_POINTS / 2; i++) {
        double a = c->point[2 * i], b = c->point[2 * i + 1];
        c->point[i] = isnan(a) ? b : isnan(b) ? a : (a + b) / 2;
    }
    c->n = LAUNCH_POINTS / 2;
    c->per_point *= 2;
}

void launch_curve_add(struct launch_curve *c, double loss) {
    double keep = smoothing_factors[SMOOTHING_USUAL];
    if (c->per_point == 0) c->per_point = 1;
    if (isfinite(loss)) {
        c->mean = keep * c->mean + (1 - keep) * loss;
        c->weight = keep * c->weight + (1 - keep);
        c->sum += c->mean / c->weight;
        c->finite++;
    }
    if (++c->steps < c->per_point) return;
    if (c->n == LAUNCH_POINTS) {
        halve(c);
        if (c->steps < c->per_point) return; /* the point grows on */
    }
    c->point[c->n++] = mean_of(c->sum, c->finite);
    c->steps = c->finite = 0;
    c->sum = 0;
}

void launch_curve_stage(struct launch_curve *c) { c->mean = c->weight = 0; }

int launch_curve_points(const struct launch_curve *c, double out[LAUNCH_POINTS + 1]) {
    for (int i = 0; i < c->n; i++) out[i] = c->point[i];
    if (c->steps == 0) return c->n;
    out[c->n] = mean_of(c->sum, c->finite);
    return c->n + 1;
}
