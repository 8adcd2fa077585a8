#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/formats/safetensors.h"

#define FIXTURES THAW_SHARED_DATA "/format-fixtures/"

/* A file's bytes: `length` (as its header's length), `header`, `data` zeros. On the heap and of
 * exactly that size, so that a sanitizer sees any read beyond it. */
static unsigned char *file_bytes(uint64_t length, const char *header, size_t data, size_t *n) {
    *n = 8 + strlen(header) + data;
    unsigned char *bytes = calloc(1, *n);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> 8 * i);
    memcpy(bytes + 8, header, strlen(header));
    return bytes;
}

/* ---- what is refused ---- */

enum { TRUE_LENGTH = -1 };

#define F32(name, shape, begin, end)                                                           \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end   \
    "]}"

static const struct bad_case {
    const char *name, *header;
    size_t data;
    int64_t length; /* written in front, or TRUE_LENGTH */
    const char *says, *says_too;
} bad_cases[] = {
    {"header longer than the file", "{}", 0, 3, "has 10 bytes", "8 + 3"},
    {"header above the cap", "{}", 0, 100000001, "100000001", "no safetensors file"},
    {"header length of 64 bits", "{}", 0, INT64_MAX, "9223372036854775807", "100000000"},
    {"no header", "", 0, TRUE_LENGTH, "no JSON object", "safetensors"},
    {"an array", "[]", 0, TRUE_LENGTH, "no JSON object", "safetensors"},
    {"a space in front", " {}", 0, TRUE_LENGTH, "no JSON object", "safetensors"},
    {"cut off JSON", "{\"a\":", 0, TRUE_LENGTH, "header is damaged", "line 1"},
    {"bytes after the JSON", "{} {}", 0, TRUE_LENGTH, "header is damaged", "line 1"},
    {"duplicate names", "{" F32("a", "[1]", 0, 4) "," F32("a", "[1]", 4, 8) "}", 8, TRUE_LENGTH,
     "header is damaged", "duplicate"},
    {"a number for a tensor", "{\"a\":1}", 0, TRUE_LENGTH, "'a'", "no JSON object"},
    {"no dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, TRUE_LENGTH, "'a'",
     "dtype ''"},
    {"unknown dtype", "{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     TRUE_LENGTH, "'a'", "dtype 'F31'"},
    {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, TRUE_LENGTH, "'a'",
     "shape"},
    {"nine dimensions", "{" F32("a", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, TRUE_LENGTH, "'a'",
     "at most 8"},
    {"negative dimension", "{" F32("a", "[-1]", 0, 4) "}", 4, TRUE_LENGTH, "'a'",
     "dimension 0"},
    {"two negative dimensions", "{" F32("a", "[-1,-1]", 0, 4) "}", 4, TRUE_LENGTH, "'a'",
     "dimension 0"},
    {"half a dimension", "{" F32("a", "[2,0.5]", 0, 4) "}", 4, TRUE_LENGTH, "'a'",
     "dimension 1"},
    {"a dimension of 2^70", "{" F32("a", "[1180591620717411303424]", 0, 4) "}", 4, TRUE_LENGTH,
     "'a'", "dimension 0"},
    {"wrapped product", "{" F32("a", "[4294967296,4294967296]", 0, 0) "}", 0, TRUE_LENGTH,
     "'a'", "too large"},
    {"product wrapped by the element's size", "{" F32("a", "[4611686018427387904]", 0, 0) "}",
     0, TRUE_LENGTH, "'a'", "too large"},
    {"wrapped before a zero", "{" F32("a", "[4294967296,4294967296,0]", 0, 0) "}", 0,
     TRUE_LENGTH, "'a'", "too large"},
    {"shape larger than the range", "{" F32("a", "[2,3]", 0, 20) "}", 20, TRUE_LENGTH,
     "takes 24 bytes", "give it 20"},
    {"range larger than the shape", "{" F32("a", "[2,3]", 0, 28) "}", 28, TRUE_LENGTH,
     "takes 24 bytes", "give it 28"},
    {"falling range", "{" F32("a", "[1]", 4, 0) "}", 4, TRUE_LENGTH, "'a'", "data_offsets"},
    {"negative range", "{" F32("a", "[1]", -4, 0) "}", 4, TRUE_LENGTH, "'a'", "data_offsets"},
    {"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", 4,
     TRUE_LENGTH, "'a'", "data_offsets"},
    {"three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8,
     TRUE_LENGTH, "'a'", "data_offsets"},
    {"truncated", "{" F32("a", "[4]", 0, 16) "}", 15, TRUE_LENGTH, "has 78 bytes",
     "ends at byte 79"},
    {"overlap", "{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 4, 12) "}", 12, TRUE_LENGTH,
     "'a' and 'b'", "overlap"},
    {"overlap out of order", "{" F32("b", "[2]", 4, 12) "," F32("a", "[2]", 0, 8) "}", 12,
     TRUE_LENGTH, "'a' and 'b'", "overlap"},
    {"the same range twice", "{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 0, 8) "}", 8,
     TRUE_LENGTH, "'", "overlap"},
    {"hole in front", "{" F32("a", "[1]", 4, 8) "}", 8, TRUE_LENGTH, "4 bytes before", "'a'"},
    {"hole between", "{" F32("a", "[1]", 0, 4) "," F32("b", "[1]", 8, 12) "}", 12, TRUE_LENGTH,
     "4 bytes before", "'b'"},
    {"trailing bytes", "{" F32("a", "[1]", 0, 4) "}", 7, TRUE_LENGTH, "has 69 bytes",
     "describes 66: 3 too many"},
    {"trailing bytes after nothing", "{}", 1, TRUE_LENGTH, "has 11 bytes", "describes 10"},
    {"metadata of numbers", "{\"__metadata__\":{\"a\":1}}", 0, TRUE_LENGTH, "__metadata__",
     "strings"},
    {"metadata as text", "{\"__metadata__\":\"a\"}", 0, TRUE_LENGTH, "__metadata__", "strings"},
};

