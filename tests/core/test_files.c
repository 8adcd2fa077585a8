#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"

static char folder[64]; /* of this test; removed afterwards */

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/thaw-test-files-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) && !files_exists(folder) ? 0 : -1;
}

/* A path in the test's folder; good for four more calls. */
static const char *in_folder(const char *name) {
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    assert_true(files_join(path, sizeof paths[0], folder, name, NULL));
    return path;
}

static void assert_content(const char *path, const char *bytes, size_t n) {
    struct buf b = {0};
    assert_true(files_read(path, 1 << 24, &b, NULL));
    assert_int_equal(b.len, n);
    assert_memory_equal(buf_text(&b), bytes, n);
    buf_deinit(&b);
}

static void assert_says(const struct err *err, const char *path, const char *words) {
    if (path && !strstr(err->msg, path)) fail_msg("\"%s\" does not name %s", err->msg, path);
    if (!strstr(err->msg, words)) fail_msg("\"%s\" does not say: %s", err->msg, words);
}

static void test_write_and_read(void **state) {
    (void)state;
    const char *path = in_folder("a");
    assert_true(files_write(path, "first", 5, NULL));
    assert_content(path, "first", 5);
    assert_true(files_write(path, "a\0b", 3, NULL));
    assert_content(path, "a\0b", 3);
    assert_true(files_write(path, NULL, 0, NULL));
    assert_content(path, "", 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    size_t n = 1 << 20;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++) big[i] = (char)(i * 31 >> 4);
    assert_true(files_write(path, big, n, NULL));
    assert_content(path, big, n);
    free(big);
}

