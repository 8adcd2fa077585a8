#include <math.h>

#include "engine/optim/optim.h"

const char *const schedule_words[SCHEDULE_COUNT] = {
    [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_COSINE] = "cosine", [SCHEDULE_WSD] = "wsd"};

/* How far the way from lr (0) to its final share (1) has been gone. The end is the step after
 * the last, so that every step moves something even with a final share of 0. */
static double descent(const struct schedule *s, int64_t step) {
    const double pi = 3.14159265358979323846;
    double left = (double)(s->steps - step);
    if (s->kind == SCHEDULE_COSINE) {
        double way = (double)(s->steps - s->warmup);
        return (1 - cos(pi * (way - left) / way)) / 2;
    }
    if (s->kind == SCHEDULE_WSD) {
        double way = s->decay_share * (double)s->steps;
        return left < way ? (way - left) / way : 0;
    }
    return 0;
}

double schedule_lr(const struct schedule *s, int64_t step) {
    if (step >= s->steps) step = s->steps > 0 ? s->steps - 1 : 0;
    if (step < s->warmup) return s->lr * (double)(step + 1) / (double)(s->warmup + 1);
    return s->lr * (1 + (s->final_share - 1) * descent(s, step));
}