static void assert_says(const struct err *err, const char *text) {
    if (!strstr(err->msg, text)) fail_msg("'%s' is not in: %s", text, err->msg);
}

static void test_bad(void **state) {
    const struct bad_case *c = *state;
    uint64_t length = c->length == TRUE_LENGTH ? strlen(c->header) : (uint64_t)c->length;
    size_t n;
    unsigned char *bytes = file_bytes(length, c->header, c->data, &n);
    struct err err = {0};
    assert_null(safetensors_parse(bytes, n, "some.safetensors", &err));
    assert_int_equal(err.code, ERR_PARSE);
    assert_says(&err, "some.safetensors");
    assert_says(&err, c->says);
    assert_says(&err, c->says_too);
    free(bytes);
}

static void test_short_files(void **state) {
    (void)state;
    unsigned char bytes[8] = {0};
    for (size_t n = 0; n < 8; n++) {
        struct err err = {0};
        assert_null(safetensors_parse(n ? bytes : NULL, n, "s", &err));
        assert_says(&err, "too few");
    }
    struct err err = {0};
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\n";
    assert_null(safetensors_parse((const unsigned char *)lfs, sizeof lfs - 1, "s", &err));
    assert_says(&err, "git lfs pull");
}

/* ---- what is read ---- */

static void test_good(void **state) {
    (void)state;
    size_t n;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"}," F32("last", "[2,1]", 4, 12) "," F32(
            "empty", "[0,7]", 4, 4) "," F32("scalar", "[]", 0, 4) "}   ";
    unsigned char *bytes = file_bytes(strlen(header), header, 12, &n);
    const float x[3] = {1.5f, -2, 3};
    memcpy(bytes + n - 12, x, 12);
    struct err err = {0};
    struct safetensors *s = safetensors_parse(bytes, n, "good", &err);
    if (!s) fail_msg("%s", err.msg);
    assert_string_equal(safetensors_name(s), "good");
    assert_int_equal(safetensors_count(s), 3);
    assert_string_equal(safetensors_at(s, 0)->name, "scalar");
    assert_string_equal(safetensors_at(s, 1)->name, "empty");
    assert_string_equal(safetensors_at(s, 2)->name, "last");
    assert_null(safetensors_at(s, 3));
    assert_null(safetensors_find(s, "__metadata__"));
    assert_string_equal(safetensors_metadata(s, "format"), "pt");
    assert_null(safetensors_metadata(s, "other"));
    const struct tensor *t = safetensors_find(s, "last");
    assert_int_equal(t->n_dims, 2);
    assert_true(t->dims[0] == 2 && t->dims[1] == 1 && t->dtype == DTYPE_F32 && t->bytes == 8);
    float y[2];
    tensor_floats(t, 0, 2, y);
    assert_true(y[0] == -2 && y[1] == 3);
    tensor_floats(t, 1, 1, y);
    assert_true(y[0] == 3);
    assert_int_equal(safetensors_find(s, "scalar")->n_dims, 0);
    assert_int_equal(safetensors_find(s, "empty")->bytes, 0);
    safetensors_close(s);
    free(bytes);
    safetensors_close(NULL);
}

