#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "tests/run/event_samples.h"
#include "tests/run/run_test.h"

enum { N_SAMPLES = EVENT_TYPES - 1 };

static void put_step(struct event_log *log, int64_t step) {
    struct event e = {.type = EVENT_STEP, .step = step, .stp.loss = 1.0 / (double)(step + 1)};
    struct err err = {0};
    assert_ok(event_log_put(log, &e, &err), err);
}

/* Write steps [from, to) through a log of its own. */
static void write_steps(const char *path, int64_t from, int64_t to) {
    struct event_log log;
    struct err err = {0};
    assert_ok(event_log_open(&log, path, &err), err);
    for (int64_t step = from; step < to; step++) put_step(&log, step);
    event_log_close(&log);
}

/* The next event is a step with these numbers. */
static void expect_step(struct event_reader *r, int64_t seq, int64_t step) {
    struct event e;
    struct err err = {0};
    int got = event_reader_next(r, &e, &err);
    if (got != 1) fail_msg("step %lld: got %d %s", (long long)step, got, err.msg);
    assert_int_equal(e.type, EVENT_STEP);
    assert_int_equal(e.seq, seq);
    assert_int_equal(e.step, step);
}

static void expect_nothing(struct event_reader *r) {
    struct event e;
    struct err err = {0};
    int got = event_reader_next(r, &e, &err);
    if (got != 0) fail_msg("got %d %s", got, err.msg);
}

static struct event_reader *reader(const char *path) {
    struct err err = {0};
    struct event_reader *r = event_reader_open(path, &err);
    if (!r) fail_msg("%s", err.msg);
    return r;
}

/* --- writing and reading */

static void test_all_types(void **state) {
    const char *path = in_folder(state, "all.jsonl");
    struct event events[N_SAMPLES], e;
    struct event_log log;
    struct stat st;
    struct err err = {0};
    sample_events(events);
    assert_ok(event_log_open(&log, path, &err), err);
    for (int i = 0; i < N_SAMPLES; i++) assert_ok(event_log_put(&log, &events[i], &err), err);
    assert_ok(event_log_sync(&log, &err), err);
    event_log_close(&log);
    assert_int_equal(log.fd, -1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct event_reader *r = reader(path);
    double t = 0;
    for (int i = 0; i < N_SAMPLES; i++) {
        assert_int_equal(event_reader_next(r, &e, &err), 1);
        assert_int_equal(e.type, i + 1);
        assert_int_equal(e.seq, i + 1);
        assert_true(e.t >= t && e.t < 60);
        t = e.t;
    }
    expect_nothing(r);
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
}

static void test_many(void **state) {
    enum { LINES = 100000 };
    const char *path = in_folder(state, "many.jsonl");
    write_steps(path, 0, LINES);
    struct event_reader *r = reader(path);
    for (int i = 0; i < LINES; i++) expect_step(r, i + 1, i);
    expect_nothing(r);
    event_reader_close(r);
}

static void test_follow(void **state) {
    const char *path = in_folder(state, "follow.jsonl");
    struct event_reader *r = reader(path);
    expect_nothing(r); /* there is no file yet */
    struct event_log log;
    struct err err = {0};
    assert_ok(event_log_open(&log, path, &err), err);
    expect_nothing(r);
    for (int i = 0; i < 5; i++) {
        put_step(&log, i);
        expect_step(r, i + 1, i);
        expect_nothing(r);
    }
    event_log_close(&log);
    event_reader_close(r);
}

static void test_reopen(void **state) {
    const char *path = in_folder(state, "reopen.jsonl");
    write_steps(path, 0, 3);
    /* the last event is a late one: after it the clock goes on, not back */
    append_text(path,
                "{\"seq\":40,\"t\":5000,\"step\":7,\"type\":\"end\",\"reason\":\"stopped\"}\n");
    append_text(path, "these words are no event\n");
    struct event_log log;
    struct event e = {.type = EVENT_STEP, .step = 8};
    struct err err = {0};
    assert_ok(event_log_open(&log, path, &err), err);
    assert_ok(event_log_put(&log, &e, &err), err);
    assert_int_equal(e.seq, 41);
    assert_true(e.t >= 5000 && e.t < 5060);
    event_log_close(&log);
}

/* --- torn lines */

static void test_torn_line_waits(void **state) {
    const char *path = in_folder(state, "torn.jsonl");
    write_steps(path, 0, 1);
    append_text(path, "{\"seq\":2,\"t\":1,\"step\":1,\"type\":\"st");
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    expect_nothing(r);
    expect_nothing(r);
    append_text(path, "ep\",\"loss\":2}");
    expect_nothing(r);
    append_text(path, "\n");
    expect_step(r, 2, 1);
    expect_nothing(r);
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
}

/* A follower that has seen the torn end is not confused when the next engine cuts it off. */
static void test_torn_line_is_cut_off(void **state) {
    const char *path = in_folder(state, "cut.jsonl");
    write_steps(path, 0, 2);
    append_text(path, "{\"seq\":3,\"t\":1,\"step\":2,\"type\":\"step\",\"loss\":0.25,\"lr\":");
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    expect_step(r, 2, 1);
    expect_nothing(r);
    write_steps(path, 2, 4);
    expect_step(r, 3, 2);
    expect_step(r, 4, 3);
    expect_nothing(r);
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
}

/* Numbers that no engine wrote, or that cannot be counted on from, are not counted on from. */
static void test_odd_numbers(void **state) {
    static const char *const numbers[] = {"-2", "9223372036854775807", "9007199254740992"};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char line[100], name[32];
        snprintf(name, sizeof name, "odd-%zu.jsonl", i);
        const char *path = in_folder(state, name);
        snprintf(line, sizeof line, "{\"seq\":%s,\"t\":1,\"step\":1,\"type\":\"end\"}\n",
                 numbers[i]);
        append_text(path, line);
        write_steps(path, 1, 2);
        struct event e;
        struct event_reader *r = reader(path);
        assert_int_equal(event_reader_next(r, &e, NULL), 1);
        expect_step(r, 1, 1);
        event_reader_close(r);
    }
}

