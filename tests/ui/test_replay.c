/* test_replay.c - a log played back: what is due when, where jumps lead, and that the fold
 * there is the one that reading from the start would give. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "ui/replay.h"

struct fixture {
    char path[64];
    struct replay *replay;
    struct history history; /* of the place where the replay stands */
    int64_t heard;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/thaw-replay-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    history_init(&f->history);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    replay_close(f->replay);
    history_deinit(&f->history);
    unlink(f->path);
    free(f);
    return 0;
}

/* ---- logs */

static void put(struct buf *log, int64_t seq, double t, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void put(struct buf *log, int64_t seq, double t, const char *fmt, ...) {
    char body[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(body, sizeof body, fmt, args);
    va_end(args);
    buf_printf(log, "{\"seq\":%lld,\"t\":%.3f,%s}\n", (long long)seq, t, body);
}

static void put_step(struct buf *log, int64_t seq, double t, int step) {
    put(log, seq, t, "\"step\":%d,\"type\":\"step\",\"loss\":%g,\"tokens\":%d,\"lr\":1e-3",
        step, 3 + sin(step), step * 10);
}

/* A run of `steps`, a tenth of a second each: an evaluation, a sample, a checkpoint now and
 * then, and three quarters through it a resume that takes a hundred steps back. */
static void write_run(const struct fixture *f, int steps) {
    struct buf log = {0};
    int64_t seq = 0;
    int again = steps * 3 / 4;
    for (int step = 0, from = 0; step < steps; step++) {
        double t = 0.1 * (double)seq;
        if (step == from)
            put(&log, ++seq, t,
                "\"step\":%d,\"type\":\"run\",\"name\":\"x\",\"groups\":[{\"name\":\"embed\","
                "\"parameters\":10},{\"name\":\"block.0\",\"parameters\":7}],\"stages\":[{"
                "\"name\":\"pretrain\",\"steps\":%d}],\"prompts\":[\"fever :\"]",
                step, steps);
        if (step == from)
            put(&log, ++seq, t,
                "\"step\":%d,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\",\"state\":"
                "\"started\",\"steps\":%d",
                step, steps);
        put_step(&log, ++seq, t, step + 1);
        if (step % 50 == 49)
            put(&log, ++seq, t,
                "\"step\":%d,\"type\":\"eval\",\"sets\":{\"general\":{\"tuned\":{\"loss\":%g}}"
                "}",
                step + 1, 3 + cos(step));
        if (step % 100 == 99)
            put(&log, ++seq, t,
                "\"step\":%d,\"type\":\"sample\",\"prompt\":\"fever :\",\"side\":\"tuned\","
                "\"index\":0,\"tokens\":[{\"id\":1,\"text\":\" %d\",\"logprob\":-1}]",
                step + 1, step);
        if (step % 500 == 499)
            put(&log, ++seq, t, "\"step\":%d,\"type\":\"checkpoint\",\"path\":\"step-%d\"",
                step + 1, step + 1);
        if (step == again && again > 0) step = from = again - 100, again = 0, step--;
    }
    put(&log, seq + 1, 0.1 * (double)seq,
        "\"step\":%d,\"type\":\"end\",\"reason\":\"finished\"", steps);
    assert_true(files_write(f->path, buf_text(&log), log.len, NULL));
    buf_deinit(&log);
}

static void write_text(const struct fixture *f, const struct buf *log) {
    assert_true(files_write(f->path, buf_text(log), log->len, NULL));
}

static void look_ahead(struct fixture *f) {
    struct err err = {0};
    int got;
    do got = replay_look_ahead(f->replay, 1, &err);
    while (got > 0);
    if (got < 0) fail_msg("%s", err.msg);
}

static void open_replay(struct fixture *f, double speed) {
    f->replay = replay_open(f->path, speed, NULL);
    assert_non_null(f->replay);
    look_ahead(f);
}

static struct replay_state state_of(const struct fixture *f) {
    struct replay_state s;
    replay_state(f->replay, &s);
    return s;
}

static void hear(void *ctx, const struct event *e) {
    struct fixture *f = ctx;
    history_observe(&f->history, e);
    f->heard++;
}

/* What is heard until `now`, with a long slice. */
static int64_t play(struct fixture *f, double now) {
    bool more;
    int64_t n = replay_play(f->replay, now, 10, hear, f, &more);
    assert_false(more);
    return n;
}

static void jump(struct fixture *f, int64_t place) {
    assert_true(replay_jump(f->replay, place, &f->history));
}

/* ---- the same fold */

static void same_series(const struct series *a, const struct series *b) {
    assert_int_equal(a->n, b->n);
    for (int u = 0; u < UNIT_COUNT && a->n > 0; u++)
        assert_memory_equal(a->x[u], b->x[u], a->n * sizeof *a->x[u]);
    if (a->n > 0) assert_memory_equal(a->y, b->y, a->n * sizeof *a->y);
    struct span x = series_span(a, 3, a->n), y = series_span(b, 3, b->n);
    assert_true(x.bad == y.bad && (x.lo == y.lo || a->n <= 3) && (x.hi == y.hi || a->n <= 3));
}

static void same_journal(const struct journal *a, const struct journal *b) {
    assert_int_equal(a->n_marks, b->n_marks);
    assert_int_equal(a->n_lines, b->n_lines);
    for (size_t i = 0; i < a->n_marks; i++) {
        assert_string_equal(a->marks[i].text, b->marks[i].text);
        assert_true(a->marks[i].x[UNIT_STEPS] == b->marks[i].x[UNIT_STEPS]);
    }
    for (size_t i = 0; i < a->n_lines; i++)
        assert_string_equal(a->lines[i].text, b->lines[i].text);
}

static void same_samples(const struct samples *a, const struct samples *b) {
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->newest, b->newest);
    for (int i = 0; i < a->n; i++) {
        assert_string_equal(a->pairs[i].prompt, b->pairs[i].prompt);
        assert_int_equal(a->pairs[i].tuned.made, b->pairs[i].tuned.made);
        if (!a->pairs[i].tuned.made) continue;
        assert_string_equal(a->pairs[i].tuned.text, b->pairs[i].tuned.text);
        assert_string_equal(a->pairs[i].tuned.tokens[0].text, b->pairs[i].tuned.tokens[0].text);
    }
}

static void same_history(const struct history *a, const struct history *b) {
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->n_groups, b->n_groups);
    assert_int_equal(a->n_pace, b->n_pace);
    assert_true(a->t == b->t && a->tokens == b->tokens && a->stage_start == b->stage_start);
    same_series(&a->train, &b->train);
    for (int s = 0; s < SMOOTHINGS && a->train.n > 0; s++)
        assert_memory_equal(a->smooth[s], b->smooth[s], a->train.n * sizeof *a->smooth[s]);
    assert_int_equal(a->n_sets, b->n_sets);
    for (int i = 0; i < a->n_sets; i++) same_series(&a->sets[i].tuned, &b->sets[i].tuned);
    for (int i = 0; i < a->n_groups; i++)
        assert_string_equal(a->groups[i].name, b->groups[i].name);
    same_journal(&a->journal, &b->journal);
    same_samples(&a->samples, &b->samples);
}

