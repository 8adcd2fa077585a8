/* launch_curve.h - the smoothed training loss of a whole run in a few numbers, however long it is:
 * losses come one by one, and neighbouring points are joined when there is no more room. A run that
 * was taken up again makes its last steps anew: they take the place of the first try's. */
#ifndef THAW_UI_LAUNCH_CURVE_H
#define THAW_UI_LAUNCH_CURVE_H
#include <stdint.h>

enum { LAUNCH_POINTS = 128 };

struct launch_curve {
    double point[LAUNCH_POINTS]; /* means of `per_point` smoothed losses; NaN: none was finite */
    int n;
    int64_t per_point; /* losses; 0 stands for 1, so that {0} is an empty curve */
    int64_t first, last; /* steps of the first and the newest loss */
    /* the point that is being made */
    int64_t steps, finite;
    double sum;
    /* the average since the stage's start: debiased, as the loss pane's */
    double mean, weight;
};

/* The next loss; NaN or infinite: a step without one. Steps at `step` and beyond that are there already
 * are forgotten. */
void launch_curve_add(struct launch_curve *c, int64_t step, double loss);
/* Forget the losses of the steps beyond `step`; a point that is cut keeps its height. */
void launch_curve_rewind(struct launch_curve *c, int64_t step);
/* A stage begins: the average begins anew. */
void launch_curve_stage(struct launch_curve *c);
/* The points with the one in the making, oldest first; returns how many. */
int launch_curve_points(const struct launch_curve *c, double out[LAUNCH_POINTS + 1]);
#endif