static void test_only_a_torn_line(void **state) {
    const char *path = in_folder(state, "only.jsonl");
    append_text(path, "{\"seq\":1,\"t\":0,\"ty");
    write_steps(path, 0, 1);
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    expect_nothing(r);
    event_reader_close(r);
}

/* --- files that change underneath */

static void test_replaced(void **state) {
    const char *path = in_folder(state, "replaced.jsonl"),
               *other = in_folder(state, "new.jsonl");
    write_steps(path, 0, 3);
    struct event_reader *r = reader(path);
    for (int i = 0; i < 3; i++) expect_step(r, i + 1, i);
    expect_nothing(r);
    write_steps(other, 100, 105);
    assert_int_equal(rename(other, path), 0);
    for (int i = 0; i < 5; i++) expect_step(r, i + 1, 100 + i);
    expect_nothing(r);
    event_reader_close(r);
}

static void test_truncated(void **state) {
    const char *path = in_folder(state, "truncated.jsonl");
    write_steps(path, 0, 3);
    struct event_reader *r = reader(path);
    for (int i = 0; i < 3; i++) expect_step(r, i + 1, i);
    assert_int_equal(truncate(path, 0), 0);
    expect_nothing(r);
    write_steps(path, 50, 52);
    expect_step(r, 1, 50);
    expect_step(r, 2, 51);
    expect_nothing(r);
    event_reader_close(r);
}

/* From a place that was taken before, forward and back, the same follows. */
static void test_places(void **state) {
    const char *path = in_folder(state, "places.jsonl");
    struct event_reader *r = reader(path);
    assert_int_equal(event_reader_place(r), 0);
    write_steps(path, 0, 5000);
    for (int i = 0; i < 3000; i++) expect_step(r, i + 1, i);
    int64_t place = event_reader_place(r);
    append_text(path, "{\"seq\":5001,\"step\":5000,\"ty"); /* torn */
    for (int i = 3000; i < 5000; i++) expect_step(r, i + 1, i);
    expect_nothing(r);
    int64_t end = event_reader_place(r);
    event_reader_go(r, place);
    for (int i = 3000; i < 3010; i++) expect_step(r, i + 1, i);
    event_reader_go(r, 0);
    expect_step(r, 1, 0);
    event_reader_go(r, end);
    expect_nothing(r);
    append_text(path, "pe\":\"step\"}\n");
    expect_step(r, 5001, 5000);
    event_reader_close(r);
}

