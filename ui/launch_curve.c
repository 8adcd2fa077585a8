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

/* How many of the losses belong to steps up to `step`: they come at even distances. */
static int64_t losses_up_to(const struct launch_curve *c, int64_t step) {
    int64_t all = c->n * c->per_point + c->steps;
    if (all == 0 || step < c->first) return 0;
    if (step >= c->last) return all;
    double share = (double)(step - c->first + 1) / (double)(c->last - c->first + 1);
    return (int64_t)((double)all * share);
}

void launch_curve_rewind(struct launch_curve *c, int64_t step) {
    double points[LAUNCH_POINTS + 1];
    int64_t kept = losses_up_to(c, step);
    if (kept == c->n * c->per_point + c->steps) return;
    launch_curve_points(c, points);
    c->n = (int)(kept / c->per_point);
    c->steps = kept % c->per_point;
    double height = c->steps > 0 ? points[c->n] : c->n > 0 ? points[c->n - 1] : (double)NAN;
    c->finite = isnan(height) ? 0 : c->steps;
    c->sum = isnan(height) ? 0 : height * (double)c->finite;
    c->mean = isnan(height) ? 0 : height; /* the average goes on from there */
    c->weight = isnan(height) ? 0 : 1;
    c->last = step;
}

void launch_curve_add(struct launch_curve *c, int64_t step, double loss) {
    double keep = smoothing_factors[SMOOTHING_USUAL];
    if (c->per_point == 0) c->per_point = 1;
    if (step <= c->last) launch_curve_rewind(c, step - 1);
    if (c->n == 0 && c->steps == 0) c->first = step;
    c->last = step;
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
