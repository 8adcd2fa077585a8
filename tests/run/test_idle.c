/* test_idle.c - a run that has ended answers prompts: as it would have in its last step, and
 * changes in nothing but its log. */
#include "run/trainer_test.h"

#include <pthread.h>

static struct settings *settings;

/* ---- somebody who asks ---- */

enum { ASKED_MAX = 6 };

struct asker {
    const struct run_paths *paths;
    struct command commands[ASKED_MAX];
    int n;
    struct answer answers[ASKED_MAX];
};

/* One connection for all of it, so that the engine is not alone; it goes with the last answer.
 */
static void *ask_all(void *ctx) {
    struct asker *a = ctx;
    struct err err = {0};
    int line = -1;
    for (int tries = 0; line < 0 && tries < 2000; tries++) {
        line = control_connect(a->paths->socket, &err);
        if (line < 0) usleep(5000);
    }
    for (int i = 0; i < a->n; i++) {
        a->commands[i].id = i + 1;
        if (!control_ask(a->paths->socket, &a->commands[i], 60, &a->answers[i], &err))
            snprintf(a->answers[i].error, sizeof a->answers[i].error, "%s", err.msg);
    }
    if (line >= 0) close(line);
    return NULL;
}

/* Open the run, ask, and wait until the engine has gone by itself. */
static void ask(struct asker *a) {
    pthread_t thread;
    struct err err = {0};
    assert_int_equal(pthread_create(&thread, NULL, ask_all, a), 0);
    must(engine_idle(settings, a->paths, &err), &err);
    pthread_join(thread, NULL);
}

/* ---- what the log tells ---- */

struct texts {
    struct buf base, tuned; /* of own prompts, one a line */
    int samples, after_end; /* after_end: events behind the end that are no samples */
    bool ended;
};

static void gather(void *ctx, const struct event *e) {
    struct texts *t = ctx;
    t->after_end += t->ended && e->type != EVENT_SAMPLE;
    t->ended |= e->type == EVENT_END;
    if (e->type != EVENT_SAMPLE || e->sample.index >= 0) return;
    struct buf *out = strcmp(e->sample.side, "base") == 0 ? &t->base : &t->tuned;
    t->samples++;
    buf_printf(out, "%s", e->sample.weights);
    for (int i = 0; i < e->sample.n_tokens; i++)
        buf_printf(out, " %d", (int)e->sample.tokens[i].id);
    buf_str(out, "\n");
}

static void free_texts(struct texts *t) {
    buf_deinit(&t->base);
    buf_deinit(&t->tuned);
}

static const struct command own = {
    .kind = COMMAND_SAMPLE, .text = "river 7", .by = "test", .has_seed = true, .seed = 3};

/* The texts are those that the training engine gives to the same prompt with its last weights.
 */
static void test_same_texts(void **state) {
    (void)state;
    struct run_paths p = train(settings, "answers"), live;
    struct asker a = {.paths = &p, .commands = {own}, .n = 1};
    struct texts idle = {.samples = 0}, training = {.samples = 0};
    struct session n;
    struct err err = {0};
    ask(&a);
    assert_true(a.answers[0].ok);
    each_event(&p, gather, &idle);
    fresh_paths("live", &live);
    session_open(&n, settings, &live);
    must(trainer_create(n.t, &n.plan, &err), &err);
    must(trainer_run(n.t, &err), &err);
    n.t->state.stage = settings->n_stages - 1; /* it has gone past the last one */
    must(report_asked(n.t, &own, &err), &err);
    session_close(&n);
    each_event(&live, gather, &training);
    assert_int_equal(idle.samples, 2);
    assert_int_equal(training.samples, 2);
    assert_string_equal(buf_text(&idle.tuned), buf_text(&training.tuned));
    assert_string_equal(buf_text(&idle.base), buf_text(&training.base));
    free_texts(&idle);
    free_texts(&training);
}

static void test_nothing_else_changes(void **state) {
    (void)state;
    struct run_paths p = train(settings, "unchanged");
    struct asker a = {.paths = &p,
                      .commands = {{.kind = COMMAND_FREEZE, .text = "0"},
                                   {.kind = COMMAND_EVAL},
                                   {.kind = COMMAND_CHECKPOINT},
                                   {.kind = COMMAND_RESUME},
                                   own},
                      .n = 5};
    struct texts t = {.samples = 0};
    struct run_info info;
    struct err err = {0};
    struct buf before = bytes_of(&p, 24, "model.safetensors");
    ask(&a);
    for (int i = 0; i < 4; i++) {
        assert_false(a.answers[i].ok);
        assert_non_null(strstr(a.answers[i].error, "only answers prompts"));
        assert_non_null(strstr(a.answers[i].error, "thaw run --resume"));
    }
    assert_true(a.answers[4].ok);
    each_event(&p, gather, &t);
    assert_int_equal(t.after_end, 0);
    assert_int_equal(t.samples, 2);
    must(run_info_read(p.dir, &info, &err), &err);
    assert_string_equal(info.state, "finished"); /* its end still holds */
    assert_true(run_has_ended(&info));
    assert_int_equal(info.step, 24);
    assert_false(files_exists(p.socket));
    struct buf after = bytes_of(&p, 24, "model.safetensors");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_deinit(&before);
    buf_deinit(&after);
    free_texts(&t);
}

/* `stop` ends it at once; a run goes on afterwards as if nobody had looked. */
static void test_makes_way(void **state) {
    (void)state;
    struct run_paths p = train(settings, "makes-way");
    struct asker a = {.paths = &p, .commands = {own, {.kind = COMMAND_STOP}}, .n = 2};
    struct texts t = {.samples = 0};
    struct err err = {0};
    ask(&a);
    assert_true(a.answers[1].ok);
    must(engine_main(settings, &p, true, &err), &err);
    each_event(&p, gather, &t);
    assert_int_equal(t.samples, 2);
    free_texts(&t);
}

/* Before the last stage there is no base: the one model there is answers alone. */
static void test_without_base(void **state) {
    (void)state;
    struct run_paths p = train(settings, "no-base");
    struct asker a = {.paths = &p, .commands = {own}, .n = 1};
    struct texts t = {.samples = 0};
    struct err err = {0};
    must(files_remove_tree(p.base, &err), &err);
    ask(&a);
    assert_true(a.answers[0].ok);
    each_event(&p, gather, &t);
    assert_int_equal(t.samples, 1);
    assert_int_equal(t.base.len, 0);
    free_texts(&t);
    must(files_remove_tree(p.checkpoints, &err), &err);
    assert_false(engine_idle(settings, &p, &err));
    assert_non_null(strstr(err.msg, "has no sound checkpoint to answer from"));
}

static int setup(void **state) {
    if (make_folder(state) != 0) return -1;
    settings = small_settings();
    return 0;
}

static int teardown(void **state) {
    free(settings);
    return remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_texts),
        cmocka_unit_test(test_nothing_else_changes),
        cmocka_unit_test(test_makes_way),
        cmocka_unit_test(test_without_base),
    };
    return cmocka_run_group_tests_name("idle", tests, setup, teardown);
}
