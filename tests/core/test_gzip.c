#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "engine/core/gzip.h"
#include "engine/core/rng.h"

enum { BIG = 300000, ROOM = BIG + 4096, GZIP = 16 + MAX_WBITS };

static unsigned char packed[ROOM]; /* the gzip file of a test */
static size_t n_packed;

/* Append a member with this content. */
static void pack(const void *text, size_t n) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)n};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = packed + n_packed;
    z.avail_out = (unsigned)(ROOM - n_packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    n_packed = ROOM - z.avail_out;
    deflateEnd(&z);
}

static int start_empty(void **state) {
    (void)state;
    n_packed = 0;
    return 0;
}

static void assert_holds(const void *text, size_t n, size_t limit) {
    struct buf out = {0};
    struct err err = {0};
    if (!gzip_expand(packed, n_packed, limit, &out, &err)) fail_msg("%s", err.msg);
    assert_int_equal(out.len, n);
    if (n) assert_memory_equal(out.data, text, n);
    buf_deinit(&out);
}

static void assert_refused(size_t n, size_t limit, enum err_code code, const char *says) {
    struct buf out = {0};
    struct err err = {0};
    assert_false(gzip_expand(packed, n, limit, &out, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    buf_deinit(&out);
}

static void test_known(void **state) {
    (void)state;
    assert_false(gzip_is("text", 4));
    assert_false(gzip_is("\x1f\x8b", 2));
    pack("hello", 5);
    assert_true(gzip_is(packed, n_packed));
    assert_holds("hello", 5, 5);
    pack("", 0);
    pack(" again", 6);
    assert_holds("hello again", 11, 1000);
}

/* More than fits into one piece, hardly to be compressed. */
static void test_large(void **state) {
    (void)state;
    struct rng r = rng_make(1, 0, 0);
    unsigned char *text = malloc(BIG);
    assert_non_null(text);
    for (size_t i = 0; i < BIG; i++) text[i] = (unsigned char)rng_next(&r);
    pack(text, BIG);
    assert_holds(text, BIG, BIG);
    assert_refused(n_packed, BIG - 1, ERR_RANGE, "holds more than is read");
    free(text);
}

static void test_bomb(void **state) {
    (void)state;
    static unsigned char zeros[20 << 20];
    pack(zeros, sizeof zeros);
    assert_true(n_packed < 30000);
    struct buf out = {0};
    assert_false(gzip_expand(packed, n_packed, 1 << 20, &out, NULL));
    assert_true(out.capacity <= 4 << 20); /* what may not come out takes no memory */
    buf_deinit(&out);
}

static void test_damaged(void **state) {
    (void)state;
    pack("hello hello hello hello", 23);
    for (size_t n = 0; n < n_packed; n++) assert_refused(n, 1000, ERR_PARSE, "cut short");
    packed[n_packed] = 'x';
    assert_refused(n_packed + 1, 1000, ERR_PARSE, "this gzip file is ");
    packed[n_packed - 8] ^= 1; /* the checksum's first byte */
    assert_refused(n_packed, 1000, ERR_PARSE, "damaged");
    packed[n_packed - 8] ^= 1;
    packed[2] = 7;
    assert_refused(n_packed, 1000, ERR_PARSE, "damaged");
}

static void put(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_content(void **state) {
    (void)state;
    char path[] = "/tmp/thaw-test-gzip-XXXXXX";
    struct content c;
    struct err err = {0};
    assert_true(close(mkstemp(path)) == 0);
    put(path, "plain", 5);
    assert_true(content_open(path, 3, &c, NULL)); /* what is no gzip file cannot explode */
    assert_int_equal(c.size, 5);
    assert_memory_equal(c.data, "plain", 5);
    content_close(&c);
    pack("packed", 6);
    put(path, packed, n_packed);
    assert_true(content_open(path, 6, &c, NULL));
    assert_int_equal(c.size, 6);
    assert_memory_equal(c.data, "packed", 6);
    content_close(&c);
    content_close(&c);
    assert_false(content_open(path, 5, &c, &err));
    assert_ptr_equal(strstr(err.msg, path), err.msg);
    assert_null(c.data);
    put(path, "", 0);
    assert_true(content_open(path, 5, &c, NULL));
    assert_int_equal(c.size, 0);
    content_close(&c);
    unlink(path);
    assert_false(content_open(path, 5, &c, &err));
    assert_int_equal(err.code, ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_known, start_empty),
        cmocka_unit_test_setup(test_large, start_empty),
        cmocka_unit_test_setup(test_bomb, start_empty),
        cmocka_unit_test_setup(test_damaged, start_empty),
        cmocka_unit_test_setup(test_content, start_empty),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
