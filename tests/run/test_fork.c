/* test_fork.c - a second run from where one stands: the same bits when nothing is asked to be
 * other, what is asked for when something is, and nothing at all when it cannot be made. */
#include "run/steered_test.h"

#include <signal.h>
#include <sys/resource.h>

static void write_config(const struct run_paths *p) {
    static const char text[] = "name: small\nseed: 7\n";
    struct err err = {0};
    must(files_write(p->config, text, sizeof text - 1, &err), &err);
}

static void fresh_run(const char *name, struct run_paths *p) {
    fresh_paths(name, p);
    write_config(p);
}

/* Go on with a fork to its end, as `thaw engine RUN --resume` does. */
static struct run_paths train_fork(const struct settings *parent, const char *dir) {
    struct settings *s = malloc(sizeof *s);
    struct run_paths p;
    struct err err = {0};
    assert_non_null(s);
    *s = *parent;
    must(run_paths_of(dir, &p, &err), &err);
    snprintf(s->name, sizeof s->name, "%s", strrchr(p.dir, '/') + 1);
    must(engine_main(s, &p, true, &err), &err);
    free(s);
    return p;
}

/* ---- the same bits ---- */

struct told {
    int64_t seq;
    int steps[32]; /* how often each was told */
    char from[160], name[64], by[16];
    int64_t forked_at;
};

static void gather(void *ctx, const struct event *e) {
    struct told *t = ctx;
    assert_int_equal(e->seq, ++t->seq);
    if (e->type == EVENT_STEP) t->steps[e->step]++;
    if (e->type == EVENT_RUN) snprintf(t->name, sizeof t->name, "%s", e->run.name);
    if (e->type != EVENT_CONTROL || strcmp(e->control.verb, "fork") != 0) return;
    snprintf(t->from, sizeof t->from, "%s", e->control.argument);
    snprintf(t->by, sizeof t->by, "%s", e->control.by);
    t->forked_at = e->step;
}

static void test_fork_gives_the_same_bits(void **state) {
    static const int at[] = {0, 3, 12, 14};
    (void)state;
    struct settings *s = small_settings();
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        char name[32], expected[64];
        struct run_paths p, fork;
        struct act acts[] = {{at[i], {.kind = COMMAND_FORK}}, {0, {.kind = COMMAND_FORK}}};
        struct steering w = {.paths = &p, .acts = acts, .n = 2};
        snprintf(name, sizeof name, "parent-%d", at[i]);
        fresh_run(name, &p);
        train_steered(s, &w);
        assert_true(w.answers[0].ok && w.answers[1].ok);
        assert_int_equal(w.answers[0].step, at[i] + 1);
        snprintf(expected, sizeof expected, "%s-fork", name);
        assert_string_equal(strrchr(w.answers[0].run, '/') + 1, expected);
        snprintf(expected, sizeof expected, "%s-fork-2", name);
        assert_string_equal(strrchr(w.answers[1].run, '/') + 1, expected);
        fork = train_fork(s, w.answers[0].run);
        assert_same_state(&p, &fork, 24);
        assert_same_base(&p, &fork);
        struct told told = {0};
        each_event(&fork, gather, &told);
        for (int step = 1; step <= 24; step++) assert_int_equal(told.steps[step], 1);
        snprintf(expected, sizeof expected, "of %s", name);
        assert_string_equal(told.from, expected);
        assert_int_equal(told.forked_at, at[i]);
        assert_string_equal(told.by, "test");
        snprintf(expected, sizeof expected, "%s-fork", name);
        assert_string_equal(told.name, expected);
    }
    free(s);
}

