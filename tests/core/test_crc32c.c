/* test_crc32c.c - the checksum of RFC 3720 against the examples of its appendix B.4. */

#include "check.h"
#include "engine/core/crc32c.h"

static void test_examples(void **state) {
    unsigned char bytes[32] = {0};
    (void)state;
    assert_int_equal(crc32c("", 0), 0);
    assert_int_equal(crc32c("123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x8A9136AA);
    for (int i = 0; i < 32; i++) bytes[i] = 0xFF;
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x62A8AB43);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x46DD794E);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x113FDB5C);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