static void test_removed(void **state) {
    const char *path = in_folder(state, "removed.jsonl");
    write_steps(path, 0, 2);
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    assert_int_equal(unlink(path), 0);
    expect_step(r, 2, 1);
    expect_nothing(r);
    event_reader_close(r);
}

/* --- lines that are none of ours */

static void test_skipping(void **state) {
    const char *path = in_folder(state, "skip.jsonl");
    append_text(path, "\n");
    append_text(path, "words\n");
    append_text(path,
                "{\"type\":\"weather\",\"seq\":1}\n"); /* of a later version: not counted */
    append_text(path, "{\"seq\":2,\"type\":3}\n");
    append_text(path,
                "{\"seq\":3,\"t\":1,\"step\":9,\"type\":\"step\",\"loss\":2,\"more\":[1]}\n");
    struct event_reader *r = reader(path);
    expect_step(r, 3, 9);
    expect_nothing(r);
    assert_int_equal(event_reader_skipped(r), 2);
    event_reader_close(r);
}

/* A line beyond all measure is passed over in pieces, and what follows it is read. */
static void test_overlong_line(void **state) {
    enum { MIB = 1 << 20 };
    const char *path = in_folder(state, "overlong.jsonl");
    char *mib = malloc(MIB + 1);
    assert_non_null(mib);
    memset(mib, 'x', MIB);
    mib[MIB] = '\0';
    for (int i = 0; i < 20; i++) append_text(path, mib);
    struct event_reader *r = reader(path);
    expect_nothing(r);
    append_text(path, mib);
    append_text(path, "\n{\"seq\":2,\"step\":9,\"type\":\"step\"}\n");
    free(mib);
    expect_step(r, 2, 9);
    expect_nothing(r);
    assert_int_equal(event_reader_skipped(r), 1);
    event_reader_close(r);
}

/* Longer than what is read at once, but an event. */
static void test_long_line(void **state) {
    enum { PADDING = 1 << 20 };
    const char *path = in_folder(state, "long.jsonl");
    char *padding = malloc(PADDING + 1);
    assert_non_null(padding);
    memset(padding, 'x', PADDING);
    padding[PADDING] = '\0';
    write_steps(path, 0, 1);
    append_text(path, "{\"seq\":2,\"step\":1,\"type\":\"step\",\"padding\":\"");
    append_text(path, padding);
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    expect_nothing(r);
    append_text(path, "\"}\n{\"seq\":3,\"step\":2,\"type\":\"step\"}\n");
    free(padding);
    expect_step(r, 2, 1);
    expect_step(r, 3, 2);
    expect_nothing(r);
    event_reader_close(r);
}

static void test_no_file_to_read(void **state) {
    struct err err = {0};
    struct event e;
    struct event_log log;
    struct event_reader *r = reader(in_folder(state, ""));
    assert_int_equal(event_reader_next(r, &e, &err), -1);
    assert_says(&err, "not a regular file");
    event_reader_close(r);
    assert_false(event_log_open(&log, in_folder(state, "no/such/folder"), &err));
    assert_int_equal(log.fd, -1);
    assert_int_equal(mkfifo(in_folder(state, "fifo"), 0600), 0);
    assert_false(event_log_open(&log, in_folder(state, "fifo"), &err));
    event_reader_close(NULL);
}

/* --- a full disk */

/* What a full disk does not take, not even in part, is written as soon as there is room again.
 */