/* The fold over the first `events` of the log. */
static void fold(const struct fixture *f, int64_t events, struct history *h) {
    struct event_reader *r = event_reader_open(f->path, NULL);
    struct event e;
    history_init(h);
    assert_non_null(r);
    for (int64_t i = 0; i < events; i++) {
        assert_int_equal(event_reader_next(r, &e, NULL), 1);
        history_observe(h, &e);
    }
    event_reader_close(r);
}

/* Forward and back, near and far: each place is as if it had been read from the start, also
 * beside the resume, whose steps are in the log twice. */
static void test_jumps(void **state) {
    enum { STEPS = 9000, JUMPS = 40 };
    struct fixture *f = *state;
    struct rng rng = rng_make(7, 0, 0);
    write_run(f, STEPS);
    open_replay(f, 1);
    for (int i = 0; i < JUMPS; i++) {
        struct history h;
        int64_t far = (int64_t)(rng_uniform(&rng) * (STEPS * 1.04));
        int64_t near = STEPS * 3 / 4 + (int64_t)(rng_uniform(&rng) * 600);
        int64_t place = i == 0 ? 1 : i % 3 == 0 ? near : far;
        jump(f, place);
        fold(f, place, &h);
        same_history(&f->history, &h);
        history_deinit(&h);
    }
    jump(f, INT64_MAX);
    assert_true(state_of(f).at_end);
    assert_int_equal(f->history.state, RUN_ENDED);
    jump(f, 0);
    assert_int_equal(f->history.train.n, 0);
    assert_false(f->history.has_run);
}

/* Played to its end from anywhere it is the same as well. */
static void test_plays_on(void **state) {
    struct fixture *f = *state;
    struct history h;
    write_run(f, 4000);
    open_replay(f, INFINITY);
    play(f, 1);
    int64_t all = f->heard;
    assert_true(all > 4000 && state_of(f).at_end);
    jump(f, 2500);
    f->heard = 0;
    assert_int_equal(play(f, 2), all - 2500);
    fold(f, all, &h);
    same_history(&f->history, &h);
    history_deinit(&h);
}

/* ---- time */

