/* Files in memory answer as those on a disk do: each check runs on both, below the root and
 * beside it. */
#include "tests/fuzz/memory_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/run/run_test.h"

static char real_dir[64], memory_dir[64];

static const char *at(const char *dir, const char *name) {
    static char path[4][512];
    static int n;
    char *out = path[n++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void check_written(const char *dir) {
    char text[16] = "";
    struct stat st;
    const char *path = at(dir, "a");
    assert_int_equal(open(path, O_RDONLY), -1);
    assert_int_equal(errno, ENOENT);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(fd), -1);
    assert_int_equal(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600), -1);
    assert_int_equal(errno, EEXIST);
    fd = open(path, O_RDWR | O_APPEND);
    assert_int_equal(write(fd, " you", 4), 4);
    assert_int_equal(pread(fd, text, sizeof text, 3), 6);
    assert_string_equal(text, "lo you");
    assert_int_equal(ftruncate(fd, 12), 0);
    assert_int_equal(pread(fd, text, sizeof text, 9), 3);
    assert_memory_equal(text, "\0\0\0", 3);
    assert_int_equal(pread(fd, text, sizeof text, 12), 0);
    assert_true(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 12 &&
                st.st_nlink == 1);
    close(fd);
    fd = open(path, O_WRONLY | O_TRUNC);
    close(fd);
    assert_true(stat(path, &st) == 0 && st.st_size == 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(path), -1);
    assert_int_equal(access(path, F_OK), -1);
}

/* Who has a file open goes on with it when its name is another's, or nobody's. */
static void check_renamed(const char *dir) {
    char text[4] = "";
    struct stat before, after;
    struct err err = {0};
    assert_true(files_write(at(dir, "a"), "one", 3, &err));
    assert_true(files_write(at(dir, "b"), "two", 3, &err));
    int fd = open(at(dir, "b"), O_RDONLY);
    assert_int_equal(stat(at(dir, "a"), &before), 0);
    assert_int_equal(rename(at(dir, "a"), at(dir, "b")), 0);
    assert_int_equal(access(at(dir, "a"), F_OK), -1);
    assert_int_equal(lstat(at(dir, "b"), &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
    assert_int_equal(read(fd, text, 2), 2);
    assert_int_equal(read(fd, text + 2, 2), 1);
    assert_string_equal(text, "two");
    assert_true(fstat(fd, &after) == 0 && after.st_ino != before.st_ino && after.st_nlink == 0);
    close(fd);
    assert_int_equal(rename(at(dir, "a"), at(dir, "b")), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(unlink(at(dir, "b")), 0);
}

static void check_mapped(const char *dir) {
    struct mapping m;
    struct err err = {0};
    assert_true(files_write(at(dir, "a"), "mapped", 6, &err));
    assert_true(files_map(at(dir, "a"), &m, &err));
    assert_int_equal(m.size, 6);
    assert_memory_equal(m.data, "mapped", 6);
    files_map_scattered(&m);
    files_forget(m.data, m.size);
    assert_memory_equal(m.data, "mapped", 6);
    files_unmap(&m);
    assert_int_equal(unlink(at(dir, "a")), 0);
}

static void check_whole_path(const char *dir) {
    char out[4096];
    struct err err = {0};
    assert_true(files_write(at(dir, "a"), "", 0, &err));
    assert_string_equal(realpath(at(dir, "a"), out), at(dir, "a"));
    assert_string_equal(realpath(dir, out), dir);
    unlink(at(dir, "a"));
    assert_null(realpath(at(dir, "a"), out));
}

/* "into" is beside the folder "in", not in it. */
static void check_names(const char *in) {
    int one = 0, two = 0;
    DIR *listed = opendir(in);
    assert_non_null(listed);
    for (struct dirent *e; (e = readdir(listed));) {
        if (e->d_name[0] == '.') continue;
        one += strcmp(e->d_name, "one") == 0;
        two += strcmp(e->d_name, "two") == 0;
        assert_int_equal(strlen(e->d_name), 3);
    }
    assert_int_equal(closedir(listed), 0);
    assert_true(one == 1 && two == 1);
}

static void check_listed(const char *dir) {
    struct err err = {0};
    int files = 0, folders = 0;
    assert_int_equal(mkdir(at(dir, "in"), 0700), 0);
    assert_true(files_write(at(dir, "in/one"), "", 0, &err));
    assert_true(files_write(at(dir, "in/two"), "", 0, &err));
    assert_true(files_write(at(dir, "into"), "", 0, &err));
    DIR *listed = opendir(dir);
    assert_non_null(listed);
    for (struct dirent *e; (e = readdir(listed));) {
        if (e->d_name[0] == '.') continue;
        struct stat st;
        assert_int_equal(stat(at(dir, e->d_name), &st), 0);
        assert_string_equal(e->d_name, S_ISDIR(st.st_mode) ? "in" : "into");
        files += S_ISREG(st.st_mode), folders += S_ISDIR(st.st_mode);
    }
    assert_int_equal(closedir(listed), 0);
    assert_true(files == 1 && folders == 1);
    assert_int_equal(access(at(dir, "in"), F_OK), 0);
    check_names(at(dir, "in"));
    unlink(at(dir, "in/one"));
    unlink(at(dir, "in/two"));
    unlink(at(dir, "into"));
    assert_int_equal(rmdir(at(dir, "in")), 0);
    assert_int_equal(access(at(dir, "in"), F_OK), -1);
}

static void check_all(const char *dir) {
    check_written(dir);
    check_renamed(dir);
    check_mapped(dir);
    check_whole_path(dir);
    check_listed(dir);
}

static void test_on_disk(void **state) {
    (void)state;
    check_all(real_dir);
}

/* And nothing of it is on the disk: the folder is removed as empty. */
static void test_in_memory(void **state) {
    (void)state;
    check_all(memory_dir);
    assert_true(memory_files_put(at(memory_dir, "kept"), "k", 1));
}

static void test_put(void **state) {
    (void)state;
    struct buf text = {0};
    struct err err = {0};
    assert_true(memory_files_put(at(memory_dir, "put"), "long text", 9));
    int fd = open(at(memory_dir, "put"), O_RDONLY);
    assert_true(memory_files_put(at(memory_dir, "put"), "short", 5));
    assert_true(files_read(at(memory_dir, "put"), 100, &text, &err));
    assert_string_equal(buf_text(&text), "short");
    char was[16] = "";
    assert_int_equal(read(fd, was, sizeof was), 9);
    close(fd);
    memory_files_drop(at(memory_dir, "put"));
    assert_false(files_exists(at(memory_dir, "put")));
    buf_deinit(&text);
}

static char *make(char *out, size_t size) {
    char made[] = "/tmp/thaw-memory-XXXXXX", whole[4096];
    assert_non_null(mkdtemp(made));
    assert_non_null(realpath(made, whole));
    snprintf(out, size, "%.60s", whole);
    return out;
}

static int set_up(void **state) {
    (void)state;
    make(real_dir, sizeof real_dir);
    memory_files_root(make(memory_dir, sizeof memory_dir));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    memory_files_root("/");
    return rmdir(real_dir) == 0 && rmdir(memory_dir) == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_disk),
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
