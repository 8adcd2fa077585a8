/* test_shelf.c - what is put aside is there as it was, takes memory only while it is looked at,
 * leaves no file, and where there is no room, nothing. */
#include "engine/core/shelf.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"

enum { BYTES = 300001 };
static char folder[] = "/tmp/thaw-shelf-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void fill(unsigned char *bytes, unsigned seed) {
    for (int i = 0; i < BYTES; i++) bytes[i] = (unsigned char)((unsigned)i * 7919u + seed);
}

static int files_in_folder(void) {
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

static void test_put(void **state) {
    static unsigned char a[BYTES], b[BYTES];
    struct err err = {0};
    (void)state;
    fill(a, 1);
    fill(b, 2);
    struct shelf *s = shelf_create(folder, &err);
    assert_non_null(s);
    assert_int_equal(files_in_folder(), 0);
    const void *x = shelf_put(s, a, BYTES, &err), *y = shelf_put(s, b, BYTES, &err);
    assert_non_null(x);
    assert_non_null(y);
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(x, a, BYTES);
        assert_memory_equal(y, b, BYTES);
        shelf_leave(x, BYTES);
        shelf_leave(y, BYTES);
    }
    shelf_destroy(s);
    shelf_destroy(NULL);
    assert_int_equal(files_in_folder(), 0);
}

/* What an owner left that was killed before it could take the name away. */
static void test_leftover(void **state) {
    char path[64];
    struct err err = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/.shelf", folder);
    assert_true(files_write(path, "x", 1, &err));
    struct shelf *s = shelf_create(folder, &err);
    assert_non_null(s);
    assert_int_equal(files_in_folder(), 0);
    shelf_destroy(s);
}

static void test_no_folder(void **state) {
    struct err err = {0};
    (void)state;
    assert_null(shelf_create("/nowhere/at/all", &err));
    assert_int_equal(err.code, ERR_IO);
}

/* A limit on the size of files stands for a full disk. */
static void test_no_room(void **state) {
    static unsigned char a[BYTES];
    struct rlimit old, small = {0};
    struct err err = {0};
    (void)state;
    fill(a, 3);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = BYTES + BYTES / 2, .rlim_max = old.rlim_max};
    struct shelf *s = shelf_create(folder, &err);
    assert_non_null(s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const void *x = shelf_put(s, a, BYTES, &err), *y = shelf_put(s, a, BYTES, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(x);
    assert_null(y);
    assert_int_equal(err.code, ERR_FULL);
    assert_memory_equal(x, a, BYTES);
    assert_non_null(shelf_put(s, a, BYTES, &err)); /* there is room again */
    shelf_destroy(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_leftover),
        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("shelf", tests, make_folder, remove_folder);
}