/* Steps at 1 s, 2 s ... and a night between the fourth and the fifth. */
static void write_times(const struct fixture *f) {
    struct buf log = {0};
    for (int i = 1; i <= 8; i++) put_step(&log, i, i + (i > 4 ? 40000 : 0), i);
    write_text(f, &log);
    buf_deinit(&log);
}

static void test_time(void **state) {
    struct fixture *f = *state;
    write_times(f);
    open_replay(f, 1);
    assert_int_equal(play(f, 100), 0);
    assert_int_equal(play(f, 100.9), 0);
    assert_int_equal(play(f, 101.05), 1);
    assert_int_equal(play(f, 101.9), 0);
    replay_change_speed(f->replay, 1);
    assert_true(state_of(f).speed == 2);
    assert_int_equal(play(f, 102.5), 2); /* at 1.9 s, and 0.6 s twice as fast: 3.1 s */
    assert_int_equal(f->heard, 3);
}

/* A night lasts as long as the longest silence, 1.5 s; so does it at any speed. */
static void test_silence(void **state) {
    struct fixture *f = *state;
    for (int fast = 0; fast < 2; fast++) {
        write_times(f);
        open_replay(f, fast ? 4 : 1);
        jump(f, 4);
        assert_int_equal(play(f, 50), 0);
        assert_int_equal(play(f, 50.9), 0);
        assert_int_equal(play(f, 51.4), 0);
        assert_int_equal(play(f, 51.6), 1);
        assert_true(state_of(f).t == 40005);
        replay_close(f->replay);
        f->replay = NULL;
    }
}

static void test_pause(void **state) {
    struct fixture *f = *state;
    write_times(f);
    open_replay(f, 1);
    play(f, 10);
    assert_int_equal(play(f, 11) + play(f, 12), 2);
    replay_pause(f->replay, true);
    assert_int_equal(play(f, 13) + play(f, 100), 0);
    replay_pause(f->replay, false);
    assert_int_equal(play(f, 100.9), 0);
    assert_int_equal(play(f, 101.1), 1);
    assert_int_equal(play(f, 5000),
                     1); /* the screen was stopped: no more than a second passed */
}

static void test_speeds(void **state) {
    static const double all[] = {0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, INFINITY, INFINITY};
    struct fixture *f = *state;
    write_times(f);
    open_replay(f, 0.25);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_true(state_of(f).speed == all[i]);
        replay_change_speed(f->replay, 1);
    }
    for (int i = 8; i >= -1; i--) {
        replay_change_speed(f->replay, -1);
        assert_true(state_of(f).speed == all[i < 0 ? 0 : i]);
    }
    replay_close(f->replay);
    open_replay(f, 3); /* one that is none of them */
    replay_change_speed(f->replay, 1);
    assert_true(state_of(f).speed == 4);
    replay_close(f->replay);
    open_replay(f, 3);
    replay_change_speed(f->replay, -1);
    assert_true(state_of(f).speed == 2);
}

/* The clock of the machine was set back by an hour: nothing waits for it, nothing is lost. */
static void test_clock_set_back(void **state) {
    struct fixture *f = *state;
    struct buf log = {0};
    for (int i = 1; i <= 6; i++) put_step(&log, i, i > 3 ? i : i + 3600, i);
    write_text(f, &log);
    buf_deinit(&log);
    open_replay(f, 1);
    jump(f, 3);
    play(f, 10);
    assert_int_equal(play(f, 11), 1);
    assert_int_equal(play(f, 11.9), 0);
    assert_int_equal(play(f, 12.1), 1);
}

/* ---- places */

static void test_steps(void **state) {
    struct fixture *f = *state;
    write_run(f, 1000);
    open_replay(f, 1);
    jump(f, replay_place_of_step(f->replay, 350));
    assert_int_equal(f->history.step, 350);
    assert_int_equal(f->history.sets[0].tuned.n, 7); /* the evaluation behind it, too */
    jump(f, replay_steps_from_here(f->replay, 1));
    assert_int_equal(f->history.step, 351);
    jump(f, replay_steps_from_here(f->replay, -2));
    assert_int_equal(f->history.step, 349);
    jump(f, replay_share_from_here(f->replay, -0.1)); /* of 1101 */
    assert_int_equal(f->history.step, 349 - 111);
    jump(f, replay_share_from_here(f->replay, -1));
    assert_int_equal(f->history.train.n, 0);
    jump(f, replay_steps_from_here(f->replay, 1)); /* what prepared the first step */
    assert_true(f->history.has_run && f->history.train.n == 0);
    jump(f, replay_share_from_here(f->replay, 1));
    assert_true(state_of(f).at_end);
    jump(f, replay_steps_from_here(f->replay, -1));
    assert_int_equal(f->history.step, 999);
    assert_false(state_of(f).at_end);
    assert_int_equal(state_of(f).step_end, 1000);
}

