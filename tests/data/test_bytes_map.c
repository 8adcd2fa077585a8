#include <stdio.h>

#include "check.h"
#include "engine/data/bytes_map.h"
#include "tests/data/data_test.h"

/* Numbers follow the order of arrival, through many growths of the table. */
static void test_numbers(void **state) {
    enum { N = 20000 };
    (void)state;
    struct bytes_map m = {0};
    uint32_t number;
    assert_int_equal(bytes_map_find(&m, "nothing", 7), BYTES_MAP_NONE);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < N; i++) {
            uint32_t key[2] = {i * 7919, i};
            assert_true(bytes_map_add(&m, key, i % 2 ? 8 : 5, &number, NULL));
            assert_int_equal(number, i);
        }
    assert_int_equal(m.n, N);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t key[2] = {i * 7919, i};
        size_t n;
        assert_int_equal(bytes_map_find(&m, key, i % 2 ? 8 : 5), i);
        assert_memory_equal(bytes_map_key(&m, i, &n), key, i % 2 ? 8 : 5);
        assert_int_equal(n, i % 2 ? 8 : 5);
    }
    bytes_map_deinit(&m);
    assert_int_equal(bytes_map_find(&m, "nothing", 7), BYTES_MAP_NONE);
}

/* A key is its bytes and its length: prefixes and NULs are keys of their own. */
static void test_prefixes(void **state) {
    (void)state;
    static const char key[8] = {0};
    struct bytes_map m = {0};
    uint32_t number;
    for (uint32_t n = 1; n <= sizeof key; n++) {
        assert_true(bytes_map_add(&m, key, n, &number, NULL));
        assert_int_equal(number, n - 1);
    }
    assert_int_equal(bytes_map_find(&m, key, 3), 2);
    bytes_map_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"bytes_map: numbers in order of arrival", test_numbers, NULL, NULL, NULL},
        {"bytes_map: prefixes differ", test_prefixes, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("bytes_map", tests, NULL, NULL);
}