/* The value of a half by its definition: (-1)^s 2^(e-15) (1 + f/1024), subnormal 2^-14 f/1024.
 */
static double half_value(unsigned h) {
    double sign = h >> 15 ? -1 : 1, fraction = (h & 1023) / 1024.0;
    int exponent = (int)(h >> 10 & 31);
    if (exponent == 31) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    return exponent ? sign * ldexp(1 + fraction, exponent - 15) : sign * ldexp(fraction, -14);
}

/* All 65536 halves, from an odd address. */
static void test_every_half(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    unsigned char *bytes = malloc(2 * N + 1);
    float *x = malloc(N * sizeof *x);
    assert_true(bytes && x);
    for (unsigned i = 0; i < N; i++) {
        bytes[1 + 2 * i] = (unsigned char)i;
        bytes[2 + 2 * i] = (unsigned char)(i >> 8);
    }
    struct tensor t = {.dtype = DTYPE_F16, .data = bytes + 1, .bytes = 2 * N};
    tensor_floats(&t, 0, N, x);
    for (unsigned i = 0; i < N; i++) {
        double want = half_value(i);
        bool same = isnan(want) ? isnan(x[i]) : (double)x[i] == want;
        if (!same || !signbit(x[i]) != !(i >> 15)) fail_msg("half %04x: %g", i, (double)x[i]);
    }
    t.dtype = DTYPE_BF16;
    tensor_floats(&t, 0, N, x);
    for (unsigned i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
    free(x);
    free(bytes);
}

/* ---- shared files ---- */

static struct safetensors *open_fixture(const char *name, struct err *err) {
    if (access(name, R_OK) != 0) {
        print_message("skipped: %s is not there\n", name);
        skip();
    }
    return safetensors_open(name, err);
}

static const struct exact_case {
    const char *name, *path, *tensor;
    enum dtype dtype;
    uint32_t bits[5]; /* as float32 */
} exact_cases[] = {
    {"BF16 bit by bit",
     FIXTURES "raven-bf16_bit_exact.safetensors",
     "bf16_tensor",
     DTYPE_BF16,
     {0, 0x00010000, 0x3f800000, 0x7f800000, 0x7fc10000}},
    /* 0x0001 is 2^-24; 0x7e01 keeps its payload */
    {"F16 bit by bit",
     FIXTURES "raven-f16_bit_exact.safetensors",
     "f16_tensor",
     DTYPE_F16,
     {0, 0x33800000, 0x3f800000, 0x7f800000, 0x7fc02000}},
};

static void test_exact(void **state) {
    const struct exact_case *c = *state;
    struct err err = {0};
    struct safetensors *s = open_fixture(c->path, &err);
    if (!s) fail_msg("%s", err.msg);
    const struct tensor *t = safetensors_find(s, c->tensor);
    assert_non_null(t);
    assert_true(t->dtype == c->dtype && t->n_dims == 1 && t->dims[0] == 5);
    float x[5];
    tensor_floats(t, 0, 5, x);
    assert_memory_equal(x, c->bits, sizeof x);
    safetensors_close(s);
}

static void test_trailing_fixture(void **state) {
    (void)state;
    struct err err = {0};
    assert_null(open_fixture(FIXTURES "weight-inspect-tiny.safetensors", &err));
    assert_says(&err, "weight-inspect-tiny.safetensors");
    assert_says(&err, "32856");
    assert_says(&err, "32851");
}

static void test_foreign_fixture(void **state) {
    (void)state;
    struct err err = {0};
    struct safetensors *s = open_fixture(FIXTURES "burn-multi_layer.safetensors", &err);
    if (!s) fail_msg("%s", err.msg);
    assert_int_equal(safetensors_count(s), 9);
    const struct tensor *t = safetensors_at(s, 0);
    assert_string_equal(t->name, "norm1.num_batches_tracked");
    assert_true(t->dtype == DTYPE_I64 && t->n_dims == 0 && t->bytes == 8);
    safetensors_close(s);
    assert_null(safetensors_open(FIXTURES "absent.safetensors", &err));
    assert_says(&err, "absent.safetensors");
}

/* ---- writing ---- */

static void test_write(void **state) {
    (void)state;
    char dir[] = "/tmp/thaw-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.safetensors", dir);
    const struct tensor_spec specs[] = {{"a", DTYPE_F32, 2, {2, 3}},
                                        {"step \"n\"", DTYPE_I64, 0, {0}},
                                        {"b", DTYPE_BF16, 1, {3}},
                                        {"none", DTYPE_F32, 1, {0}}};
    const float a[6] = {1, 2, 3, 4, 5, 6};
    const int64_t step = 1234567890123;
    const uint16_t b[3] = {0x3f80, 0x4000, 0xc040};
    struct files_out f;
    struct err err = {0};
    bool good = files_out_open(&f, path, &err) &&
                safetensors_write_header(&f, specs, COUNT(specs), &err);
    if (!good) fail_msg("%s", err.msg);
    assert_int_equal(f.bytes % 8, 0); /* padded */
    good = files_out_add(&f, a, sizeof a, &err) &&
           files_out_add(&f, &step, sizeof step, &err) &&
           files_out_add(&f, b, sizeof b, &err) && files_out_close(&f, &err);
    if (!good) fail_msg("%s", err.msg);
    struct safetensors *s = safetensors_open(path, &err);
    if (!s) fail_msg("%s", err.msg);
    assert_int_equal(safetensors_count(s), COUNT(specs));
    assert_string_equal(safetensors_metadata(s, "format"), "pt");
    for (size_t i = 0; i < COUNT(specs); i++) {
        const struct tensor *t = safetensors_find(s, specs[i].name);
        assert_non_null(t);
        assert_true(t->dtype == specs[i].dtype && t->n_dims == specs[i].n_dims);
        assert_memory_equal(t->dims, specs[i].dims, (size_t)t->n_dims * sizeof t->dims[0]);
    }
    float x[6];
    tensor_floats(safetensors_find(s, "a"), 0, 6, x);
    assert_memory_equal(x, a, sizeof a);
    assert_memory_equal(safetensors_find(s, "step \"n\"")->data, &step, sizeof step);
    tensor_floats(safetensors_find(s, "b"), 0, 3, x);
    assert_true(x[0] == 1 && x[1] == 2 && x[2] == -3);
    safetensors_close(s);
    assert_true(files_remove_tree(dir, &err));
}

int main(void) {
    struct CMUnitTest tests[COUNT(bad_cases) + COUNT(exact_cases) + 6] = {
        cmocka_unit_test(test_short_files),     cmocka_unit_test(test_good),
        cmocka_unit_test(test_every_half),      cmocka_unit_test(test_trailing_fixture),
        cmocka_unit_test(test_foreign_fixture), cmocka_unit_test(test_write)};
    size_t n = 6;
    for (size_t i = 0; i < COUNT(bad_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = bad_cases[i].name,
                                         .test_func = test_bad,
                                         .initial_state = (void *)&bad_cases[i]};
    for (size_t i = 0; i < COUNT(exact_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = exact_cases[i].name,
                                         .test_func = test_exact,
                                         .initial_state = (void *)&exact_cases[i]};
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
