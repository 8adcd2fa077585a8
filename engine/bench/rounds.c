/* rounds.c - repeating, summing up, and what the process has taken. */
#include <stdlib.h>
#include <sys/resource.h>

#include "engine/bench/parts.h"

static const double wanted_seconds = 5;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_time rounds_sum_up(double *seconds, int n) {
    qsort(seconds, (size_t)n, sizeof *seconds, ascending);
    return (struct bench_time){seconds[n / 2], seconds[0], seconds[n - 1]};
}

int rounds_for(const struct bench_options *o, double seconds) {
    if (o->iters > 0) return o->iters;
    double fit = wanted_seconds / seconds;
    if (fit < BENCH_LEAST_ITERS) return BENCH_LEAST_ITERS;
    return fit < BENCH_MOST_ITERS ? (int)fit : BENCH_MOST_ITERS;
}

void rounds_tell(const struct bench_options *o, int done, int all) {
    if (o->progress) o->progress(o->progress_ctx, (double)done / all);
}

uint64_t rounds_peak_rss(void) {
    struct rusage usage = {.ru_maxrss = 0};
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024; /* Linux counts KiB */
}
