#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/arena.h"

static const struct round_case {
    size_t bytes, rounded;
} round_cases[] = {
    {0, 0},
    {1, 64},
    {63, 64},
    {64, 64},
    {65, 128},
    {4096, 4096},
    {SIZE_MAX - 63, SIZE_MAX - 63},
    {SIZE_MAX, SIZE_MAX - 63},
};

static void test_round(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof round_cases / sizeof *round_cases; i++)
        assert_int_equal(arena_round(round_cases[i].bytes), round_cases[i].rounded);
}

static void test_pieces_are_aligned_zeroed_apart(void **state) {
    (void)state;
    struct arena *a = arena_create(1 << 16, NULL);
    assert_non_null(a);
    unsigned char *last_end = NULL;
    for (size_t n = 1; n <= 200; n += 13) {
        unsigned char *p = arena_take(a, n, NULL);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % ARENA_ALIGN, 0);
        assert_true(p >= last_end);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xFF, n);
        last_end = p + n;
    }
    arena_destroy(a);
}

static void test_full_says_how_much(void **state) {
    (void)state;
    struct err err = {0};
    struct arena *a = arena_create(256, &err);
    assert_int_equal(arena_capacity(a), 256);
    assert_non_null(arena_take(a, 130, &err)); /* takes 192 */
    assert_null(arena_take(a, 65, &err));
    assert_int_equal(err.code, ERR_NOMEM);
    assert_string_equal(err.msg, "arena: 65 bytes do not fit in the 64 bytes left");
    assert_non_null(arena_take(a, 64, &err)); /* the failure took nothing */
    assert_null(arena_take(a, 1, &err));
    assert_non_null(arena_take(a, 0, &err));
    assert_null(arena_take(a, SIZE_MAX, &err));
    assert_null(arena_take_reals(a, SIZE_MAX / 2, &err));
    arena_destroy(a);
}

static void test_rewind_gives_back(void **state) {
    (void)state;
    struct arena *a = arena_create(1024, NULL);
    real *kept = arena_take_reals(a, 4, NULL);
    kept[0] = R(1.5);
    size_t mark = arena_mark(a);
    real *scratch = arena_take_reals(a, 100, NULL);
    arena_rewind(a, mark);
    assert_ptr_equal(arena_take_reals(a, 10, NULL), scratch);
    assert_true(kept[0] == R(1.5));
    arena_rewind(a, 0);
    assert_ptr_equal(arena_take(a, 1024, NULL), kept);
    arena_destroy(a);
}

static void test_sizes_at_the_edge(void **state) {
    (void)state;
    struct arena *none = arena_create(0, NULL);
    assert_non_null(none);
    assert_non_null(arena_take(none, 0, NULL));
    assert_null(arena_take(none, 1, NULL));
    arena_destroy(none);
    arena_destroy(NULL);
    struct err err = {0};
    assert_null(arena_create(SIZE_MAX, &err));
    assert_int_equal(err.code, ERR_NOMEM);
    assert_non_null(strstr(err.msg, "MiB wanted"));
}

static double resident_mib(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* The bound leaves room for AddressSanitizer's shadow, an eighth of the arena. */
static void test_untouched_costs_nothing(void **state) {
    (void)state;
    double before = resident_mib();
    struct arena *a = arena_create((size_t)256 << 20, NULL);
    assert_non_null(a);
    char *p = arena_take(a, (size_t)200 << 20, NULL);
    p[0] = 1;
    assert_true(resident_mib() - before < 64.0);
    arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_pieces_are_aligned_zeroed_apart),
        cmocka_unit_test(test_full_says_how_much),
        cmocka_unit_test(test_rewind_gives_back),
        cmocka_unit_test(test_sizes_at_the_edge),
        cmocka_unit_test(test_untouched_costs_nothing),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
