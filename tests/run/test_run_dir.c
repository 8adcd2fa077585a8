#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "engine/run/run_dir.h"
#include "tests/run/run_test.h"

/* --- where runs live */

static void test_runs_dir(void **state) {
    char out[PATH_MAX];
    struct err err = {0};
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", "/var/me", 1), 0);
    assert_ok(runs_dir("/given", out, &err), err);
    assert_string_equal(out, "/given");
    assert_ok(runs_dir(NULL, out, &err), err);
    assert_string_equal(out, "/var/me/thaw/runs");
    assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0); /* the XDG rules: ignored */
    assert_ok(runs_dir(NULL, out, &err), err);
    assert_string_equal(out, "/home/me/.local/state/thaw/runs");
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_ok(runs_dir(NULL, out, &err), err); /* from the user's entry in passwd */
    assert_true(out[0] == '/' && strstr(out, "/.local/state/thaw/runs"));
    assert_false(runs_dir("", out, &err));
    assert_int_equal(err.code, ERR_USAGE);
    append_text(in_folder(state, "no-folder"), "x");
    assert_false(runs_dir(in_folder(state, "no-folder"), out, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_says(&err, "no-folder is a file: --runs-dir needs a folder");
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {"a", "medical", "A.b_c-9", "_x", "0"};
    static const char *const bad[] = {"",    ".",    "..",          ".hidden", "-x",  "a/b",
                                      "a b", "a\nb", "caf\xc3\xa9", "a:b",     "../x"};
    char name[70];
    for (size_t i = 0; i < COUNT(good); i++) assert_true(run_name_ok(good[i], NULL));
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        if (run_name_ok(bad[i], &err)) fail_msg("\"%s\"", bad[i]);
        assert_int_equal(err.code, ERR_RANGE);
    }
    memset(name, 'x', sizeof name);
    name[63] = '\0';
    assert_true(run_name_ok(name, NULL));
    name[63] = 'x';
    name[64] = '\0';
    assert_false(run_name_ok(name, NULL));
}

/* --- making and finding */

static void create(const char *runs, const char *name, struct run_paths *out) {
    struct err err = {0};
    assert_ok(run_dir_create(runs, name, out, &err), err);
}

static const char *base_name(const char *path) { return strrchr(path, '/') + 1; }

