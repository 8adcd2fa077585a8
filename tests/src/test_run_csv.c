/* test_run_csv.c - a log as a table, read back: its numbers, its names, steps that were made
 * twice. */
#include <math.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "run/run_test.h"
#include "src/run_csv.h"

static struct run_paths run;
static struct event_log event_log;

static void begin(void **state, const char *name) {
    struct err err = {0};
    assert_ok(run_paths_of(in_folder(state, name), &run, &err), err);
    assert_ok(files_make_dirs(run.dir, 0700, &err), err);
    assert_ok(event_log_open(&event_log, run.events, &err), err);
}

static void put(struct event e) {
    struct err err = {0};
    assert_ok(event_log_put(&event_log, &e, &err), err);
}

static void put_stage(int index, const char *name) {
    put((struct event){.type = EVENT_STAGE, .stage = {.index = index, .name = name}});
}

static void put_step(int64_t step, double loss) {
    put((struct event){.type = EVENT_STEP,
                       .step = step,
                       .stp = {.loss = loss,
                               .lr = 0.001,
                               .grad_norm = step == 2 ? (double)NAN : 0.5,
                               .tokens = step * 64,
                               .tokens_per_s = 1000,
                               .total = 0.25}});
}

static void put_eval(int64_t step, const char *name, double loss, double base) {
    struct event_set set = {.name = name,
                            .tuned = {.loss = loss, .bits_per_byte = 2 * loss},
                            .base = {.loss = base},
                            .has_base = isfinite(base)};
    put((struct event){.type = EVENT_EVAL, .step = step, .eval = {&set, 1}});
}

static void gives(const char *want) {
    struct buf out = {0};
    struct err err = {0};
    event_log_close(&event_log);
    assert_ok(run_csv(&run, &out, &err), err);
    assert_string_equal(buf_text(&out), want);
    buf_deinit(&out);
}

static void test_empty(void **state) {
    begin(state, "empty");
    gives("step,stage,loss,lr,grad_norm,tokens,tokens_per_s,seconds\n");
}

static void test_table(void **state) {
    begin(state, "table");
    put_stage(0, "pretrain");
    put_eval(0, "general", 9, (double)NAN); /* before any step: no line to stand in */
    put_step(1, 3.5);
    put_step(2, 1.0 / 3);
    put_eval(2, "general", 1.5, (double)NAN);
    put_stage(1, "fine, \"tune\"");
    put_step(3, 2);
    put_eval(3, "do\x1b[2Jmain", 1.25, 1.75);
    gives(
        "step,stage,loss,lr,grad_norm,tokens,tokens_per_s,seconds,general_loss,"
        "general_bits_per_byte,general_base_loss,do\\e[2Jmain_loss,do\\e[2Jmain_bits_per_byte,"
        "do\\e[2Jmain_base_loss\n"
        "1,pretrain,3.5,0.001,0.5,64,1000,0.25,,,,,,\n"
        "2,pretrain,0.333333333,0.001,,128,1000,0.25,1.5,3,,,,\n"
        "3,\"fine, \"\"tune\"\"\",2,0.001,0.5,192,1000,0.25,,,,1.25,2.5,1.75\n");
}

/* Steps 2 and 3 were made, lost with their engine, and made again. */
static void test_resumed(void **state) {
    begin(state, "resumed");
    put_stage(0, "a");
    for (int64_t step = 1; step <= 3; step++) put_step(step, 8);
    put((struct event){.type = EVENT_RUN, .step = 1, .run = {.name = "x"}});
    put_eval(1, "s", 5, (double)NAN);
    put_step(2, 4);
    put_step(3, 3);
    gives("step,stage,loss,lr,grad_norm,tokens,tokens_per_s,seconds,s_loss,s_bits_per_byte,"
          "s_base_loss\n"
          "1,a,8,0.001,0.5,64,1000,0.25,5,10,\n"
          "2,a,4,0.001,,128,1000,0.25,,,\n"
          "3,a,3,0.001,0.5,192,1000,0.25,,,\n");
}

static void test_long(void **state) {
    struct buf out = {0};
    struct err err = {0};
    int lines = 0;
    begin(state, "long");
    put_stage(0, "a");
    for (int64_t step = 1; step <= 500; step++) {
        put_step(step, 1);
        if (step % 7 == 0) put_eval(step, "s", (double)step, (double)NAN);
    }
    event_log_close(&event_log);
    assert_ok(run_csv(&run, &out, &err), err);
    for (const char *c = buf_text(&out); *c; c++) lines += *c == '\n';
    assert_int_equal(lines, 501);
    assert_non_null(strstr(buf_text(&out), "\n497,a,1,0.001,0.5,31808,1000,0.25,497,994,\n"));
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests_name("run_csv", tests, folder_setup, folder_teardown);
}
