/* test_resume.c - a run that is stopped, steered or out of disk space, and goes on to the same
 * bits. */
#include "run/trainer_test.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "engine/core/sums.h"
#include "engine/run/retention.h"

/* Ask for a stop as soon as the log shows `step`. */
struct stopper {
    const struct run_paths *paths;
    int64_t step;
};

static void *stop_at(void *ctx) {
    struct stopper *w = ctx;
    struct err err = {0};
    struct event_reader *r = event_reader_open(w->paths->events, &err);
    struct event e;
    int got;
    while (r && (got = event_reader_next(r, &e, &err)) >= 0) {
        if (got == 0) usleep(200);
        if (got == 1 && (e.type == EVENT_END || (e.type == EVENT_STEP && e.step >= w->step)))
            break;
    }
    struct command c = {.kind = COMMAND_STOP, .by = "test"};
    struct answer a;
    control_ask(w->paths->socket, &c, 20, &a, &err);
    event_reader_close(r);
    return NULL;
}

static void test_resume_gives_the_same_bits(void **state) {
    static const int64_t stops[] = {1, 4, 7, 12, 13, 20, 24};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "undisturbed");
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct run_paths p;
        struct err err = {0};
        char name[32];
        pthread_t thread;
        snprintf(name, sizeof name, "stopped-%zu", i);
        fresh_paths(name, &p);
        struct stopper w = {&p, stops[i]};
        assert_int_equal(pthread_create(&thread, NULL, stop_at, &w), 0);
        must(engine_main(s, &p, false, &err), &err);
        pthread_join(thread, NULL);
        must(engine_main(s, &p, true, &err),
             &err); /* wherever it stopped, it goes on from there */
        assert_same_state(&whole, &p, 24);
    }
    free(s);
}

static void test_resume_skips_a_broken_checkpoint(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "to-be-broken");
    char path[PATH_MAX + 64];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-24/optimizer.safetensors", whole.checkpoints);
    struct buf before = bytes_of(&whole, 24, "model.safetensors");
    assert_int_equal(truncate(path, 100), 0);
    must(engine_main(s, &whole, true, &err), &err);
    struct buf after = bytes_of(&whole, 24, "model.safetensors");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_deinit(&before);
    buf_deinit(&after);
    free(s);
}

static void find_problem(void *ctx, const struct event *e) {
    struct buf *all = ctx;
    if (e->type == EVENT_PROBLEM) buf_printf(all, "%s\n", e->problem.text);
}

/* A bit that has turned over changes no size: only the sums tell. */
static void test_resume_skips_other_bytes(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "a-bit");
    char path[PATH_MAX + 64];
    struct err err = {0};
    struct buf before = bytes_of(&whole, 24, "model.safetensors"), told = {0};
    snprintf(path, sizeof path, "%s/step-24/model.safetensors", whole.checkpoints);
    FILE *f = fopen(path, "r+");
    assert_true(f && fseek(f, -2, SEEK_END) == 0 &&
                fputc(before.data[before.len - 2] ^ 1, f) >= 0);
    assert_int_equal(fclose(f), 0);
    must(engine_main(s, &whole, true, &err), &err);
    struct buf after = bytes_of(&whole, 24, "model.safetensors");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    each_event(&whole, find_problem, &told);
    assert_non_null(
        strstr(buf_text(&told), "skipped: step-24 (model.safetensors has other bytes"));
    buf_deinit(&told);
    buf_deinit(&before);
    buf_deinit(&after);
    free(s);
}

/* Put another text in the place of the kernels' name in a checkpoint, sums included. */
static void rename_kernels(const struct run_paths *p, int64_t step) {
    char dir[PATH_MAX + 64], path[PATH_MAX + 96];
    struct buf text = bytes_of(p, step, "trainer.json");
    struct err err = {0};
    char *at = strstr(text.data, blas_describe());
    assert_non_null(at);
    memcpy(at, "Zilog80", 7);
    snprintf(dir, sizeof dir, "%s/step-%" PRId64, p->checkpoints, step);
    snprintf(path, sizeof path, "%s/trainer.json", dir);
    must(files_write(path, text.data, text.len, &err) && sums_write(dir, &err), &err);
    buf_deinit(&text);
}

