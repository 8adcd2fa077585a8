#include "check.h"
#include "engine/nn/narrow.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ALL = 65536 }; /* numbers of 16 bits */

static const struct layout {
    enum narrow_kind kind;
    int fraction, bias; /* bits of the fraction; of the exponent */
} layouts[] = {{NARROW_BF16, 7, 127}, {NARROW_F16, 10, 15}};

/* What 16 bits mean, by the definition. */
static double meaning(const struct layout *l, unsigned bits) {
    int exponent = (int)(bits & 0x7fffu) >> l->fraction, full = 2 * l->bias + 1;
    double part = ldexp(bits & ((1u << l->fraction) - 1), -l->fraction);
    double size = exponent == full ? (part > 0 ? (double)NAN : (double)INFINITY)
                  : exponent == 0  ? ldexp(part, 1 - l->bias)
                                   : ldexp(1 + part, exponent - l->bias);
    return bits & 0x8000u ? -size : size;
}

/* All of them at once, from an odd address, and each rounds to itself: also NaN, whose bits are
 * looked at. */
static void test_every_number(void **state) {
    static char memory[2 * ALL + 1];
    static uint16_t all[ALL], again[ALL];
    static real wide[ALL];
    static float narrow[ALL];
    const struct layout *l = *state;
    for (unsigned i = 0; i < ALL; i++) all[i] = (uint16_t)i;
    memcpy(memory + 1, all, sizeof all);
    narrow_widen(wide, memory + 1, ALL, l->kind);
    for (unsigned i = 0; i < ALL; i++) {
        double want = meaning(l, i), is = (double)wide[i];
        if (isnan(want) ? !isnan(is) : is != want || signbit(is) != signbit(want))
            fail_msg("%04x is %.9g, not %.9g", i, is, want);
        narrow[i] = (float)wide[i];
    }
    narrow_round(again, narrow, ALL, l->kind);
    for (unsigned i = 0; i < ALL; i++) {
        bool nan =
            isnan(wide[i]) && sizeof(real) > sizeof(float); /* a double's may be quieted */
        if (!nan && again[i] != i) fail_msg("%04x became %04x", i, again[i]);
    }
}

static uint16_t rounded(enum narrow_kind kind, double x) {
    float wide = (float)x;
    uint16_t to;
    narrow_round(&to, &wide, 1, kind);
    return to;
}

static void test_rounding(void **state) {
    (void)state;
    assert_int_equal(rounded(NARROW_BF16, 1 + ldexp(1, -8)), 0x3f80); /* a tie: to even */
    assert_int_equal(rounded(NARROW_BF16, 1 + 3 * ldexp(1, -8)), 0x3f82);
    assert_int_equal(rounded(NARROW_BF16, 1 + ldexp(1, -8) + ldexp(1, -20)), 0x3f81);
    assert_int_equal(rounded(NARROW_BF16, -3.4e38), 0xff80); /* nearer to infinity */
    assert_int_equal(rounded(NARROW_F16, 1 + ldexp(1, -11)), 0x3c00);
    assert_int_equal(rounded(NARROW_F16, 1 + 3 * ldexp(1, -11)), 0x3c02);
    assert_int_equal(rounded(NARROW_F16, 65519), 0x7bff);
    assert_int_equal(rounded(NARROW_F16, 65520), 0x7c00);
    assert_int_equal(rounded(NARROW_F16, ldexp(1, -25)), 0); /* a tie with 0 */
    assert_int_equal(rounded(NARROW_F16, -3 * ldexp(1, -26)), 0x8001);
    assert_int_equal(rounded(NARROW_F16, 1e-30), 0);
    assert_true(isnan(meaning(&layouts[1], rounded(NARROW_F16, (double)NAN))));
    assert_true(isnan(meaning(&layouts[0], rounded(NARROW_BF16, (double)NAN))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"every bfloat16", test_every_number, NULL, NULL, (void *)&layouts[0]},
        {"every float16", test_every_number, NULL, NULL, (void *)&layouts[1]},
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests_name("narrow", tests, NULL, NULL);
}
