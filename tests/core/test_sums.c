/* test_sums.c - known digests, and what SHA256SUMS finds: every kind of damage, and nothing
 * else. */
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/sha256.h"
#include "engine/core/sums.h"
#include "run/run_test.h"

/* Source: the examples of FIPS 180-4 (NIST CAVP), and `printf | sha256sum`. */
static void test_known(void **state) {
    static const struct {
        const char *text, *sum;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char sum[SHA256_TEXT];
    struct err err = {0};
    for (size_t i = 0; i < COUNT(known); i++) {
        char name[16];
        snprintf(name, sizeof name, "known-%zu", i);
        sha256_bytes(known[i].text, strlen(known[i].text), sum);
        assert_string_equal(sum, known[i].sum);
        append_text(in_folder(state, name), known[i].text);
        assert_ok(sha256_file(in_folder(state, name), sum, &err), err);
        assert_string_equal(sum, known[i].sum);
    }
    assert_false(sha256_file(in_folder(state, "nowhere"), sum, &err));
    assert_says(&err, "nowhere");
}

/* A folder of two files and what does not count, with its sums. */
static const char *make(void **state, const char *name) {
    struct err err = {0};
    const char *dir = in_folder(state, name);
    assert_ok(files_make_dirs(below(dir, "inner"), 0700, &err), err);
    append_text(below(dir, "b.json"), "{}");
    append_text(below(dir, "a.safetensors"), "abc");
    append_text(below(dir, ".aside"), "x");
    dir = in_folder(state, name);
    assert_ok(sums_write(dir, &err), err);
    return in_folder(state, name);
}

static void test_written(void **state) {
    struct buf text = {0};
    struct err err = {0};
    struct stat st;
    const char *dir = make(state, "written");
    assert_ok(files_read(below(dir, SUMS_NAME), 4096, &text, &err), err);
    assert_string_equal(
        buf_text(&text),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.safetensors\n"
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  b.json\n");
    assert_int_equal(stat(below(dir, SUMS_NAME), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_deinit(&text);
}

static void finds(const char *dir, const char *words) {
    struct err err = {0};
    bool there;
    assert_false(sums_check(dir, &there, &err));
    assert_true(there);
    assert_says(&err, words);
}

static void test_damage(void **state) {
    struct err err = {0};
    bool there = false;
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", make(state, "damage"));
    assert_ok(sums_check(dir, &there, &err), err);
    assert_true(there);
    append_text(below(dir, "later"), "not named, so not looked at");
    assert_ok(sums_check(dir, &there, &err), err);
    append_text(below(dir, "b.json"), " ");
    finds(dir, "b.json has other bytes");
    assert_int_equal(unlink(below(dir, "a.safetensors")), 0);
    finds(dir, "a.safetensors is missing");
    assert_int_equal(unlink(below(dir, SUMS_NAME)), 0);
    assert_ok(sums_check(dir, &there, &err), err);
    assert_false(there);
}

static void test_bad_sums(void **state) {
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "is empty"},
        {"abc  b.json\n", "line 1"},
        {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  b.json",
         "cut short"},
        {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  ../damage/b.json\n",
         "line 1"},
        {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  ..\n", "line 1"},
        {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n", "line 1"},
    };
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", make(state, "bad"));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(unlink(below(dir, SUMS_NAME)), 0);
        append_text(below(dir, SUMS_NAME), bad[i].text);
        finds(dir, bad[i].words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bad_sums),
    };
    return cmocka_run_group_tests_name("sums", tests, folder_setup, folder_teardown);
}