static void test_create(void **state) {
    const char *runs = in_folder(state, "new/runs");
    struct run_paths p;
    struct stat st;
    struct err err = {0};
    create(runs, "demo", &p);
    assert_string_equal(base_name(p.dir), "demo");
    assert_int_equal(stat(p.dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_string_equal(base_name(p.events), "events.jsonl");
    assert_string_equal(base_name(p.socket), "control.sock");
    assert_string_equal(base_name(p.lock), "engine.lock");
    assert_string_equal(base_name(p.config), "config.yaml");
    assert_string_equal(base_name(p.checkpoints), "checkpoints");
    assert_int_equal(strncmp(p.base, p.dir, strlen(p.dir)), 0);
    create(runs, "demo", &p);
    assert_string_equal(base_name(p.dir), "demo-2");
    create(runs, "demo", &p);
    assert_string_equal(base_name(p.dir), "demo-3");
    assert_false(run_dir_create(runs, "", &p, &err));
    assert_false(run_dir_create(runs, "../demo", &p, &err));
    char name[64];
    memset(name, 'x', 63);
    name[63] = '\0';
    create(runs, name, &p);
    create(runs, name, &p);
    assert_int_equal(strlen(base_name(p.dir)), 63);
    assert_string_equal(base_name(p.dir) + 61, "-2");
}

static void test_create_forbidden(void **state) {
    struct run_paths p;
    struct err err = {0};
    append_text(in_folder(state, "a-file"), "x");
    assert_false(run_dir_create(in_folder(state, "a-file"), "demo", &p, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(run_dir_create(in_folder(state, "a-file/runs"), "demo", &p, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void test_find(void **state) {
    const char *runs = in_folder(state, "find");
    struct run_paths made, found;
    struct err err = {0};
    create(runs, "demo", &made);
    assert_false(run_dir_find(runs, "demo", &found, &err)); /* nothing in it yet */
    append_text(made.config, "name: demo\n");
    assert_ok(run_dir_find(runs, "demo", &found, &err), err);
    assert_string_equal(found.dir, made.dir);
    assert_ok(run_dir_find(runs, made.dir, &found, &err), err);
    assert_string_equal(found.events, made.events);
    char slash[PATH_MAX + 1], here[PATH_MAX];
    snprintf(slash, sizeof slash, "%s/", made.dir);
    assert_ok(run_dir_find("/nowhere", slash, &found, &err), err);
    assert_string_equal(found.dir, made.dir);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(made.dir), 0);
    assert_ok(run_dir_find("/nowhere", ".", &found, &err), err);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(found.dir, made.dir);
    static const char *const absent[] = {"", "dem", "..", "../find", "demo/..", "/", "\x1b[2J"};
    for (size_t i = 0; i < COUNT(absent); i++) {
        if (run_dir_find(runs, absent[i], &found, &err)) fail_msg("found \"%s\"", absent[i]);
        assert_says(&err, "there is no run");
        assert_null(strchr(err.msg, '\x1b'));
    }
}

/* --- what a run tells */

static void put(const struct run_paths *p, struct event *events, int n) {
    struct event_log log;
    struct err err = {0};
    assert_ok(event_log_open(&log, p->events, &err), err);
    for (int i = 0; i < n; i++) assert_ok(event_log_put(&log, &events[i], &err), err);
    event_log_close(&log);
}

static struct run_info info_of(const struct run_paths *p) {
    struct run_info info;
    struct err err = {0};
    assert_ok(run_info_read(p->dir, &info, &err), err);
    return info;
}

static void assert_state(const struct run_paths *p, const char *state) {
    assert_string_equal(info_of(p).state, state);
}

#define RUN_BEGINS                                                                             \
    { .type = EVENT_RUN, .run.name = "demo" }
#define STAGE_BEGINS                                                                           \
    { .type = EVENT_STAGE, .stage.name = "pretrain", .step = 0 }
#define STEP(n, x)                                                                             \
    { .type = EVENT_STEP, .step = n, .stp.loss = x }
#define CONTROL(verb_)                                                                         \
    { .type = EVENT_CONTROL, .step = 9, .control.verb = verb_ }

static void test_states(void **state) {
    struct run_paths p;
    create(in_folder(state, "states"), "demo", &p);
    append_text(p.config, "name: demo\n");
    struct run_info info = info_of(&p);
    assert_string_equal(info.state, "new");
    assert_string_equal(info.name, "demo");
    assert_string_equal(info.path, p.dir);
    assert_true(isnan(info.loss));
    struct event events[] = {RUN_BEGINS, STAGE_BEGINS, STEP(8, 3.25), STEP(9, 2.5)};
    put(&p, events, COUNT(events));
    info = info_of(&p);
    assert_string_equal(info.state, "dead");
    assert_string_equal(info.stage, "pretrain");
    assert_int_equal(info.step, 9);
    assert_true(info.loss == 2.5);
    assert_int_equal(info.pid, 0);
    static const char *const reasons[] = {"finished", "stopped", "failed"};
    for (size_t i = 0; i < COUNT(reasons); i++) {
        struct event end[] = {{.type = EVENT_END, .step = 9, .end.reason = reasons[i]}};
        put(&p, end, 1);
        assert_state(&p, reasons[i]);
    }
    put(&p, events, COUNT(events)); /* resumed, then killed */
    assert_state(&p, "dead");
}

/* A process that holds the lock until it is told to end by closing the pipe. */
static pid_t living_engine(const char *lock, int *leash) {
    int down[2], up[2];
    char byte = 0;
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(down[1]);
        bool held = files_lock(lock, NULL, NULL) >= 0;
        bool told = held && write(up[1], &byte, 1) == 1 && read(down[0], &byte, 1) == 0;
        _exit(told ? 0 : 1);
    }
    close(down[0]);
    assert_int_equal(read(up[0], &byte, 1), 1);
    close(up[0]);
    close(up[1]);
    *leash = down[1];
    return child;
}

static void test_living(void **state) {
    struct run_paths p;
    create(in_folder(state, "living"), "demo", &p);
    struct event begin[] = {RUN_BEGINS, STAGE_BEGINS, STEP(9, 2.5)};
    put(&p, begin, COUNT(begin));
    int leash;
    pid_t engine = living_engine(p.lock, &leash);
    assert_state(&p, "running");
    assert_int_equal(info_of(&p).pid, engine);
    struct event pause[] = {CONTROL("pause"), CONTROL("single-step"), STEP(10, 2)};
    put(&p, pause, COUNT(pause));
    assert_state(&p, "paused");
    struct event resume[] = {CONTROL("resume"), CONTROL("lr")};
    put(&p, resume, COUNT(resume));
    assert_state(&p, "running");
    put(&p, &pause[1], 1);
    assert_state(&p, "paused");
    struct event skip[] = {CONTROL("next-stage")};
    put(&p, skip, 1);
    assert_state(&p, "running");
    put(&p, pause, COUNT(pause));
    put(&p, begin, COUNT(begin)); /* a new engine starts unpaused */
    assert_state(&p, "running");
    int status;
    close(leash);
    assert_int_equal(waitpid(engine, &status, 0), engine);
    assert_int_equal(status, 0);
    assert_state(&p, "dead");
    assert_int_equal(info_of(&p).pid, 0);
}

/* The stage stands far from the end of the log: it is found all the same. */
static void test_long_log(void **state) {
    enum { STEPS = 12000, LINE = 1 << 20 };
    struct run_paths p;
    struct stat st;
    create(in_folder(state, "longlog"), "demo", &p);
    struct event begin[] = {RUN_BEGINS, STAGE_BEGINS};
    put(&p, begin, COUNT(begin));
    char *line = malloc(LINE + 1); /* longer than what is read at a time */
    assert_non_null(line);
    memset(line, 'x', LINE - 1);
    memcpy(line + LINE - 1, "\n", 2);
    append_text(p.events, line);
    free(line);
    struct event_log log;
    struct err err = {0};
    assert_ok(event_log_open(&log, p.events, &err), err);
    for (int i = 0; i < STEPS; i++) {
        struct event e = STEP(i, 0.5 * i);
        assert_ok(event_log_put(&log, &e, &err), err);
    }
    event_log_close(&log);
    append_text(p.events, "{\"seq\":99999,\"step\":77777,\"type\":\"end\",\"rea"); /* torn */
    assert_int_equal(stat(p.events, &st), 0);
    assert_true(st.st_size > 4 * (1 << 18));
    struct run_info info = info_of(&p);
    assert_string_equal(info.stage, "pretrain");
    assert_int_equal(info.step, STEPS - 1);
    assert_true(info.loss == 0.5 * (STEPS - 1));
    assert_string_equal(info.state, "dead");
}

static void test_odd_logs(void **state) {
    struct run_paths p;
    create(in_folder(state, "odd"), "demo", &p);
    append_text(p.events, "");
    assert_state(&p, "new");
    append_text(p.events, "\n\nwords\n{\"type\":\"weather\"}\n{\"seq\":1,\"type\":\"progr");
    assert_string_equal(info_of(&p).stage, "");
    struct run_info info;
    struct err err = {0};
    assert_false(run_info_read(in_folder(state, "odd/none"), &info, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void test_list(void **state) {
    const char *runs = in_folder(state, "list");
    struct run_info *list;
    int n;
    struct err err = {0};
    assert_ok(run_list(runs, &list, &n, &err), err);
    assert_int_equal(n, 0);
    free(list);
    static const char *const names[] = {"old", "young", "middle"};
    for (int i = 0; i < 3; i++) {
        struct run_paths p;
        struct event e = RUN_BEGINS;
        create(runs, names[i], &p);
        put(&p, &e, 1);
        const struct timespec times[2] = {{.tv_sec = 1000 + i * 7 % 10},
                                          {.tv_sec = 1000 + i * 7 % 10}};
        assert_int_equal(utimensat(AT_FDCWD, p.events, times, 0), 0);
    }
    assert_ok(files_make_dirs(in_folder(state, "list/not-a-run"), 0700, &err), err);
    append_text(in_folder(state, "list/a-file"), "x");
    assert_ok(run_list(runs, &list, &n, &err), err);
    assert_int_equal(n, 3);
    assert_string_equal(list[0].name, "young");
    assert_string_equal(list[1].name, "middle");
    assert_string_equal(list[2].name, "old");
    assert_true(list[0].modified == 1007);
    free(list);
    assert_ok(run_list_quick(runs, &list, &n, &err), err);
    assert_int_equal(n, 3);
    assert_string_equal(list[0].name, "young");
    assert_string_equal(list[2].name, "old");
    assert_true(list[0].modified == 1007);
    assert_string_equal(base_name(list[0].path), "young");
    assert_string_equal(list[0].state, ""); /* not looked for */
    free(list);
    assert_false(run_list(in_folder(state, "list/a-file"), &list, &n, &err));
    assert_null(list);
}

/* --- checkpoints */

/* A folder step-N with these files and the model's other two; NULL leaves one out. */
static void checkpoint(const char *dir, int step, const char *trainer, const char *model,
                       const char *optimizer) {
    char folder[PATH_MAX], path[PATH_MAX + 64];
    struct err err = {0};
    snprintf(folder, sizeof folder, "%s/step-%d", dir, step);
    assert_ok(files_make_dirs(folder, 0700, &err), err);
    const char *const files[][2] = {{"trainer.json", trainer},
                                    {"model.safetensors", model},
                                    {"optimizer.safetensors", optimizer},
                                    {"config.json", "{}"},
                                    {"tokenizer.json", "{}"}};
    for (size_t i = 0; i < COUNT(files); i++) {
        if (!files[i][1]) continue;
        snprintf(path, sizeof path, "%s/%s", folder, files[i][0]);
        append_text(path, files[i][1]);
    }
}

static void test_checkpoints(void **state) {
    char dir[PATH_MAX], out[PATH_MAX], skipped[100], want[PATH_MAX + 16];
    struct err err = {0};
    snprintf(dir, sizeof dir, "%s", in_folder(state, "checkpoints"));
    assert_int_equal(checkpoint_newest(dir, out, NULL, 0), -1); /* no folder */
    assert_ok(files_make_dirs(dir, 0700, &err), err);
    assert_int_equal(checkpoint_newest(dir, out, skipped, sizeof skipped), -1);
    assert_string_equal(skipped, "");
    checkpoint(dir, 200, "{\"step\":200}", "mmm", "oo");
    checkpoint(dir, 90, "{}", "m", "o");
    assert_int_equal(checkpoint_newest(dir, out, skipped, sizeof skipped), 200);
    snprintf(want, sizeof want, "%s/step-200", dir);
    assert_string_equal(out, want);
    assert_string_equal(skipped, "");
    checkpoint(dir, 1000, "{\"files\":{\"model.safetensors\":3,\"optimizer.safetensors\":2}}",
               "mmm", "oo");
    assert_int_equal(checkpoint_newest(dir, out, NULL, 0), 1000);
    checkpoint(dir, 1100, "{\"files\":{\"model.safetensors\":4}}", "mmm", "oo"); /* cut short */
    checkpoint(dir, 1200, "{\"step\":", "mmm", "oo");
    checkpoint(dir, 1300, "{}", "mmm", NULL);
    checkpoint(dir, 1400, NULL, "mmm", "oo");
    checkpoint(dir, 1500, "{}", "", "oo");
    checkpoint(dir, 1600, "[]", "mmm", "oo");
    assert_int_equal(checkpoint_newest(dir, out, skipped, sizeof skipped), 1000);
    assert_string_equal(skipped,
                        "step-1600, step-1500, step-1400, step-1300, step-1200, step-1100");
    char tiny[20];
    assert_int_equal(checkpoint_newest(dir, out, tiny, sizeof tiny), 1000);
    assert_true(strlen(tiny) < sizeof tiny);
    static const char *const others[] = {"step-", "step--5", "step-9x", "tmp.step-5000",
                                         "step-1e9"};
    for (size_t i = 0; i < COUNT(others); i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/%s", dir, others[i]);
        assert_ok(files_make_dirs(path, 0700, &err), err);
    }
    assert_int_equal(checkpoint_newest(dir, out, skipped, sizeof skipped), 1000);
    assert_null(strstr(skipped, "9"));
}

/* Engines that live in the same folder, but for the run's own. */
static void test_beside(void **state) {
    const char *runs = in_folder(state, "beside");
    static const char *const names[] = {"b-own", "b-one", "b-two", "b-dead"};
    struct run_paths paths[COUNT(names)];
    int locks[COUNT(names)];
    struct err err = {0};
    struct buf text = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_ok(run_dir_create(runs, names[i], &paths[i], &err), err);
        append_text(paths[i].config, "name: x\n");
        locks[i] = files_lock(paths[i].lock, NULL, &err);
        assert_true(locks[i] >= 0);
    }
    close(locks[3]);
    run_living_beside(&paths[0], &text);
    assert_true(strcmp(buf_text(&text), "b-one, b-two") == 0 ||
                strcmp(buf_text(&text), "b-two, b-one") == 0);
    buf_clear(&text);
    close(locks[1]);
    close(locks[2]);
    run_living_beside(&paths[0], &text);
    assert_int_equal(text.len, 0);
    close(locks[0]);
    buf_deinit(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_dir),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_create),      cmocka_unit_test(test_create_forbidden),
        cmocka_unit_test(test_find),        cmocka_unit_test(test_states),
        cmocka_unit_test(test_living),      cmocka_unit_test(test_long_log),
        cmocka_unit_test(test_odd_logs),    cmocka_unit_test(test_list),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_beside),
    };
    return cmocka_run_group_tests_name("run_dir", tests, folder_setup, folder_teardown);
}