/* Its config is the parent's under its own name; until it is taken up it counts as stopped. */
static void test_fork_is_a_run(void **state) {
    static const struct act acts[] = {{6, {.kind = COMMAND_FORK, .name = "named"}}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p, fork;
    struct err err = {0};
    struct run_info info;
    struct buf config = {0};
    char path[PATH_MAX];
    struct steering w = {.paths = &p, .acts = acts, .n = 1};
    fresh_run("is-a-run", &p);
    train_steered(s, &w);
    assert_true(w.answers[0].ok);
    must(run_dir_find(folder, "named", &fork, &err), &err);
    assert_string_equal(fork.dir, w.answers[0].run);
    must(run_info_read(fork.dir, &info, &err), &err);
    assert_string_equal(info.state, "stopped");
    assert_int_equal(info.step, 6);
    assert_int_equal(checkpoint_newest(fork.checkpoints, path, NULL, 0), 6);
    must(files_read(fork.config, 1000, &config, &err), &err);
    assert_string_equal(buf_text(&config), "name: \"named\"\nseed: 7\n");
    buf_deinit(&config);
    free(s);
}

/* A fork of a fork counts on, whatever its number. */
static void test_names(void **state) {
    static const char *const names[][2] = {{"one", "one-fork"},
                                           {"one-fork", "one-fork-2"},
                                           {"one-fork-2", "one-fork-3"},
                                           {"fork", "fork-fork"},
                                           {"one-2", "one-2-fork"}};
    (void)state;
    struct settings *s = small_settings();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static const struct act acts[] = {{0, {.kind = COMMAND_FORK}}};
        struct run_paths p;
        struct err err = {0};
        struct steering w = {.paths = &p, .acts = acts, .n = 1, .stays_paused = true};
        if (i == 1 || i == 2) must(run_dir_find(folder, names[i][0], &p, &err), &err);
        else fresh_run(names[i][0], &p);
        train_steered(s, &w);
        assert_true(w.answers[0].ok);
        assert_string_equal(strrchr(w.answers[0].run, '/') + 1, names[i][1]);
    }
    free(s);
}

/* ---- something is other ---- */

/* A fork with a plan and a rate of its own does what the parent does when it is asked for them.
 */
static void test_fork_is_steered(void **state) {
    static const struct {
        const char *before, *fork; /* what is frozen */
        struct command parent;
    } cases[] = {{"embed", "embed,0,norm", {.kind = COMMAND_FREEZE, .text = "0,norm"}},
                 {"1", "none", {.kind = COMMAND_UNFREEZE, .text = "1"}}};
    (void)state;
    struct settings *s = small_settings();
    s->n_stages = 1;
    put(s, "stages.0.schedule.warmup", "2");
    for (size_t i = 0; i < 2; i++) {
        struct run_paths p, fork;
        struct told told = {0};
        char name[32];
        struct act acts[] = {
            {5, {.kind = COMMAND_FORK, .has_freeze = true, .has_lr = true, .number = 5e-4}},
            {0, cases[i].parent},
            {0, {.kind = COMMAND_LR, .number = 5e-4}}};
        struct steering w = {.paths = &p, .acts = acts, .n = 3};
        snprintf(acts[0].command.text, sizeof acts[0].command.text, "%s", cases[i].fork);
        snprintf(name, sizeof name, "steered-%zu", i);
        put(s, "stages.0.freeze", cases[i].before);
        fresh_run(name, &p);
        train_steered(s, &w);
        for (int k = 0; k < 3; k++) assert_true(w.answers[k].ok);
        fork = train_fork(s, w.answers[0].run);
        assert_same_state(&p, &fork, 12);
        each_event(&fork, gather, &told);
        assert_non_null(strstr(told.from, "--lr 0.0005"));
    }
    free(s);
}

/* Whether block 0 ever learned in the second stage. */
static void hear_block_0(void *ctx, const struct event *e) {
    bool *learned = ctx;
    for (int i = 0; e->type == EVENT_LAYERS && e->step > 13 && i < e->layers.n_groups; i++)
        if (strcmp(e->layers.groups[i].name, "block.0") == 0)
            *learned |= !e->layers.groups[i].frozen;
}

/* A stage with plans: the fork waits for a better evaluation as the parent does, takes back the
 * same best weights, and thaws at the same step; a freeze plan of its own takes the place of
 * the stage's. */