static void test_full_disk(void **state) {
    const char *path = in_folder(state, "full.jsonl");
    struct event_log log;
    struct err err = {0};
    struct stat st;
    struct rlimit before, tight;
    assert_ok(event_log_open(&log, path, &err), err);
    put_step(&log, 0);
    assert_int_equal(fstat(log.fd, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)st.st_size + 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int64_t step = 1; step < 4; step++) {
        struct event e = {.type = EVENT_STEP, .step = step};
        assert_false(event_log_put(&log, &e, &err));
        assert_int_equal(err.code, ERR_IO);
    }
    struct event_reader *r = reader(path);
    expect_step(r, 1, 0);
    expect_nothing(r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    put_step(&log, 4);
    for (int i = 1; i < 5; i++) expect_step(r, i + 1, i);
    expect_nothing(r);
    tight.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    struct event last = {.type = EVENT_STEP, .step = 5};
    assert_false(event_log_put(&log, &last, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    event_log_close(&log);
    expect_step(r, 6, 5);
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
}

/* --- no file at all */

struct heard {
    int n;
    int64_t seq;
    double loss;
};

static void hear(void *ctx, const struct event *e) {
    struct heard *h = ctx;
    h->n++;
    h->seq = e->seq;
    h->loss = e->stp.loss;
}

/* ---- layers that are outdated */

/* One of each letter: s a step, l layers, f a freeze, e an evaluation. */
static void write_letters(const char *path, const char *letters) {
    struct event events[N_SAMPLES];
    struct event_log log;
    struct err err = {0};
    sample_events(events);
    assert_ok(event_log_open(&log, path, &err), err);
    for (; *letters; letters++) {
        enum event_type type = *letters == 's'   ? EVENT_STEP
                               : *letters == 'l' ? EVENT_LAYERS
                               : *letters == 'f' ? EVENT_FREEZE
                                                 : EVENT_EVAL;
        assert_ok(event_log_put(&log, &events[type - 1], &err), err);
    }
    event_log_close(&log);
}

static const struct letters_case {
    const char *written, *all, *newest;
} letters_cases[] = {
    {"slsslsl", "slsslsl", "ssssl"}, /* only the last one tells what holds */
    {"lll", "lll", "l"},
    {"slfsl", "slfsl", "slfsl"}, /* a freeze lies between */
    {"lsesl", "lsesl", "lsesl"}, /* no more than steps are looked through */
    {"lssss", "lssss", "lssss"},
};

static void read_letters(const char *path, bool newest, char *out) {
    static const char letter[EVENT_TYPES] = {
        [EVENT_STEP] = 's', [EVENT_LAYERS] = 'l', [EVENT_FREEZE] = 'f', [EVENT_EVAL] = 'e'};
    struct event_reader *r = reader(path);
    struct event e;
    if (newest) event_reader_newest_layers(r);
    while (event_reader_next(r, &e, NULL) == 1) *out++ = letter[e.type];
    *out = '\0';
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
}

static void test_newest_layers(void **state) {
    for (size_t i = 0; i < sizeof letters_cases / sizeof letters_cases[0]; i++) {
        char name[32], got[32];
        snprintf(name, sizeof name, "letters-%zu.jsonl", i);
        const char *path = in_folder(state, name);
        write_letters(path, letters_cases[i].written);
        read_letters(path, false, got);
        assert_string_equal(got, letters_cases[i].all);
        read_letters(path, true, got);
        assert_string_equal(got, letters_cases[i].newest);
    }
}

static void test_listener(void **state) {
    (void)state;
    struct event_log log;
    struct heard h = {0};
    struct err err = {0};
    event_log_listen(&log, hear, &h);
    for (int64_t step = 0; step < 3; step++) put_step(&log, step);
    assert_int_equal(h.n, 3);
    assert_int_equal(h.seq, 3);
    assert_true(h.loss == 1.0 / 3);
    assert_ok(event_log_sync(&log, &err), err);
    assert_int_equal(log.unwritten.len, 0);
    event_log_close(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_follow),          cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_torn_line_waits), cmocka_unit_test(test_torn_line_is_cut_off),
        cmocka_unit_test(test_odd_numbers),     cmocka_unit_test(test_only_a_torn_line),
        cmocka_unit_test(test_replaced),        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_removed),         cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_overlong_line),   cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_no_file_to_read), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_listener),        cmocka_unit_test(test_places),
        cmocka_unit_test(test_newest_layers),
    };
    return cmocka_run_group_tests_name("event_log", tests, folder_setup, folder_teardown);
}
