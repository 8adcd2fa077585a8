/* test_headless.c - a run as plain lines, with the test in the engine's place: it writes the
 * log while the lines are read back from stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/run/event_log.h"
#include "src/headless.h"

struct fixture {
    char dir[64], lines[PATH_MAX];
    struct run_paths paths;
    struct event_log log;
    struct buf out; /* what was printed */
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    assert_non_null(f);
    strcpy(f->dir, "/tmp/thaw-lines-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_true(run_paths_of(f->dir, &f->paths, &err));
    assert_true(files_join(f->lines, sizeof f->lines, f->dir, "lines", &err));
    if (!event_log_open(&f->log, f->paths.events, &err)) fail_msg("%s", err.msg);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    event_log_close(&f->log);
    files_remove_tree(f->dir, NULL);
    buf_deinit(&f->out);
    free(f);
    return 0;
}

static void put(struct fixture *f, struct event e) {
    struct err err = {0};
    if (!event_log_put(&f->log, &e, &err)) fail_msg("%s", err.msg);
}

static void put_stage(struct fixture *f, int index, int64_t step, int64_t steps,
                      bool finished) {
    put(f, (struct event){.type = EVENT_STAGE,
                          .step = step,
                          .stage = {.index = index,
                                    .name = index ? "finetune" : "pretrain",
                                    .finished = finished,
                                    .steps = steps}});
}

static void put_step(struct fixture *f, int64_t step) {
    put(f, (struct event){.type = EVENT_STEP,
                          .step = step,
                          .stp = {.loss = 2, .lr = 1e-3, .grad_norm = 1, .total = 1}});
}

static void put_sample(struct fixture *f, int64_t step, const char *side) {
    struct event_token token = {.id = 1, .text = " water", .logprob = -1, .gain = (double)NAN};
    put(f, (struct event){.type = EVENT_SAMPLE,
                          .step = step,
                          .sample = {.prompt = "sea :",
                                     .side = side,
                                     .weights = "0123456789abcdef",
                                     .tokens = &token,
                                     .n_tokens = 1}});
}

/* Two stages of 60 and 40 steps, of which the first step of the first and the last of the
 * second are told: these lines are never left out. */
static void put_run(struct fixture *f) {
    struct event_group groups[] = {{"embed", 5}};
    struct event_plan stages[] = {{"pretrain", 60}, {"finetune", 40}};
    put(f, (struct event){.type = EVENT_RUN,
                          .run = {.name = "test",
                                  .version = "",
                                  .blas = "blas",
                                  .model = "{}",
                                  .threads = 1,
                                  .groups = groups,
                                  .n_groups = 1,
                                  .stages = stages,
                                  .n_stages = 2}});
    put_stage(f, 0, 0, 60, false);
    put_step(f, 1);
    put_sample(f, 1, "tuned");
    put_step(f, 60);
    put_stage(f, 0, 60, 60, true);
    put_stage(f, 1, 60, 40, false);
    put_sample(f, 60, "tuned");
    put(f, (struct event){.type = EVENT_FREEZE,
                          .step = 61,
                          .freeze = {"embed", true, "config", (double)NAN, (double)NAN}});
    put_step(f, 100);
}

static void put_end(struct fixture *f) {
    put(f, (struct event){.type = EVENT_END, .step = 100, .end = {.reason = "finished"}});
}

/* Take stdout into f->out while `say` runs. */
static int capture(struct fixture *f, int (*say)(struct headless *h), struct headless *h) {
    struct err err = {0};
    fflush(stdout);
    int screen = dup(STDOUT_FILENO), file = open(f->lines, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(screen >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    int status = say(h);
    fflush(stdout);
    dup2(screen, STDOUT_FILENO);
    close(screen);
    close(file);
    buf_clear(&f->out);
    assert_true(files_read(f->lines, 1 << 20, &f->out, &err));
    return status;
}

static void expect(struct fixture *f, const char *words) {
    if (!strstr(buf_text(&f->out), words))
        fail_msg("\"%s\" is not in\n%s", words, buf_text(&f->out));
}

static int follow_child(struct headless *h) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    assert_true(child > 0);
    return headless_follow(h, child);
}

/* Steps of a stage and of the run are told apart, what is left is told of both, and before the
 * last stage there is only one model. */
static void test_lines(void **state) {
    struct fixture *f = *state;
    struct headless *h = headless_create(&f->paths, NULL);
    assert_non_null(h);
    put_run(f);
    put_end(f);
    assert_int_equal(capture(f, follow_child, h), 0);
    expect(f, "machine    1 thread, blas");
    expect(f, "step       1/60  loss 2.000");
    expect(f, "0:59 left, 1:39 in all");
    expect(f, "model      sea : water");
    expect(f, "tuned      sea : water");
    expect(f, "embed is frozen from step 61 on");
    expect(f, "step       40/40 (run 100)");
    expect(f, "0:00 left\n");
    expect(f, "finished at step 100");
    headless_destroy(h);
}

static int count_of(const char *text, const char *words) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, words)); at++) n++;
    return n;
}

/* Gone back into the middle of a stage, from the next one: its steps are counted on from where
 * it began. */
static void test_rollback_over_a_border(void **state) {
    struct fixture *f = *state;
    struct headless *h = headless_create(&f->paths, NULL);
    assert_non_null(h);
    put_run(f);
    put_stage(f, 0, 30, 60, false);
    put_step(f, 60);
    put_stage(f, 0, 60, 60, true);
    put_stage(f, 1, 60, 40, false);
    put_step(f, 100);
    put_end(f);
    assert_int_equal(capture(f, follow_child, h), 0);
    assert_int_equal(count_of(buf_text(&f->out), "60/60  loss"), 2);
    assert_int_equal(count_of(buf_text(&f->out), "40/40 (run 100)"), 2);
    headless_destroy(h);
}

/* A log without an end whose engine is gone: that is said, with the way on. */
static void test_dead(void **state) {
    struct fixture *f = *state;
    put_run(f);
    struct headless *h = headless_create(&f->paths, NULL);
    assert_non_null(h);
    assert_int_equal(capture(f, headless_summary, h), 0);
    expect(f, "is dead at step 100: its engine is gone");
    expect(f, "go on with:         thaw run --resume ");
    expect(f, "look at it again:   thaw attach ");
    assert_null(strstr(buf_text(&f->out), "goes on training"));
    int lock = files_lock(f->paths.lock, NULL, NULL);
    assert_true(lock >= 0);
    capture(f, headless_summary, h);
    expect(f, "goes on training at step 100");
    close(lock);
    headless_destroy(h);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_lines), TEST(test_rollback_over_a_border),
                                       TEST(test_dead)};
    return cmocka_run_group_tests_name("headless", tests, NULL, NULL);
}