static void test_other_kernels_are_told(void **state) {
    (void)state;
    struct settings *s = small_settings();
    s->n_stages = 1;
    struct run_paths p = train(s, "kernels");
    struct err err = {0};
    struct buf told = {0};
    must(engine_main(s, &p, true, &err), &err);
    each_event(&p, find_problem, &told);
    assert_null(strstr(buf_text(&told), "other kernels"));
    buf_clear(&told);
    rename_kernels(&p, 12);
    must(engine_main(s, &p, true, &err), &err);
    each_event(&p, find_problem, &told);
    assert_non_null(strstr(buf_text(&told), "other kernels (Zilog80"));
    buf_deinit(&told);
    free(s);
}

/* What stays at the end of a run: the last, the milestone, and the best by the second stage's
 * own set. */
static void test_keep(void **state) {
    (void)state;
    struct settings *s = small_settings();
    put(s, "checkpoint.keep", "1");
    put(s, "checkpoint.keep.every", "10");
    put(s, "checkpoint.keep.best", "true");
    assert_int_equal(settings_best_set(s), 1);
    struct run_paths p = train(s, "kept");
    struct checkpoint_fate *fates;
    struct err err = {0};
    int n = 0, best = 0;
    must(retention_list(p.checkpoints, &s->checkpoint.keep, checkpoint_is_whole, &fates, &n,
                        &err),
         &err);
    assert_true(n >= 2 && n <= 3);
    assert_int_equal(fates[0].step, 24);
    for (int i = 0; i < n; i++) {
        assert_true(isfinite(fates[i].validation) && fates[i].stays);
        if (fates[i].validation < fates[best].validation) best = i;
    }
    for (int i = 0; i < n; i++) assert_true(i == 0 || i == best || fates[i].step % 10 == 0);
    free(fates);
    free(s);
}

/* ---- wishes before a stop ---- */

/* The stage has begun and no step of it is made: its plan and learning rate are the user's. */
static void test_wishes_survive_a_stop(void **state) {
    static const struct command wishes[] = {
        {.kind = COMMAND_FREEZE, .text = "1", .by = "test"},
        {.kind = COMMAND_UNFREEZE, .text = "0", .by = "test"},
        {.kind = COMMAND_LR, .number = 5e-4, .by = "test"},
        {.kind = COMMAND_STOP, .by = "test"}};
    (void)state;
    struct settings *s = small_settings();
    s->n_stages = 1;
    struct run_paths whole, stopped;
    fresh_paths("steered", &whole);
    fresh_paths("steered-and-stopped", &stopped);
    train_with(s, &whole, wishes, 3);
    train_with(s, &stopped, wishes, 4);
    train_with(s, &stopped, NULL, 0);
    assert_same_state(&whole, &stopped, 12);
    free(s);
}

static void last_step(void *ctx, const struct event *e) {
    if (e->type == EVENT_STEP) *(int64_t *)ctx = e->step;
}