static void test_read_appends_and_caps(void **state) {
    (void)state;
    const char *path = in_folder("a");
    struct err err = {0};
    struct buf b = {0};
    assert_true(files_write(path, "12345", 5, NULL));
    buf_str(&b, "<");
    assert_true(files_read(path, 5, &b, &err));
    assert_string_equal(buf_text(&b), "<12345");
    assert_false(files_read(path, 4, &b, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, path, "larger than the 4 bytes");
    buf_deinit(&b);
}

static void test_what_is_no_file_is_refused(void **state) {
    (void)state;
    struct err err = {0};
    struct buf b = {0};
    struct mapping m;
    const char *fifo = in_folder("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_false(files_read(fifo, 100, &b, &err)); /* and does not wait for a writer */
    assert_says(&err, fifo, "a pipe or a device");
    assert_false(files_map(fifo, &m, &err));
    assert_false(files_read(folder, 100, &b, &err));
    assert_says(&err, folder, "a folder, not a file");
    assert_false(files_read("/dev/zero", 100, &b, &err));
    assert_says(&err, "/dev/zero", "a device");
    assert_false(files_read(in_folder("none"), 100, &b, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_says(&err, "none", "No such file or directory; check the name");
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

static void test_map(void **state) {
    (void)state;
    struct mapping m;
    const char *path = in_folder("a");
    assert_true(files_write(path, "mapped", 6, NULL));
    assert_true(files_map(path, &m, NULL));
    assert_int_equal(m.size, 6);
    assert_memory_equal(m.data, "mapped", 6);
    assert_true(files_write(path, "new", 3, NULL));
    assert_memory_equal(m.data, "mapped",
                        6); /* a replaced file does not change under a reader */
    files_unmap(&m);
    assert_null(m.data);
    assert_true(files_write(path, "", 0, NULL));
    assert_true(files_map(path, &m, NULL));
    assert_null(m.data);
    assert_int_equal(m.size, 0);
    files_unmap(&m);
}

/* Pages of [from, from + n) that take memory. */
static int resident(const unsigned char *from, size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int count = 0;
    FILE *f = fopen("/proc/self/pagemap", "rb");
    assert_non_null(f);
    for (size_t at = 0; at < n; at += page) {
        uint64_t entry = 0;
        assert_int_equal(
            fseek(f, (long)(((uintptr_t)from + at) / page * sizeof entry), SEEK_SET), 0);
        assert_int_equal(fread(&entry, sizeof entry, 1, f), 1);
        count += (int)(entry >> 63); /* present */
    }
    fclose(f);
    return count;
}

/* What is forgotten takes no memory, and is there again when it is looked at. Pages that are
 * only partly meant stay. */
static void test_forget(void **state) {
    (void)state;
    enum { PAGES = 64 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = PAGES * page;
    struct mapping m;
    const char *path = in_folder("pages");
    unsigned char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * 7 + i / page);
    assert_true(files_write(path, bytes, n, NULL));
    assert_true(files_map(path, &m, NULL));
    assert_memory_equal(m.data, bytes, n);
    assert_int_equal(resident(m.data, n), PAGES);
    files_forget(m.data + 1, n - 2);
    assert_int_equal(resident(m.data, n), 2); /* the first and the last */
    assert_memory_equal(m.data, bytes, n);
    files_forget(m.data + 1, page - 2);
    assert_int_equal(resident(m.data, n), PAGES);
    files_unmap(&m);
    free(bytes);
}

/* --- writes that fail */

static int entries(const char *path) {
    char command[4300], line[32] = "";
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    pclose(f);
    return atoi(line);
}

/* The limit on file sizes makes write(2) stop short and then fail, as a full disk does. */
static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_failed_write_leaves_the_old(void **state) {
    (void)state;
    struct err err = {0};
    static char big[100000];
    const char *path = in_folder("state.json");
    assert_true(files_write(path, "old", 3, NULL));
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(4096);
    bool ok = files_write(path, big, sizeof big, &err);
    limit_file_size(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
    assert_says(&err, path, "raise the limit on file sizes");
    assert_content(path, "old", 3);
    assert_int_equal(entries(folder), 1); /* and nothing half-written beside it */
}

static void test_full_disk(void **state) {
    (void)state;
    struct err err = {0};
    struct files_out f = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};
    assert_true(f.fd >= 0);
    strcpy(f.path, in_folder("model.safetensors"));
    assert_false(files_out_add(&f, "x", 1, &err));
    assert_int_equal(err.code, ERR_FULL);
    assert_says(&err, "model.safetensors", "No space left on device; free some space");
    assert_int_equal(f.bytes, 0);
    files_out_abort(&f);
    assert_int_equal(f.fd, -1);
}

static void test_write_without_a_folder(void **state) {
    (void)state;
    struct err err = {0};
    const char *path = in_folder("none/a");
    assert_false(files_write(path, "x", 1, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_says(&err, path, "check the name");
    char name[PATH_MAX + 10];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(files_write(name, "x", 1, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, NULL, "too long");
}

static void write_for_ever(const char *path, char *bytes, size_t n) {
    for (int i = 0;; i++) {
        memset(bytes, 'a' + i % 26, n);
        if (!files_write(path, bytes, n, NULL)) _exit(1);
    }
}

/* A writer is killed at some moment, many times; what stands there is always one whole state.
 */
static void test_killed_writer(void **state) {
    (void)state;
    enum { SIZE = 300000 };
    char *bytes = malloc(SIZE);
    const char *path = in_folder("state");
    memset(bytes, 'a', SIZE);
    assert_true(files_write(path, bytes, SIZE, NULL));
    for (int round = 0; round < 25; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) write_for_ever(path, bytes, SIZE);
        const struct timespec pause = {.tv_nsec = 1000000 + round * 777777};
        nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct buf b = {0};
        assert_true(files_read(path, SIZE, &b, NULL));
        assert_int_equal(b.len, SIZE);
        for (size_t i = 1; i < SIZE; i++) assert_int_equal(b.data[i], b.data[0]);
        buf_deinit(&b);
    }
    free(bytes);
}

/* --- in pieces */

static void test_out(void **state) {
    (void)state;
    struct err err = {0};
    struct files_out f;
    const char *path = in_folder("model");
    assert_true(files_out_open(&f, path, &err));
    assert_true(files_out_add(&f, "one ", 4, &err));
    assert_true(files_out_add(&f, "two", 3, &err));
    assert_int_equal(f.bytes, 7);
    assert_true(files_out_close(&f, &err));
    assert_int_equal(f.fd, -1);
    assert_content(path, "one two", 7);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_out_takes_no_other_file(void **state) {
    (void)state;
    struct err err = {0};
    struct files_out f;
    const char *path = in_folder("mine"), *link = in_folder("link");
    assert_true(files_write(path, "kept", 4, NULL));
    assert_false(files_out_open(&f, path, &err));
    assert_says(&err, path, "File exists");
    files_out_abort(&f); /* must not remove what it did not make */
    assert_content(path, "kept", 4);
    assert_int_equal(symlink("elsewhere", link), 0);
    assert_false(files_out_open(&f, link, &err));
    assert_false(files_exists(in_folder("elsewhere")));
}

static void test_out_abort(void **state) {
    (void)state;
    struct files_out f;
    const char *path = in_folder("half");
    assert_true(files_out_open(&f, path, NULL));
    assert_true(files_out_add(&f, "half", 4, NULL));
    files_out_abort(&f);
    assert_false(files_exists(path));
    files_out_abort(&f);
}

/* --- folders */

static void test_make_dirs(void **state) {
    (void)state;
    struct err err = {0};
    const char *deep = in_folder("a/b//c/");
    assert_true(files_make_dirs(deep, 0700, &err));
    assert_true(files_is_dir(deep));
    assert_true(files_make_dirs(deep, 0700, &err));
    assert_true(files_make_dirs("/", 0700, &err));
    struct stat st;
    assert_int_equal(stat(in_folder("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(files_write(in_folder("file"), "x", 1, NULL));
    assert_false(files_make_dirs(in_folder("file/sub"), 0700, &err));
    assert_says(&err, "file", "File exists");
    assert_false(files_is_dir(in_folder("file")));
    assert_true(files_exists(in_folder("file")));
}

static void test_rename(void **state) {
    (void)state;
    struct err err = {0};
    const char *from = in_folder("new"), *to = in_folder("old");
    assert_true(files_write(from, "new", 3, NULL));
    assert_true(files_write(to, "old", 3, NULL));
    assert_true(files_rename(from, to, &err));
    assert_content(to, "new", 3);
    assert_false(files_exists(from));
    assert_false(files_rename(from, to, &err));
    assert_says(&err, from, "No such file");
    assert_says(&err, to, "cannot rename");
    assert_true(files_make_dirs(in_folder("d"), 0700, NULL));
    assert_true(files_rename(in_folder("d"), in_folder("e/"), &err));
    assert_true(files_is_dir(in_folder("e")));
}

/* Without any slash the folder to sync is the current one. */
static void test_relative_names(void **state) {
    (void)state;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    assert_true(files_write("here", "x", 1, NULL));
    assert_true(files_rename("here", "there", NULL));
    assert_content("there", "x", 1);
    assert_int_equal(chdir(before), 0);
    assert_content(in_folder("there"), "x", 1);
}

static void test_remove_tree_does_not_follow_links(void **state) {
    (void)state;
    struct err err = {0};
    assert_true(files_make_dirs(in_folder("outside"), 0700, NULL));
    assert_true(files_write(in_folder("outside/kept"), "kept", 4, NULL));
    assert_true(files_make_dirs(in_folder("tree/a/b"), 0700, NULL));
    assert_true(files_write(in_folder("tree/a/f"), "x", 1, NULL));
    assert_int_equal(symlink(in_folder("outside"), in_folder("tree/a/link")), 0);
    assert_true(files_remove_tree(in_folder("tree"), &err));
    assert_false(files_exists(in_folder("tree")));
    assert_content(in_folder("outside/kept"), "kept", 4);
    assert_int_equal(symlink(in_folder("outside"), in_folder("link")), 0);
    assert_true(files_remove_tree(in_folder("link"), &err));
    assert_content(in_folder("outside/kept"), "kept", 4);
    assert_true(files_remove_tree(in_folder("absent"), &err));
    assert_false(files_remove_tree("/proc/self/status", &err));
    assert_says(&err, "/proc/self/status", "cannot remove");
}

static void test_free_bytes(void **state) {
    (void)state;
    assert_true(files_free_bytes(folder) > 0);
    assert_true(files_free_bytes(in_folder("absent")) == UINT64_MAX); /* not a full disk */
}

static void test_sync_dir(void **state) {
    (void)state;
    struct err err = {0};
    assert_true(files_sync_dir(folder, &err));
    assert_false(files_sync_dir(in_folder("absent"), &err));
    assert_says(&err, "absent", "check the name");
}

static const struct join_case {
    const char *a, *b, *joined; /* joined NULL: does not fit in 12 bytes */
} join_cases[] = {
    {"a", "b", "a/b"},
    {"a/", "b", "a/b"},
    {"/", "b", "/b"},
    {"a", "/b", "/b"},
    {"", "b", "b"},
    {"a", "", "a/"},
    {"a", "..", "a/.."},
    {"12345", "67890", "12345/67890"},
    {"12345", "678901", NULL},
};

static void test_join(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(join_cases); i++) {
        const struct join_case *c = &join_cases[i];
        struct err err = {0};
        char out[12];
        assert_int_equal(files_join(out, sizeof out, c->a, c->b, &err), c->joined != NULL);
        if (c->joined) assert_string_equal(out, c->joined);
        else assert_int_equal(err.code, ERR_RANGE);
    }
}

/* --- locks */

static void test_lock_of_another_process(void **state) {
    (void)state;
    struct err err = {0};
    const char *path = in_folder("engine.lock");
    pid_t holder = -1;
    int ready[2];
    assert_false(files_is_locked(path, &holder)); /* no such file yet */
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte = files_lock(path, NULL, NULL) >= 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_true(files_is_locked(path, &holder));
    assert_int_equal(holder, child);
    holder = -1;
    assert_int_equal(files_lock(path, &holder, &err), -1);
    assert_int_equal(err.code, ERR_RANGE);
    assert_int_equal(holder, child);
    assert_says(&err, path, "held by another process");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    holder = -1;
    assert_false(files_is_locked(path, &holder)); /* a dead process holds nothing */
    assert_int_equal(holder, -1);
    int fd = files_lock(path, NULL, &err);
    assert_true(fd >= 0);
    assert_true(files_is_locked(path, &holder));
    assert_int_equal(holder, getpid());
    close(fd);
    assert_false(files_is_locked(path, NULL));
    close(ready[0]);
    close(ready[1]);
}

static void test_lock_does_not_follow_a_link(void **state) {
    (void)state;
    struct err err = {0};
    const char *victim = in_folder("victim"), *link = in_folder("engine.lock");
    assert_true(files_write(victim, "precious", 8, NULL));
    assert_int_equal(symlink(victim, link), 0);
    assert_int_equal(files_lock(link, NULL, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_content(victim, "precious", 8);
    assert_int_equal(files_lock(in_folder("none/engine.lock"), NULL, &err), -1);
    assert_int_equal(err.code, ERR_IO);
}

#define FILES_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        FILES_TEST(test_write_and_read),
        FILES_TEST(test_read_appends_and_caps),
        FILES_TEST(test_what_is_no_file_is_refused),
        FILES_TEST(test_map),
        FILES_TEST(test_forget),
        FILES_TEST(test_failed_write_leaves_the_old),
        FILES_TEST(test_full_disk),
        FILES_TEST(test_write_without_a_folder),
        FILES_TEST(test_killed_writer),
        FILES_TEST(test_out),
        FILES_TEST(test_out_takes_no_other_file),
        FILES_TEST(test_out_abort),
        FILES_TEST(test_make_dirs),
        FILES_TEST(test_rename),
        FILES_TEST(test_relative_names),
        FILES_TEST(test_remove_tree_does_not_follow_links),
        FILES_TEST(test_free_bytes),
        FILES_TEST(test_sync_dir),
        cmocka_unit_test(test_join),
        FILES_TEST(test_lock_of_another_process),
        FILES_TEST(test_lock_does_not_follow_a_link),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
