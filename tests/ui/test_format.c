#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/format.h"

static const struct format_case {
    const char *name;
    void (*format)(char *, double);
    double value;
    const char *text;
} cases[] = {
    {"loss", format_loss, 1.8124, "1.812"},
    {"loss that rounds up to ten", format_loss, 9.99961, "10.00"},
    {"loss above ten", format_loss, 10.824, "10.82"},
    {"loss that is none", format_loss, NAN, "    -"},
    {"loss that is infinite", format_loss, INFINITY, "  inf"},
    {"rate", format_rate, 2.1e-4, "2.1e-4"},
    {"rate that rounds up to ten", format_rate, 9.96e-5, "1.0e-4"},
    {"rate of nothing", format_rate, 0, "     0"},
    {"norm", format_norm, 0.914, "0.91"},
    {"norm above ten", format_norm, 12.34, "12.3"},
    {"norm, huge", format_norm, 23456, "2e+4"},
    {"small", format_small, 0.0312, "3e-2"},
    {"perplexity in four columns", format_ppl, 6.58, " 6.6"},
    {"perplexity of thousands", format_ppl, 11234, " 11k"},
    {"perplexity, huge", format_ppl, 2.1e6, "2e+6"},
    {"change upwards", format_change, 1.39, " +39%"},
    {"change downwards", format_change, 0.0784, " -92%"},
    {"change beyond tenfold", format_change, 14.02, "14.0x"},
    {"change of none", format_change, NAN, "    -"},
    {"small that rounds up", format_small, 0.0951, "1e-1"},
    {"speed", format_speed, 12412, "12.4k"},
    {"speed, slow", format_speed, 830, "  830"},
    {"duration of seconds", format_duration, 17.2, " 0:17"},
    {"duration of minutes", format_duration, 59.7 * 60, "59:42"},
    {"duration of hours", format_duration, 3900, "1h05m"},
    {"duration of days", format_duration, 3 * 86400 + 4 * 3600, "3d04h"},
    {"duration not known", format_duration, NAN, "    -"},
    {"seconds of a step", format_seconds, 1.39, "1.39s"},
    {"milliseconds of a step", format_seconds, 0.139, "139ms"},
    {"perplexity", format_perplexity, 84.07, "84.1"},
    {"perplexity, large", format_perplexity, 1840.4, "1840"},
    {"count", format_count, 12412, "12.4k"},
    {"count of millions", format_count, 3.4e6, "3.4M"},
    {"bytes", format_bytes, 412.0 * 1048576, "412 MiB"},
    {"percent", format_percent, 0.314, "31.4%"},
    {"percent, tiny", format_percent, 0.00002, "0.002%"},
    {"percent, nearly none", format_percent, 1e-9, "<0.001%"},
    {"percent, all", format_percent, 0.9999, "100%"},
};

static void test_case(void **state) {
    const struct format_case *k = *state;
    char out[FORMAT_MAX];
    k->format(out, k->value);
    assert_string_equal(out, k->text);
}

/* Whatever the number, the width stays and the buffer holds it. */
static void test_widths(void **state) {
    static const struct {
        void (*format)(char *, double);
        size_t columns; /* 0: not fixed */
        double low, high;
    } kinds[] = {
        {format_loss, 5, 1e-9, 9e98},    {format_rate, 6, 1e-9, 9.9},
        {format_norm, 4, 1e-12, 9e9},    {format_small, 4, 1e-9, 9e9},
        {format_speed, 5, 0.01, 9e7},    {format_duration, 5, 0, 9e8},
        {format_seconds, 5, 1e-6, 1e7},  {format_perplexity, 0, 1, 1e200},
        {format_count, 0, 0, 1e200},     {format_bytes, 0, 0, 1e200},
        {format_percent, 0, 0, 1},       {format_ppl, 4, 1, 1e200},
        {format_change, 5, 1e-9, 1e200},
    };
    struct rng r = rng_make(3, 0, 0);
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (int i = 0; i < 5000; i++) {
            char out[FORMAT_MAX];
            double low = log(kinds[k].low + 1e-12), high = log(kinds[k].high);
            double value = exp(low + rng_uniform(&r) * (high - low));
            kinds[k].format(out, value);
            if (kinds[k].columns && strlen(out) != kinds[k].columns)
                fail_msg("kind %zu: %g is \"%s\"", k, value, out);
            assert_true(strlen(out) < FORMAT_MAX);
        }
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_case,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest){.name = "widths", .test_func = test_widths};
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