/* In the middle of what came with a step, one step on ends it and one back undoes it. */
static void test_between(void **state) {
    struct fixture *f = *state;
    write_run(f, 200);
    open_replay(f, 1);
    int64_t at = replay_place_of_step(f->replay, 100); /* step, evaluation, sample */
    jump(f, at - 1);
    assert_int_equal(replay_steps_from_here(f->replay, 1), at);
    assert_int_equal(replay_steps_from_here(f->replay, -1),
                     replay_place_of_step(f->replay, 99));
}

static void expect_mark(struct fixture *f, bool forward, int64_t step, const char *text) {
    static const double own[] = {300, 720};
    char found[80] = "";
    int64_t place = replay_mark_from_here(f->replay, forward, own, 2, found, sizeof found);
    assert_string_equal(found, text);
    if (!*text) assert_int_equal(place, -1);
    if (!*text) return;
    jump(f, place);
    assert_int_equal(f->history.step, step);
}

static void test_marks(void **state) {
    struct fixture *f = *state;
    write_run(f, 1000);
    open_replay(f, 1);
    jump(f, 3);
    expect_mark(f, true, 300, "own mark");
    expect_mark(f, true, 500, "checkpoint");
    expect_mark(f, true, 720, "own mark");
    expect_mark(f, true, 1000, "checkpoint");
    expect_mark(f, true, 0, "");
    expect_mark(f, false, 720, "own mark");
    expect_mark(f, false, 500, "checkpoint");
    expect_mark(f, false, 300, "own mark");
    expect_mark(f, false, 0, "pretrain begins");
    expect_mark(f, false, 0, "");
}

/* ---- logs that are not whole */

static void append(const struct fixture *f, const char *text) {
    FILE *file = fopen(f->path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_grows(void **state) {
    struct fixture *f = *state;
    write_times(f);
    append(f, "{\"seq\":9,\"t\":40009,\"step\":9,\"ty"); /* torn */
    open_replay(f, INFINITY);
    assert_int_equal(play(f, 1), 8);
    assert_true(state_of(f).at_end);
    append(f, "pe\":\"step\",\"loss\":1}\n");
    assert_int_equal(play(f, 2), 0); /* not before it was read ahead */
    look_ahead(f);
    assert_false(state_of(f).at_end);
    assert_int_equal(state_of(f).step_end, 9);
    assert_int_equal(play(f, 3), 1);
}

/* An empty file, then none, a folder, and one that loses its end. */
static void test_no_log(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    open_replay(f, 1);
    assert_int_equal(play(f, 1), 0);
    jump(f, 10);
    assert_int_equal(replay_steps_from_here(f->replay, -5), 0);
    assert_false(state_of(f).at_end);
    replay_close(f->replay);
    write_times(f);
    open_replay(f, 1);
    assert_int_equal(truncate(f->path, 10), 0);
    assert_false(replay_jump(f->replay, 8, &f->history));
    replay_close(f->replay);
    f->replay = replay_open("/tmp", 1, NULL);
    assert_int_equal(replay_look_ahead(f->replay, 1, &err), -1);
    assert_non_null(strstr(err.msg, "not a regular file"));
    replay_close(NULL);
}

/* ---- a long run */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_long(void **state) {
    enum { STEPS = 100000, JUMPS = 41 };
    struct fixture *f = *state;
    struct rng rng = rng_make(3, 0, 0);
    double ms[JUMPS];
    write_run(f, STEPS);
    double start = clock_now();
    open_replay(f, 1);
    print_message("%d steps read ahead in %.0f ms\n", STEPS, (clock_now() - start) * 1e3);
    for (int i = 0; i < JUMPS; i++) {
        int64_t place = (int64_t)(rng_uniform(&rng) * STEPS);
        start = clock_now();
        jump(f, place);
        ms[i] = (clock_now() - start) * 1e3;
    }
    qsort(ms, JUMPS, sizeof ms[0], by_size);
    print_message("a jump: median %.1f ms, longest %.1f ms\n", ms[JUMPS / 2], ms[JUMPS - 1]);
    jump(f, INT64_MAX);
    start = clock_now();
    jump(f, replay_steps_from_here(f->replay, -1));
    print_message("a step back at the end: %.1f ms\n", (clock_now() - start) * 1e3);
    assert_int_equal(f->history.step, STEPS - 1);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_jumps),   TEST(test_plays_on), TEST(test_time),           TEST(test_silence),
        TEST(test_pause),   TEST(test_speeds),   TEST(test_clock_set_back), TEST(test_steps),
        TEST(test_between), TEST(test_marks),    TEST(test_grows),          TEST(test_no_log),
        TEST(test_long),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
