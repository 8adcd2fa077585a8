#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/chart.h"

enum { LABEL_BYTES = 12, MAX_SAMPLES = 4096, FEW = 8, MAX_WARM_UP = 10 };

void chart_number(char *out, double v) {
    static const char units[] = " kMGTP";
    if (!isfinite(v)) {
        snprintf(out, LABEL_BYTES, "%s", isnan(v) ? "nan" : v > 0.0 ? "inf" : "-inf");
        return;
    }
    char rounded[32];
    snprintf(rounded, sizeof rounded, "%.2e", v); /* three digits, as they will be shown */
    v = strtod(rounded, NULL);
    double size = fabs(v);
    if (size >= 1e18 || (size > 0.0 && size < 0.01)) {
        snprintf(rounded, sizeof rounded, "%.0e", v);
        char *e = strchr(rounded, 'e');
        int exponent = atoi(e + 1);
        *e = '\0';
        snprintf(out, LABEL_BYTES, "%.2se%d", rounded, exponent % 1000);
        return;
    }
    int unit = 0;
    while (size >= 1000.0) {
        size /= 1000.0;
        v /= 1000.0;
        unit++;
    }
    int decimals = size >= 100.0 ? 0 : size >= 10.0 ? 1 : 2;
    int n = snprintf(out, LABEL_BYTES, "%.*f", decimals, v);
    if (unit > 0 && n > 0 && n + 1 < LABEL_BYTES) out[n] = units[unit], out[n + 1] = '\0';
}

/* What chart_number's digits can tell apart near v. */
static double resolution(double v) {
    double size = fabs(v);
    return size > 0.0 ? pow(10.0, floor(log10(size)) - (size < 0.01 ? 0.0 : 2.0)) : 0.0;
}

void chart_tick(char *out, double v, double step, int most) {
    static const char units[] = " kMGTP";
    chart_number(out, v);
    if (!isfinite(v) || !(step > 0.0) || step >= 0.999 * resolution(v)) return;
    int unit = 0, decimals = step < 1.0 ? (int)ceil(-log10(step) - 1e-9) : 0;
    for (; step >= 999.0 && unit < 5; unit++) step /= 1000.0, v /= 1000.0;
    char digits[352]; /* the largest double */
    int n = snprintf(digits, sizeof digits, "%.*f%.*s", decimals, v, unit > 0, &units[unit]);
    if (n > 0 && n <= most && n < LABEL_BYTES) memcpy(out, digits, (size_t)n + 1);
}

/* ---- the range of y */

/* The k-th smallest of v[n], which is reordered (Hoare's FIND, Communications of the ACM,
 * 1961). */
static double select_kth(double *v, int n, int k) {
    int low = 0, high = n - 1;
    while (low < high) {
        double pivot = v[k];
        int i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (pivot < v[j]) j--;
            if (i > j) break;
            double swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        if (j < k) low = i;
        if (k < i) high = j;
    }
    return v[k];
}

/* The points of [x0, x1]: indexes [*from, *to), without those of the warm-up, when the loss is
 * far above all that follows, if the run's start is among them. */
static void points_in(const struct chart_series *s, double x0, double x1, size_t *from,
                      size_t *to) {
    *from = chart_find(s->x, s->n, x0);
    *to = chart_find(s->x, s->n, x1);
    while (*to < s->n && s->x[*to] <= x1) ++*to;
    size_t n = *to - *from, warm_up = n / 50;
    if (*from > 0 || n < FEW) return;
    *from += warm_up < 1 ? 1 : warm_up > MAX_WARM_UP ? MAX_WARM_UP : warm_up;
}

/* Widen *low and *high to hold the middle 99 % of a series. */
static void fit_series(const struct chart_series *s, double x0, double x1, bool log_y,
                       double *low, double *high) {
    double sample[MAX_SAMPLES];
    size_t from, to;
    points_in(s, x0, x1, &from, &to);
    size_t stride = (to - from) / MAX_SAMPLES + 1;
    int n = 0;
    for (size_t i = from; i < to; i += stride)
        if (isfinite(s->y[i]) && (!log_y || s->y[i] > 0.0)) sample[n++] = s->y[i];
    if (n == 0) return;
    int cut = (n - 1) / 200; /* half a percent at either end */
    *low = fmin(*low, select_kth(sample, n, cut));
    *high = fmax(*high, select_kth(sample, n, n - 1 - cut));
}

bool chart_fit(const struct chart_series *series, int n_series, double x0, double x1,
               bool log_y, double *y0, double *y1) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int i = 0; i < n_series; i++) fit_series(&series[i], x0, x1, log_y, &low, &high);
    if (low > high) return false;
    if (log_y) {
        double factor = high > low ? pow(high / low, 0.05) : 1.05;
        *y0 = low / factor;
        *y1 = high * factor;
        return true;
    }
    double room = high > low ? 0.05 * (high - low) : fmax(0.05 * fabs(high), 1e-3);
    *y0 = low >= 0.0 ? fmax(0.0, low - room) : low - room;
    *y1 = high + room;
    return true;
}

size_t chart_find(const double *x, size_t n, double at) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (x[mid] < at) low = mid + 1;
        else high = mid;
    }
    return low;
}

/* ---- sparkline */

/* The mean of the finite ones of y[n]; NaN when there is none. */
static double finite_mean(const double *y, size_t n) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) continue;
        sum += y[i];
        count++;
    }
    return count > 0 ? sum / (double)count : nan("");
}

static uint32_t level_glyph(enum glyphs glyphs, int level) {
    static const char ascii[] = "_.-=+*#@";
    return glyphs == GLYPHS_ASCII ? (uint32_t)ascii[level] : 0x2581 + (uint32_t)level;
}

void chart_sparkline(struct canvas *c, int x, int row, int w, const double *y, size_t n,
                     enum style style) {
    if (n == 0 || w <= 0) return;
    size_t columns = n < (size_t)w ? n : (size_t)w;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < columns; k++) {
            size_t from = n * k / columns, to = n * (k + 1) / columns;
            double v = finite_mean(y + from, to - from);
            if (pass == 0) {
                low = fmin(low, v); /* fmin and fmax leave NaN out */
                high = fmax(high, v);
                continue;
            }
            double share = high > low ? (v - low) / (high - low) : 0.0;
            uint32_t ch = isnan(v) ? 'x' : level_glyph(c->glyphs, (int)lround(share * 7.0));
            canvas_put(c, x + (int)k, row, ch, isnan(v) ? STYLE_ERROR : style);
        }
}
