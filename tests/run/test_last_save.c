/* test_last_save.c - a run's last save on a full disk: what gives way, what is waited for, what
 * is said. The linker puts the __wrap functions between the engine and the disk. */
#include "run/trainer_test.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "engine/core/clock.h"

/* ---- the disk ---- */

static const uint64_t plenty = UINT64_MAX / 2;

static struct {
    const char *checkpoints; /* this folder and all others: */
    int holds;               /* so many checkpoints, and no more; 0: any number */
    _Atomic bool full;       /* has no room for anything */
} disk;

static int count_checkpoints(void) {
    char path[PATH_MAX];
    int n = 0;
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(disk.checkpoints, step, path)) >= 0;)
        n++;
    return n;
}

uint64_t __wrap_files_free_bytes(const char *path);
uint64_t __wrap_files_free_bytes(const char *path) {
    if (disk.full) return 0;
    if (disk.holds == 0 || strcmp(path, disk.checkpoints) != 0) return plenty;
    return count_checkpoints() < disk.holds ? plenty : 0;
}

/* What the log gets is JSON Lines; nothing else here is written in pieces that begin so. */
static _Atomic bool log_full;

/* So many writes of a checkpoint's files fail, however much room the disk says there is. */
static struct {
    _Atomic int times;
    int error;
} bad_writes;

static bool write_is_bad(int fd) {
    char link[64], path[PATH_MAX] = "";
    if (bad_writes.times == 0) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || !strstr(path, "/.step-")) return false;
    bad_writes.times--;
    errno = bad_writes.error;
    return true;
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n) {
    if (write_is_bad(fd)) return -1;
    if (!log_full || n < 6 || memcmp(bytes, "{\"seq\"", 6) != 0)
        return __real_write(fd, bytes, n);
    errno = ENOSPC;
    return -1;
}

static void reset_disk(const struct run_paths *p) {
    disk.checkpoints = p->checkpoints;
    disk.holds = 0;
    disk.full = log_full = false;
    bad_writes.times = 0;
}

/* ---- what the log tells ---- */

struct told {
    int steps, waits, problems;
    int64_t seq;
    char reason[16], problem[600]; /* the last ones */
};

static void note(void *ctx, const struct event *e) {
    struct told *t = ctx;
    assert_int_equal(e->seq, ++t->seq);
    t->steps += e->type == EVENT_STEP;
    if (e->type == EVENT_CONTROL) t->waits += strstr(e->control.argument, "room") != NULL;
    if (e->type == EVENT_END) snprintf(t->reason, sizeof t->reason, "%s", e->end.reason);
    if (e->type != EVENT_PROBLEM) return;
    t->problems++;
    snprintf(t->problem, sizeof t->problem, "%s", e->problem.text);
}

static struct told read_log(const struct run_paths *p) {
    struct told t = {0};
    each_event(p, note, &t);
    return t;
}

static void has(const char *text, const char *words) {
    if (!strstr(text, words)) fail_msg("\"%s\" does not tell \"%s\"", text, words);
}

/* ---- who looks on ---- */

struct onlooker {
    struct run_paths paths;
    pthread_t thread;
    struct answer other, stop; /* to `freeze`, to `stop` */
    struct run_info info;
    bool makes_room;
    char heard[4096]; /* all that came from the socket */
};

static bool waits(const struct run_paths *p) {
    struct run_info info;
    return run_info_read(p->dir, &info, NULL) && strcmp(info.state, "paused") == 0;
}

/* Once the run waits: ask for something, then make room or stop it. */
static void *look_on(void *ctx) {
    struct onlooker *o = ctx;
    struct command freeze = {.kind = COMMAND_FREEZE, .text = "0", .by = "test"};
    struct command stop = {.kind = COMMAND_STOP, .by = "test"};
    while (!waits(&o->paths)) usleep(1000);
    run_info_read(o->paths.dir, &o->info, NULL);
    control_ask(o->paths.socket, &freeze, 20, &o->other, NULL);
    if (o->makes_room) {
        bad_writes.times = 0;
        disk.full = false;
    } else control_ask(o->paths.socket, &stop, 20, &o->stop, NULL);
    return NULL;
}

