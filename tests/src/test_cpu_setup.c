#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "src/cpu_setup.h"

static const struct choice {
    const char *name;
    struct cpu_features features;
    const char *core; /* NULL: OpenBLAS's own choice */
} choices[] = {
    {"Intel with AVX-512", {.avx512 = true, .avx2_fma = true}, "SkylakeX"},
    {"AMD with AVX-512", {.avx512 = true, .avx2_fma = true, .amd = true}, "SkylakeX"},
    {"Intel with AVX2", {.avx2_fma = true}, "Haswell"},
    {"AMD with AVX2", {.avx2_fma = true, .amd = true}, "Zen"},
    {"old Intel", {.amd = false}, NULL},
    {"old AMD", {.amd = true}, NULL},
};

static void test_choice(void **state) {
    const struct choice *c = *state;
    const char *core = cpu_coretype(c->features);
    if (c->core) assert_string_equal(core, c->core);
    else assert_null(core);
}

/* What doctor says follows from the environment that the second start finds. */
static void test_text(void **state) {
    (void)state;
    unsetenv("THAW_CPU_SETUP");
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    assert_string_equal(cpu_setup_text(), "Haswell (not set up)");
    setenv("THAW_CPU_SETUP", "user", 1);
    assert_string_equal(cpu_setup_text(), "Haswell (set by the user)");
    setenv("THAW_CPU_SETUP", "cpuid", 1);
    assert_string_equal(cpu_setup_text(), "Haswell (chosen from cpuid)");
    unsetenv("OPENBLAS_CORETYPE");
    setenv("THAW_CPU_SETUP", "none", 1);
    assert_string_equal(cpu_setup_text(),
                        "OpenBLAS's own choice (nothing better known for this processor)");
}

/* On this machine: AVX-512 never without AVX2, and a set is known for every AVX2 processor. */
static void test_detect(void **state) {
    (void)state;
    struct cpu_features f = cpu_detect();
    if (f.avx512) assert_true(f.avx2_fma);
    assert_true((cpu_coretype(f) != NULL) == f.avx2_fma);
}

int main(void) {
    struct CMUnitTest tests[COUNT(choices) + 2];
    for (size_t i = 0; i < COUNT(choices); i++)
        tests[i] = (struct CMUnitTest){.name = choices[i].name,
                                       .test_func = test_choice,
                                       .initial_state = (void *)&choices[i]};
    tests[COUNT(choices)] = (struct CMUnitTest)cmocka_unit_test(test_text);
    tests[COUNT(choices) + 1] = (struct CMUnitTest)cmocka_unit_test(test_detect);
    return cmocka_run_group_tests_name("cpu_setup", tests, NULL, NULL);
}