static void test_fork_of_plans(void **state) {
    static const struct act acts[] = {
        {15, {.kind = COMMAND_FORK}},
        {0, {.kind = COMMAND_FORK, .has_freeze = true, .text = "embed,0"}}};
    static const char *const keys[][2] = {{"eval.every", "2"},
                                          {"checkpoint.keep", "1"},
                                          {"stages.1.thaw.every", "5"},
                                          {"stages.1.early_stop.patience", "2"},
                                          {"stages.1.early_stop.min_delta", "9"}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct steering w = {.paths = &p, .acts = acts, .n = 2};
    bool learned[2] = {false, false};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) put(s, keys[i][0], keys[i][1]);
    fresh_run("of-plans", &p);
    train_steered(s, &w);
    assert_true(w.answers[0].ok && w.answers[1].ok);
    struct run_paths same = train_fork(s, w.answers[0].run),
                     held = train_fork(s, w.answers[1].run);
    assert_same_state(&p, &same, 18);
    each_event(&same, hear_block_0, &learned[0]);
    each_event(&held, hear_block_0, &learned[1]);
    assert_true(learned[0] && !learned[1]);
    free(s);
}

/* In a warm-up the rate is the one that it leads to: the fork is not faster behind it. */
static void test_rate_in_a_warmup(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct trainer *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->settings = s;
    put(s, "stages.0.schedule.kind", "constant");
    put(s, "stages.0.schedule.warmup", "5");
    double peak = s->stages[0].optimizer.lr;
    assert_true(stage_lr_scale(t, 0, 0, peak / 2) == 0.5);
    assert_true(stage_lr_scale(t, 0, 9, peak / 2) == 0.5);
    free(t);
    free(s);
}

/* ---- refused ---- */

static int entries(void) {
    struct run_info *runs = NULL;
    int n = 0;
    struct err err = {0};
    must(run_list(folder, &runs, &n, &err), &err);
    free(runs);
    return n;
}

static void test_refusals(void **state) {
    static const struct act acts[] = {
        {2, {.kind = COMMAND_FORK, .name = "refused"}},
        {0, {.kind = COMMAND_FORK, .name = "wrong", .has_freeze = true, .text = "block.9"}}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    char path[PATH_MAX + 16];
    struct steering w = {.paths = &p, .acts = acts, .n = 2};
    fresh_run("refused", &p);
    int before = entries();
    train_steered(s, &w);
    assert_false(w.answers[0].ok || w.answers[1].ok);
    assert_non_null(strstr(w.answers[0].error, "there is a run refused already"));
    assert_non_null(strstr(w.answers[1].error, "block.9"));
    assert_string_equal(w.answers[1].run, "");
    snprintf(path, sizeof path, "%s/wrong", folder);
    assert_false(files_exists(path));
    assert_int_equal(entries(), before);
    free(s);
}

/* No model fits on the disk: nothing of the fork is left, and the run goes on. */
static void test_full_disk_leaves_nothing(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    struct rlimit before, tight;
    struct command fork = {.kind = COMMAND_FORK, .name = "no-room", .by = "test"};
    char path[PATH_MAX + 16], run[PATH_MAX];
    fresh_run("full", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    must(stage_begin(n.t, &err), &err);
    assert_true(trainer_step(n.t));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/no-room", folder);
    static const rlim_t bytes[] = {100, 100000};
    for (int i = 0; i < 2; i++) {
        tight = before;
        tight.rlim_cur = bytes[i];
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        bool ok = trainer_fork(n.t, &fork, run, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(ok);
        assert_false(files_exists(path));
    }
    must(trainer_fork(n.t, &fork, run, &err), &err);
    n.t->gone_bad = true;
    assert_false(trainer_fork(n.t, &fork, run, &err));
    assert_int_equal(err.code, ERR_NUMERIC);
    session_close(&n);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_gives_the_same_bits),
        cmocka_unit_test(test_fork_is_a_run),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fork_is_steered),
        cmocka_unit_test(test_fork_of_plans),
        cmocka_unit_test(test_rate_in_a_warmup),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests_name("fork", tests, make_folder, remove_folder);
}
