/* test_tensorboard.c - what a run writes for TensorBoard, read back by a reader of our own: its
 * first bytes, every scalar against the log, a resume, a folder that cannot be written, a disk
 * that fills up. */
#include "run/tfevents_reader.h"
#include "run/trainer_test.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "engine/run/tensorboard.h"

static const char *below_run(const struct run_paths *p, const char *name) {
    return below(p->dir, name);
}

static void put_step(struct tensorboard *tb, int64_t step, double loss) {
    struct event e = {.type = EVENT_STEP,
                      .step = step,
                      .stp = {.loss = loss, .lr = 0.001, .grad_norm = NAN, .tokens_per_s = 5}};
    struct err err = {0};
    must(tensorboard_add(tb, &e, 1700000000.5, &err), &err);
}

/* The only file of a folder. */
static struct tfevents *read_one(const char *dir) {
    char paths[8][TFEVENTS_PATH];
    struct tfevents *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_int_equal(list_tfevents(dir, paths), 1);
    read_tfevents(paths[0], t);
    return t;
}

/* The first record as every writer of these files makes it, but for the time. */
static void test_first_bytes(void **state) {
    static const unsigned char head[] = {0x18, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22,
                                         0x09, 0, 0, 0, 0, 0, 0, 0, 0,    0x1A, 13};
    char dir[PATH_MAX + 32], paths[8][TFEVENTS_PATH];
    struct err err = {0};
    struct buf bytes = {0};
    (void)state;
    snprintf(dir, sizeof dir, "%s/first/deep", folder);
    struct tensorboard *tb = tensorboard_create(dir, 0, 0, &err);
    must(tb != NULL, &err);
    tensorboard_destroy(tb);
    assert_int_equal(list_tfevents(dir, paths), 1);
    must(files_read(paths[0], 1000, &bytes, &err), &err);
    assert_true(bytes.len > sizeof head + 13);
    assert_memory_equal(bytes.data, head, sizeof head);
    assert_memory_equal(bytes.data + sizeof head, "brain.Event:2", 13);
    buf_deinit(&bytes);
}

static void test_values(void **state) {
    char dir[PATH_MAX + 32];
    struct err err = {0};
    (void)state;
    snprintf(dir, sizeof dir, "%s/values", folder);
    struct tensorboard *tb = tensorboard_create(dir, 0, 1700000000, &err);
    must(tb != NULL, &err);
    put_step(tb, 1, 3.5);
    put_step(tb, 300, 2.25);
    struct event_set sets[] = {{.name = "do\x1bmain",
                                .tuned = {1, 2, 3, NAN},
                                .base = {4, 0, 0, 0},
                                .has_base = true}};
    struct event eval = {.type = EVENT_EVAL, .step = 300, .eval = {sets, 1}};
    struct event_layer groups[] = {{.name = "block.0", .grad_norm = 1, .from_base = 0.5},
                                   {.name = "block.0.attn", .grad_norm = 1},
                                   {.name = "norm", .grad_norm = 2, .from_base = NAN}};
    struct event layers = {.type = EVENT_LAYERS, .step = 300, .layers = {groups, 3, 0.1}};
    struct event other = {.type = EVENT_END, .step = 300, .end = {"finished"}};
    must(tensorboard_add(tb, &eval, 1, &err) && tensorboard_add(tb, &layers, 1, &err) &&
             tensorboard_add(tb, &other, 1, &err),
         &err);
    tensorboard_destroy(tb);
    struct tfevents *t = read_one(dir);
    assert_string_equal(t->version, "brain.Event:2");
    assert_int_equal(t->n_records, 6);     /* version, start, two steps, eval, layers */
    assert_int_equal(t->n, 3 + 3 + 4 + 5); /* no NaN, no part of a block */
    assert_true(scalar_of(t, "train/loss", 1) == 3.5f && t->at[0].wall == 1700000000.5);
    assert_true(scalar_of(t, "train/loss", 300) == 2.25f);
    assert_true(isnan(scalar_of(t, "train/grad_norm", 300)));
    assert_true(scalar_of(t, "eval/do\\emain/loss", 300) == 1);
    assert_true(scalar_of(t, "eval/do\\emain/base_loss", 300) == 4);
    assert_true(scalar_of(t, "layers/block.0/from_base", 300) == 0.5f);
    assert_true(isnan(scalar_of(t, "layers/block.0.attn/grad_norm", 300)));
    free(t);
}

/* ---- runs ---- */

/* The log has nine digits of a number, a file of TensorBoard a float. */
static void assert_near(float found, double told) {
    assert_true(fabs((double)found - told) <= 1e-6 * fabs(told));
}

/* Every step's loss in the log is in `t`, too. */
static void same_loss(void *ctx, const struct event *e) {
    const struct tfevents *t = ctx;
    if (e->type == EVENT_STEP) assert_near(scalar_of(t, "train/loss", e->step), e->stp.loss);
    if (e->type == EVENT_EVAL)
        assert_near(scalar_of(t, "eval/domain/loss", e->step), e->eval.sets[1].tuned.loss);
}