/* A stage that was left is left for good. */
static void test_next_stage_survives_a_stop(void **state) {
    static const struct command wishes[] = {{.kind = COMMAND_NEXT_STAGE, .by = "test"},
                                            {.kind = COMMAND_STOP, .by = "test"}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole, stopped;
    int64_t last = 0;
    fresh_paths("skipped", &whole);
    fresh_paths("skipped-and-stopped", &stopped);
    train_with(s, &whole, wishes, 1);
    train_with(s, &stopped, wishes, 2);
    train_with(s, &stopped, NULL, 0);
    each_event(&stopped, last_step, &last);
    assert_int_equal(last, 12);
    assert_same_state(&whole, &stopped, 12);
    free(s);
}

/* ---- a full disk ---- */

/* From here on no file of this process can grow beyond `bytes`. */
static struct rlimit limit_files(rlim_t bytes) {
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = bytes;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    return before;
}

struct facts {
    int steps, problems;
    int64_t end_step;
    char reason[16];
};

static void gather(void *ctx, const struct event *e) {
    struct facts *f = ctx;
    f->steps += e->type == EVENT_STEP;
    f->problems += e->type == EVENT_PROBLEM;
    if (e->type != EVENT_END) return;
    f->end_step = e->step;
    snprintf(f->reason, sizeof f->reason, "%s", e->end.reason);
}

/* Not even the log can be written: all steps are made, and told when there is room again. */
static void test_training_outlives_a_full_disk(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "room-enough"), p;
    struct err err = {0};
    struct session n;
    struct stat st;
    fresh_paths("no-room", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    assert_int_equal(stat(p.events, &st), 0);
    struct rlimit before = limit_files((rlim_t)st.st_size + 100);
    bool ok = trainer_run(n.t, &err);
    uint64_t trained = weights_fingerprint(&n.t->weights);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok); /* what was learned is lost */
    assert_int_equal(n.t->state.step, 24);
    session_close(&n);
    struct facts facts = {0};
    each_event(&p, gather, &facts);
    assert_int_equal(facts.steps, 24);
    assert_true(facts.problems >= 5); /* checkpoints at 5, 10, 12, 17, 22, 24, and the base */
    session_open(&n, s, &whole);
    must(trainer_create(n.t, &n.plan, &err), &err);
    assert_true(trained == weights_fingerprint(&n.t->weights));
    session_close(&n);
    free(s);
}

/* Models do not fit, the log does: the run has failed, at the step that it came to; with room
 * it starts over. */
static void test_run_without_room_for_checkpoints(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "some-room"), p;
    struct err err = {0};
    fresh_paths("little-room", &p);
    struct rlimit before = limit_files(100000);
    bool ok = engine_main(s, &p, false, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    struct facts facts = {0};
    each_event(&p, gather, &facts);
    assert_int_equal(facts.steps, 24);
    assert_string_equal(facts.reason, "failed");
    assert_int_equal(facts.end_step, 24);
    err = (struct err){0};
    must(engine_main(s, &p, true, &err), &err);
    assert_same_state(&whole, &p, 24);
    free(s);
}

/* The base could not be saved when its stage began: no checkpoint of the stage stands without
 * it. */
static void test_base_is_saved_later(void **state) {
    (void)state;
    struct settings *s = small_settings();
    s->n_stages = 1;
    struct run_paths p;
    struct err err = {0};
    struct session n;
    char path[PATH_MAX];
    fresh_paths("base-later", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    struct rlimit before = limit_files(100000);
    bool began = stage_begin(n.t, &err), saved = trainer_save(n.t, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(began && !saved);
    assert_int_equal(checkpoint_newest(p.checkpoints, path, NULL, 0), -1);
    must(trainer_save(n.t, &err), &err);
    assert_int_equal(checkpoint_newest(p.checkpoints, path, NULL, 0), 0);
    session_close(&n);
    train_with(s, &p, NULL, 0); /* needs the base */
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_gives_the_same_bits),
        cmocka_unit_test(test_resume_skips_a_broken_checkpoint),
        cmocka_unit_test(test_resume_skips_other_bytes),
        cmocka_unit_test(test_other_kernels_are_told),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_wishes_survive_a_stop),
        cmocka_unit_test(test_next_stage_survives_a_stop),
        cmocka_unit_test(test_training_outlives_a_full_disk),
        cmocka_unit_test(test_run_without_room_for_checkpoints),
        cmocka_unit_test(test_base_is_saved_later),
    };
    return cmocka_run_group_tests_name("resume", tests, make_folder, remove_folder);
}
