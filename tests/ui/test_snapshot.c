/* test_snapshot.c - a frame without a terminal, from a run's folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/golden.h"
#include "ui/snapshot.h"

/* ---- sizes */

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int w, h; /* 0: refused */
    } cases[] = {
        {"80x24", 80, 24}, {"40x8", 40, 8},   {"500x200", 500, 200}, {"0080x0024", 80, 24},
        {"39x8", 0, 0},    {"40x7", 0, 0},    {"501x200", 0, 0},     {"500x201", 0, 0},
        {"80", 0, 0},      {"80x", 0, 0},     {"x24", 0, 0},         {"80X24", 0, 0},
        {"80x24 ", 0, 0},  {" 80x24", 0, 0},  {"-80x24", 0, 0},      {"80x24x2", 0, 0},
        {"", 0, 0},        {"80.0x24", 0, 0}, {"00080x24", 0, 0},    {"99999999999x24", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        int w = 0, h = 0;
        bool ok = snapshot_size(cases[i].text, &w, &h, &err);
        if (ok != (cases[i].w > 0)) fail_msg("\"%s\"", cases[i].text);
        if (ok) assert_true(w == cases[i].w && h == cases[i].h);
        else assert_int_equal(err.code, ERR_USAGE);
        if (!ok) assert_non_null(strstr(err.msg, "40x8 to 500x200"));
    }
}

/* ---- a run's folder */

static char folder[64];
static struct run_paths paths;

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/thaw-snapshot.XXXXXX");
    return mkdtemp(folder) && run_paths_of(folder, &paths, NULL) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

/* The recorded log, and a line more. */
static void write_log(const char *more) {
    struct buf log = {0};
    assert_true(files_read(THAW_SOURCE_DIR "/tests/golden/medical.jsonl", 1 << 24, &log, NULL));
    buf_str(&log, more);
    assert_true(files_write(paths.events, log.data, log.len, NULL));
    buf_deinit(&log);
}

static void take(struct buf *out, enum app_mode mode) {
    struct app_options o = {
        .mode = mode, .name = "medical", .drive_command = "thaw attach medical"};
    struct snapshot s = {80, 24, GLYPHS_ASCII, DUMP_TEXT, {256, false}};
    struct err err = {0};
    if (!snapshot_take(&paths, &o, &s, out, &err)) fail_msg("%s", err.msg);
}

static void check_shows(const struct buf *out, const char *words) {
    if (!strstr(buf_text(out), words)) fail_msg("\"%s\" is not in\n%s", words, buf_text(out));
}

static void test_ended(void **state) {
    (void)state;
    struct buf out = {0};
    write_log(
        "{\"seq\":100000,\"t\":9999,\"step\":372,\"type\":\"end\",\"reason\":\"finished\"}\n");
    take(&out, APP_DRIVE);
    check_golden("snapshot-ended", buf_text(&out));
    buf_deinit(&out);
}

/* Without an engine and without an end in the log: dead, and it is said what goes on. */
static void test_dead(void **state) {
    (void)state;
    struct buf out = {0};
    write_log("{\"seq\":100000,\"torn");
    take(&out, APP_WATCH);
    check_shows(&out, "DEAD");
    check_shows(&out, "the engine is dead: thaw run --resume medical goes on");
    buf_deinit(&out);
}

/* With an engine that has not written for an hour: stalled; with one that just has: live. */
static void test_silence(void **state) {
    (void)state;
    struct buf out = {0};
    struct timespec hour_ago[2] = {{0}, {0}};
    int lock = files_lock(paths.lock, NULL, NULL);
    assert_true(lock >= 0);
    write_log("");
    take(&out, APP_DRIVE);
    check_shows(&out, "LIVE");
    hour_ago[0].tv_sec = hour_ago[1].tv_sec = time(NULL) - 3600;
    assert_int_equal(utimensat(AT_FDCWD, paths.events, hour_ago, 0), 0);
    buf_clear(&out);
    take(&out, APP_DRIVE);
    check_shows(&out, "STALLED");
    assert_null(strstr(buf_text(&out), "dead"));
    close(lock);
    buf_deinit(&out);
}

static void test_no_log_yet(void **state) {
    (void)state;
    struct buf out = {0};
    unlink(paths.events);
    take(&out, APP_DRIVE);
    check_shows(&out, "thaw medical");
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_no_log_yet),
        cmocka_unit_test(test_ended),   cmocka_unit_test(test_dead),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests_name("snapshot", tests, setup, teardown);
}