static void test_run_and_resume(void **state) {
    struct settings *s = small_settings();
    char paths[8][TFEVENTS_PATH], broken[PATH_MAX + 64];
    struct err err = {0};
    (void)state;
    put(s, "tensorboard", "true");
    struct run_paths p = train(s, "tensorboard");
    struct tfevents *t = read_one(below_run(&p, "tensorboard"));
    each_event(&p, same_loss, t);
    assert_int_equal(t->starts[0], 1);
    assert_false(isnan(scalar_of(t, "layers/block.1/from_base", 24)));
    free(t);
    snprintf(broken, sizeof broken, "%s/step-24", p.checkpoints); /* the newest is lost */
    must(files_remove_tree(broken, &err) && engine_main(s, &p, true, &err), &err);
    assert_int_equal(list_tfevents(below_run(&p, "tensorboard"), paths), 2);
    t = calloc(1, sizeof *t);
    assert_non_null(t);
    read_tfevents(paths[1], t);
    assert_int_equal(t->n_starts, 1);
    assert_int_equal(t->starts[0], 23); /* what stood there of later steps is void */
    assert_false(isnan(scalar_of(t, "train/loss", 23)));
    assert_true(isnan(scalar_of(t, "train/loss", 22)));
    free(t);
    free(s);
}

static void test_not_asked_for(void **state) {
    struct settings *s = small_settings();
    (void)state;
    struct run_paths p = train(s, "without");
    assert_false(files_exists(below_run(&p, "tensorboard")));
    free(s);
}

struct told {
    int problems, steps;
    const char *words;
};

static void count_told(void *ctx, const struct event *e) {
    struct told *told = ctx;
    told->steps += e->type == EVENT_STEP;
    told->problems += e->type == EVENT_PROBLEM && strstr(e->problem.text, told->words) != NULL;
}

/* A file stands where its folder should be: a warning, and the run is trained as ever. */
static void test_folder_in_the_way(void **state) {
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct told told = {.words = "nothing is written for TensorBoard"};
    (void)state;
    put(s, "tensorboard", "true");
    fresh_paths("in-the-way", &p);
    must(files_write(below_run(&p, "tensorboard"), "x", 1, &err), &err);
    must(engine_main(s, &p, false, &err), &err);
    each_event(&p, count_told, &told);
    assert_int_equal(told.problems, 1);
    assert_int_equal(told.steps, 24);
    free(s);
}

/* The file may not grow for a while: said once, what is in it stays whole, later steps follow.
 */
static void test_full_disk(void **state) {
    char dir[PATH_MAX + 32];
    struct err err = {0};
    struct rlimit before, small;
    (void)state;
    snprintf(dir, sizeof dir, "%s/full", folder);
    struct tensorboard *tb = tensorboard_create(dir, 0, 0, &err);
    must(tb != NULL, &err);
    put_step(tb, 1, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 300; /* in the middle of a record */
    struct event e = {.type = EVENT_STEP, .step = 2, .stp = {.loss = 1}};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int failed = 0;
    for (; e.step < 10; e.step++) failed += !tensorboard_add(tb, &e, 1, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, 1);
    put_step(tb, 10, 0.5);
    tensorboard_destroy(tb);
    struct tfevents *t = read_one(dir); /* to its last byte */
    assert_true(scalar_of(t, "train/loss", 10) == 0.5f);
    assert_true(isnan(scalar_of(t, "train/loss", 9)));
    free(t);
}

/* A log that was written without, and one that takes steps back. */
static void test_convert(void **state) {
    struct settings *s = small_settings();
    char dir[PATH_MAX + 32];
    struct err err = {0};
    (void)state;
    struct run_paths p = train(s, "converted");
    snprintf(dir, sizeof dir, "%s/converted-files", folder);
    must(tensorboard_convert(p.events, dir, &err), &err);
    struct tfevents *t = read_one(dir);
    each_event(&p, same_loss, t);
    assert_int_equal(t->n_starts, 1);
    free(t);
    char again[PATH_MAX + 64];
    snprintf(again, sizeof again, "%s/step-24", p.checkpoints);
    must(files_remove_tree(again, &err) && engine_main(s, &p, true, &err), &err);
    snprintf(dir, sizeof dir, "%s/converted-again", folder);
    must(tensorboard_convert(p.events, dir, &err), &err);
    t = read_one(dir);
    assert_int_equal(t->n_starts, 2);
    assert_int_equal(t->starts[1], 22); /* the layers of the checkpoint's step come first */
    free(t);
    assert_false(tensorboard_convert(below_run(&p, "no-log"), dir, &err));
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_bytes),       cmocka_unit_test(test_values),
        cmocka_unit_test(test_run_and_resume),    cmocka_unit_test(test_not_asked_for),
        cmocka_unit_test(test_folder_in_the_way), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_convert),
    };
    return cmocka_run_group_tests_name("tensorboard", tests, make_folder, remove_folder);
}