static void look(struct onlooker *o, const struct run_paths *p, bool makes_room) {
    *o = (struct onlooker){.paths = *p, .makes_room = makes_room};
    assert_int_equal(pthread_create(&o->thread, NULL, look_on, o), 0);
}

/* ---- tests ---- */

/* There is room for three checkpoints; the later ones of the stages are skipped. */
static void test_older_ones_give_way(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "enough-room"), p;
    struct err err = {0};
    char path[PATH_MAX];
    fresh_paths("gives-way", &p);
    reset_disk(&p);
    disk.holds = 3;
    must(engine_main(s, &p, false, &err), &err);
    assert_same_state(&whole, &p, 24);
    assert_int_equal(checkpoint_below(p.checkpoints, 24, path), 12); /* the newest before it */
    assert_int_equal(checkpoint_below(p.checkpoints, 12, path), -1);
    struct told t = read_log(&p);
    has(t.problem, "older than step 12 gave way");
    assert_string_equal(t.reason, "finished");
    assert_int_equal(t.waits, 0);
    free(s);
}

static void test_waits_for_room(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "room"), p;
    struct err err = {0};
    struct onlooker o;
    fresh_paths("waits", &p);
    reset_disk(&p);
    put(s, "checkpoint.every", "1000000");
    disk.full = true;
    look(&o, &p, true);
    must(engine_main(s, &p, false, &err), &err);
    pthread_join(o.thread, NULL);
    assert_false(o.other.ok);
    has(o.other.error, "waits for room");
    assert_same_state(&whole, &p, 24);
    struct told t = read_log(&p);
    assert_string_equal(t.reason, "finished");
    assert_int_equal(t.waits, 1);
    has(t.problem, "step 24 is not saved yet");
    has(t.problem, "no step was saved so far");
    free(s);
}

/* A quota, or a neighbour who fills the disk meanwhile, shows only when it is written to. */
static void test_waits_for_quota(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "no-quota"), p;
    struct err err = {0};
    struct onlooker o;
    fresh_paths("quota", &p);
    reset_disk(&p);
    put(s, "checkpoint.every", "1000000");
    bad_writes.error = EDQUOT;
    bad_writes.times = 1000000;
    look(&o, &p, true);
    must(engine_main(s, &p, false, &err), &err);
    pthread_join(o.thread, NULL);
    assert_same_state(&whole, &p, 24);
    struct told t = read_log(&p);
    assert_int_equal(t.waits, 1);
    has(t.problem, "step 24 is not saved yet");
    has(t.problem, "your quota is used up");
    free(s);
}

static void test_error_that_passes(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "no-error"), p;
    struct err err = {0};
    fresh_paths("error", &p);
    reset_disk(&p);
    put(s, "checkpoint.every", "1000000");
    bad_writes.error = EIO;
    bad_writes.times = 2; /* at the end of the first stage, and once more at that of the last */
    must(engine_main(s, &p, false, &err), &err);
    assert_same_state(&whole, &p, 24);
    struct told t = read_log(&p);
    assert_string_equal(t.reason, "finished");
    assert_int_equal(t.problems, 2);
    has(t.problem, "the save of the last step is tried again: ");
    free(s);
}

/* Given up, it goes on from what was saved, and comes to the same end. */
static void test_gives_up(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "never-given-up"), p;
    struct err err = {0};
    struct onlooker o;
    char path[PATH_MAX], way[PATH_MAX + 32];
    fresh_paths("given-up", &p);
    reset_disk(&p);
    disk.holds = 1; /* step 5 */
    look(&o, &p, false);
    assert_false(engine_main(s, &p, false, &err));
    pthread_join(o.thread, NULL);
    assert_true(o.stop.ok);
    has(err.msg, "step 24 was not saved; the last saved step is 5");
    snprintf(way, sizeof way, "thaw run --resume %s", p.dir);
    has(err.msg, way);
    has(err.msg, "are needed and 0.0 MiB are free");
    assert_int_equal(checkpoint_newest(p.checkpoints, path, NULL, 0), 5);
    struct told t = read_log(&p);
    assert_string_equal(t.reason, "failed");
    assert_string_equal(t.problem, err.msg);
    reset_disk(&p);
    must(engine_main(s, &p, true, &err), &err);
    assert_same_state(&whole, &p, 24);
    free(s);
}

