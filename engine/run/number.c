#include "engine/run/number.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"

enum { LONGEST = 127, EXACT_POWER = 22 };
static const uint64_t exact_mantissa = UINT64_C(1) << 53;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* strtod without the user's locale; glibc keeps the C locale ready, so asking for it is cheap.
 */
static bool read_slowly(const char *s, size_t n, double *x) {
    char text[LONGEST + 1];
    if (n > LONGEST) return false;
    memcpy(text, s, n);
    text[n] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale) return false;
    *x = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return isfinite(*x);
}

/* What stands in a number's text: value = mantissa * 10^power, unless `lost` digits did not
 * fit. */
struct decimal {
    uint64_t mantissa;
    int power;
    int digits;
    bool lost, negative;
};

static size_t scan_digits(const char *s, size_t n, struct decimal *d, int power_each) {
    uint64_t mantissa =
        d->mantissa; /* in a register: this is where reading a log spends its time */
    size_t at = 0;
    for (; at < n && is_digit(s[at]); at++) {
        if (mantissa >= exact_mantissa) d->lost = true;
        else mantissa = mantissa * 10 + (uint64_t)(s[at] - '0');
    }
    d->mantissa = mantissa;
    d->power += power_each * (int)at;
    d->digits += (int)at;
    return at;
}

/* "e-5" after the digits; without a digit behind it the e does not belong to the number. */
static size_t scan_exponent(const char *s, size_t n, struct decimal *d) {
    size_t at = 1;
    if (n < 2 || (s[0] != 'e' && s[0] != 'E')) return 0;
    bool minus = s[at] == '-';
    if (s[at] == '-' || s[at] == '+') at++;
    if (at >= n || !is_digit(s[at])) return 0;
    int power = 0;
    for (; at < n && is_digit(s[at]); at++)
        if (power < 10000) power = power * 10 + (s[at] - '0');
    d->power += minus ? -power : power;
    return at;
}

/* Up to 2^53 and 10^22 both factors are exact doubles, so one operation rounds once: that is
 * the correctly rounded value. Source: W. Clinger, "How to read floating point numbers
 * accurately", PLDI 1990. */
static bool read_quickly(const struct decimal *d, double *x) {
    static const double powers[EXACT_POWER + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->lost || d->mantissa > exact_mantissa) return false;
    if (d->power < -EXACT_POWER || d->power > EXACT_POWER) return false;
    double m = (double)d->mantissa;
    *x = d->power < 0 ? m / powers[-d->power] : m * powers[d->power];
    if (d->negative) *x = -*x;
    return true;
}

size_t number_scan(const char *s, size_t n, double *x) {
    struct decimal d = {0};
    size_t at = 0;
    if (n > 0 && (s[0] == '-' || s[0] == '+')) d.negative = s[at++] == '-';
    at += scan_digits(s + at, n - at, &d, 0);
    if (at < n && s[at] == '.') at += 1 + scan_digits(s + at + 1, n - at - 1, &d, -1);
    if (d.digits == 0) return 0;
    at += scan_exponent(s + at, n - at, &d);
    return read_quickly(&d, x) || read_slowly(s, at, x) ? at : 0;
}

size_t number_scan_whole(const char *s, size_t n, int64_t *x) {
    size_t at = 0;
    bool negative = n > 0 && s[0] == '-';
    if (n > 0 && (s[0] == '-' || s[0] == '+')) at++;
    size_t first = at;
    int64_t value = 0; /* kept negative: that side reaches one further */
    for (; at < n && is_digit(s[at]); at++) {
        int digit = s[at] - '0';
        if (value < (INT64_MIN + digit) / 10) return 0;
        value = value * 10 - digit;
    }
    if (at == first || (!negative && value == INT64_MIN)) return 0;
    *x = negative ? value : -value;
    return at;
}

bool number_parse(const char *text, double *x) {
    size_t n = strlen(text);
    return n > 0 && number_scan(text, n, x) == n;
}

bool number_parse_whole(const char *text, int64_t *x) {
    size_t n = strlen(text);
    return n > 0 && number_scan_whole(text, n, x) == n;
}

int number_digits(double x) {
    struct buf text = {0};
    int digits = 6;
    for (double back = 0; digits < 17; digits++) {
        struct json_writer w = json_writer_make(&text);
        buf_clear(&text);
        json_put_number(&w, x, digits);
        if (number_parse(buf_text(&text), &back) && back == x) break;
    }
    buf_deinit(&text);
    return digits;
}

void number_write(struct buf *out, double x) {
    struct json_writer w = json_writer_make(out);
    json_put_number(&w, x, number_digits(x));
}
