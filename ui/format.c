#include "ui/format.h"

#include <math.h>
#include <stdio.h>

/* Right-aligned in `columns`: what there is instead of a finite number. */
static int put_odd(char *out, int columns, double v) {
    return snprintf(out, FORMAT_MAX, "%*s", columns, isnan(v) ? "-" : v > 0 ? "inf" : "-inf");
}

void format_loss(char *out, double nats) {
    if (!isfinite(nats)) put_odd(out, 5, nats);
    else if (fabs(nats) < 9.9995) snprintf(out, FORMAT_MAX, "%5.3f", nats);
    else if (fabs(nats) < 99.995) snprintf(out, FORMAT_MAX, "%5.2f", nats);
    else snprintf(out, FORMAT_MAX, "%5.0e", nats);
}

/* d.de-d without the zero that printf puts into the exponent. */
void format_rate(char *out, double lr) {
    if (!isfinite(lr)) put_odd(out, 6, lr);
    else if (lr == 0) snprintf(out, FORMAT_MAX, "%6s", "0");
    else {
        int exponent = (int)floor(log10(fabs(lr)));
        double digits = lr / pow(10, exponent);
        if (fabs(digits) >= 9.95) digits /= 10, exponent++;
        snprintf(out, FORMAT_MAX, "%*.1fe%d", exponent < 0 ? 3 : 4, digits, exponent);
    }
}

void format_small(char *out, double x) {
    if (!isfinite(x)) put_odd(out, 4, x);
    else if (x == 0) snprintf(out, FORMAT_MAX, "%4s", "0");
    else {
        int exponent = (int)floor(log10(fabs(x)));
        double digits = x / pow(10, exponent);
        if (fabs(digits) >= 9.5) digits /= 10, exponent++;
        snprintf(out, FORMAT_MAX, "%.0fe%+d", digits, exponent);
    }
}

void format_norm(char *out, double norm) {
    if (!isfinite(norm)) put_odd(out, 4, norm);
    else if (norm < 9.995) snprintf(out, FORMAT_MAX, "%4.2f", norm);
    else if (norm < 99.95) snprintf(out, FORMAT_MAX, "%4.1f", norm);
    else if (norm < 9999.5) snprintf(out, FORMAT_MAX, "%4.0f", norm);
    else format_small(out, norm);
}

void format_distance(char *out, double x) { format_loss(out, x); }

void format_speed(char *out, double per_s) {
    if (!isfinite(per_s)) put_odd(out, 5, per_s);
    else if (per_s < 999.5) snprintf(out, FORMAT_MAX, "%5.0f", per_s);
    else if (per_s < 99950) snprintf(out, FORMAT_MAX, "%4.1fk", per_s / 1e3);
    else if (per_s < 999500) snprintf(out, FORMAT_MAX, "%4.0fk", per_s / 1e3);
    else snprintf(out, FORMAT_MAX, "%4.1fM", per_s / 1e6);
}

void format_duration(char *out, double s) {
    if (!isfinite(s) || s < 0) put_odd(out, 5, NAN);
    else if (s < 3600 - 0.5) {
        int whole = (int)(s + 0.5);
        snprintf(out, FORMAT_MAX, "%2d:%02d", whole / 60, whole % 60);
    } else if (s < 36000) {
        int minutes = (int)(s / 60 + 0.5);
        snprintf(out, FORMAT_MAX, "%dh%02dm", minutes / 60, minutes % 60);
    } else if (s < 86400) snprintf(out, FORMAT_MAX, "%4.0fh", s / 3600);
    else if (s < 864000) {
        int hours = (int)(s / 3600);
        snprintf(out, FORMAT_MAX, "%dd%02dh", hours / 24, hours % 24);
    } else snprintf(out, FORMAT_MAX, "%4.0fd", fmin(s / 86400, 9999));
}

void format_seconds(char *out, double s) {
    if (!isfinite(s) || s < 0) put_odd(out, 5, NAN);
    else if (s < 0.9995) snprintf(out, FORMAT_MAX, "%3.0fms", s * 1e3);
    else if (s < 9.995) snprintf(out, FORMAT_MAX, "%4.2fs", s);
    else if (s < 99.95) snprintf(out, FORMAT_MAX, "%4.1fs", s);
    else snprintf(out, FORMAT_MAX, "%4.0fs", fmin(s, 9999));
}

void format_perplexity(char *out, double ppl) {
    if (!isfinite(ppl)) put_odd(out, 1, ppl);
    else if (ppl < 99.95) snprintf(out, FORMAT_MAX, "%.1f", ppl);
    else if (ppl < 99999.5) snprintf(out, FORMAT_MAX, "%.0f", ppl);
    else snprintf(out, FORMAT_MAX, "%.1e", ppl);
}

void format_ppl(char *out, double ppl) {
    if (!isfinite(ppl)) put_odd(out, 4, ppl);
    else if (ppl < 99.95) snprintf(out, FORMAT_MAX, "%4.1f", ppl);
    else if (ppl < 9999.5) snprintf(out, FORMAT_MAX, "%4.0f", ppl);
    else if (ppl < 999500) snprintf(out, FORMAT_MAX, "%3.0fk", ppl / 1e3);
    else if (ppl < 9.5e9) format_small(out, ppl);
    else snprintf(out, FORMAT_MAX, ">1e9");
}

void format_change(char *out, double ratio) {
    double percent = (ratio - 1) * 100;
    if (!isfinite(ratio)) put_odd(out, 5, NAN);
    else if (percent < 999.5) snprintf(out, FORMAT_MAX, "%+4.0f%%", percent);
    else if (ratio < 99.95) snprintf(out, FORMAT_MAX, "%4.1fx", ratio);
    else if (ratio < 9999.5) snprintf(out, FORMAT_MAX, "%4.0fx", ratio);
    else if (ratio < 9.5e9) {
        format_small(out, ratio);
        snprintf(out + 4, FORMAT_MAX - 4, "x");
    } else snprintf(out, FORMAT_MAX, ">1e9x");
}

void format_count(char *out, double n) {
    if (n < 9999.5) snprintf(out, FORMAT_MAX, "%.0f", n);
    else if (n < 999500) snprintf(out, FORMAT_MAX, "%.1fk", n / 1e3);
    else if (n < 999.5e6) snprintf(out, FORMAT_MAX, "%.1fM", n / 1e6);
    else snprintf(out, FORMAT_MAX, "%.1fG", fmin(n / 1e9, 99999));
}

void format_bytes(char *out, double n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (n >= 1023.5 && unit < 4) n /= 1024, unit++;
    snprintf(out, FORMAT_MAX, unit && n < 9.95 ? "%.1f %s" : "%.0f %s", fmin(n, 99999),
             units[unit]);
}

void format_percent(char *out, double share) {
    double p = share * 100;
    if (!isfinite(p)) put_odd(out, 1, NAN);
    else if (p < 0.0005) snprintf(out, FORMAT_MAX, "<0.001%%");
    else if (p < 0.0995) snprintf(out, FORMAT_MAX, "%.3f%%", p);
    else if (p < 9.995) snprintf(out, FORMAT_MAX, "%.2f%%", p);
    else if (p < 99.95) snprintf(out, FORMAT_MAX, "%.1f%%", p);
    else snprintf(out, FORMAT_MAX, "100%%");
}