/* A run that was stopped waits like one that came to its end, until it is stopped once more. */
static void test_second_stop_gives_up(void **state) {
    static const struct command stop = {.kind = COMMAND_STOP, .by = "test"};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    struct onlooker o;
    fresh_paths("stopped-twice", &p);
    reset_disk(&p);
    disk.full = true;
    put(s, "checkpoint.every", "1000000");
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    int lock = files_lock(p.lock, NULL, &err); /* as engine_main() has it: the run lives */
    session_ask(&n, &stop, 1);
    look(&o, &p, false);
    assert_false(trainer_run(n.t, &err));
    pthread_join(o.thread, NULL);
    close(lock);
    session_close(&n);
    assert_true(o.stop.ok);
    assert_string_equal(o.info.state, "paused");
    has(err.msg, "step 0 was not saved; no step was saved so far");
    free(s);
}

/* Two signals say the same; nothing is waited for. */
static void test_second_signal_gives_up(void **state) {
    static volatile sig_atomic_t signals;
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    fresh_paths("signalled-twice", &p);
    reset_disk(&p);
    disk.full = true;
    session_open(&n, s, &p);
    n.plan.stop_signal = &signals;
    must(trainer_create(n.t, &n.plan, &err), &err);
    signals = 2;
    assert_false(trainer_run(n.t, &err));
    session_close(&n);
    assert_int_equal(err.code, ERR_FULL);
    free(s);
}

/* ---- a log that cannot be written ---- */

/* Hears the engine's notices; makes room for the log after the first. */
static void *listen_in(void *ctx) {
    struct onlooker *o = ctx;
    char *bytes = o->heard;
    size_t n = 0;
    int fd;
    while ((fd = control_connect(o->paths.socket, NULL)) < 0) usleep(200);
    for (ssize_t got = 1; got != 0; usleep(200)) {
        got = recv(fd, bytes + n, sizeof o->heard - 1 - n, 0);
        if (got > 0) n += (size_t)got;
        bytes[n] = '\0';
        if (strstr(bytes, "goes on")) log_full = false;
    }
    close(fd);
    return NULL;
}

static void test_full_log_is_told(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    struct onlooker o;
    fresh_paths("full-log", &p);
    reset_disk(&p);
    put(s, "stages.0.steps", "2000"); /* long enough for the notice to be read */
    put(s, "eval.every", "1000000");
    put(s, "compare.every", "1000000");
    put(s, "checkpoint.every", "1000000");
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    o = (struct onlooker){.paths = p};
    assert_int_equal(pthread_create(&o.thread, NULL, listen_in, &o), 0);
    log_full = true;
    must(trainer_run(n.t, &err), &err);
    session_close(&n);
    pthread_join(o.thread, NULL);
    has(o.heard,
        "{\"notice\":\"the disk is full: the log waits in memory, training goes on (step ");
    has(o.heard, "{\"notice\":\"\"}\n");
    struct told t = read_log(&p); /* nothing is missing in it */
    assert_int_equal(t.steps, 2012);
    assert_int_equal(t.problems, 1);
    has(t.problem, "the log could not be written from step 0 to ");
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_ones_give_way),
        cmocka_unit_test(test_waits_for_room),
        cmocka_unit_test(test_waits_for_quota),
        cmocka_unit_test(test_error_that_passes),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_second_stop_gives_up),
        cmocka_unit_test(test_second_signal_gives_up),
        cmocka_unit_test(test_full_log_is_told),
    };
    return cmocka_run_group_tests_name("last_save", tests, make_folder, remove_folder);
}
