#include <stdio.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/data/batcher.h"
#include "tests/data/data_test.h"

/* A corpus whose tokens are first, first + 1, ...: a token names its place. Units of 1 to 9. */
static struct corpus make_corpus(size_t n_units, int32_t first) {
    struct corpus c = {.n_units = n_units};
    struct rng rng = rng_make(9, n_units, (uint64_t)first);
    c.starts = malloc((n_units + 1) * sizeof *c.starts);
    c.tokens = malloc(n_units * 9 * sizeof *c.tokens);
    assert_true(c.starts && c.tokens);
    for (size_t i = 0; i < n_units; i++) {
        c.starts[i] = c.n_tokens;
        c.n_tokens += 1 + rng_below(&rng, 9);
    }
    c.starts[n_units] = c.n_tokens;
    for (size_t i = 0; i < c.n_tokens; i++) c.tokens[i] = first + (int32_t)i;
    return c;
}

enum { BATCH = 3, CONTEXT = 7, CELLS = BATCH * CONTEXT };

static struct batcher *make(const struct corpus *data, const struct corpus *replay,
                            double share, uint64_t seed, int stage) {
    struct batcher_plan plan = {BATCH, CONTEXT, seed, stage, data, replay, share};
    struct err err = {0};
    struct batcher *b = batcher_create(&plan, &err);
    if (!b) fail_msg("%s", err.msg);
    return b;
}

/* Within a row y follows x; the next window goes on where this one ends. */
static void test_rows(void **state) {
    (void)state;
    struct corpus c = make_corpus(40, 0);
    struct batcher *b = make(&c, NULL, 0, 1, 0);
    int32_t x[CELLS], y[CELLS];
    assert_int_equal(batcher_windows(b), (c.n_tokens - 1) / CONTEXT);
    batcher_fill(b, 0, x, y, NULL);
    for (int i = 0; i + 1 < CELLS; i++) assert_int_equal(y[i], x[i + 1]);
    batcher_destroy(b);
    corpus_deinit(&c);
}

/* In an epoch every token but those of the dropped tail is in exactly one x, units stay whole.
 */
static void check_epoch(struct batcher *b, const struct corpus *c, size_t epoch) {
    size_t windows = batcher_windows(b), place = 0;
    int *seen = calloc(c->n_tokens, sizeof *seen), broken = 0;
    int32_t x[CELLS], y[CELLS], before = -1;
    assert_non_null(seen);
    for (size_t w = epoch * windows; w < (epoch + 1) * windows; w++) {
        batcher_fill(b, (int64_t)(w / BATCH), x, y, NULL);
        const int32_t *row = x + w % BATCH * CONTEXT;
        for (int i = 0; i < CONTEXT; i++, place++) {
            assert_in_range(row[i], 0, c->n_tokens - 1);
            assert_int_equal(seen[row[i]]++, 0);
            broken += i > 0 && row[i] != before + 1;
            before = row[i];
        }
    }
    assert_int_equal(place, windows * CONTEXT);
    assert_true(c->n_tokens - place <= CONTEXT);
    assert_in_range(broken, 1, c->n_units - 1);
    free(seen);
}

static void test_epochs(void **state) {
    (void)state;
    struct corpus c = make_corpus(200, 0);
    struct batcher *b = make(&c, NULL, 0, 5, 1);
    for (size_t epoch = 0; epoch < 4; epoch++) check_epoch(b, &c, epoch);
    batcher_destroy(b);
    corpus_deinit(&c);
}

/* An id stands for the same tokens in every epoch; main and replay ids do not meet, and all
 * come. */
static void test_ids(void **state) {
    (void)state;
    struct corpus c = make_corpus(60, 0), old = make_corpus(30, 5000);
    struct batcher *b = make(&c, &old, 0.4, 5, 1);
    size_t n_main = batcher_windows(b), all = batcher_distinct(b), ids[BATCH], met = 0;
    int32_t x[CELLS], y[CELLS], *first = calloc(all, sizeof *first);
    assert_non_null(first);
    assert_int_equal(all, n_main + (old.n_tokens - 1) / CONTEXT);
    for (int64_t step = 0; step < 400; step++) {
        batcher_fill(b, step, x, y, ids);
        for (int row = 0; row < BATCH; row++) {
            const int32_t *tokens = x + (size_t)row * CONTEXT;
            assert_in_range(ids[row], 0, all - 1);
            assert_int_equal(tokens[0] >= 5000, ids[row] >= n_main);
            int32_t told = tokens[0] + 7 * tokens[CONTEXT - 1] + 1; /* of the window, never 0 */
            met += first[ids[row]] == 0;
            if (first[ids[row]] == 0) first[ids[row]] = told;
            assert_int_equal(first[ids[row]], told);
        }
    }
    assert_int_equal(met, all);
    free(first);
    batcher_destroy(b);
    corpus_deinit(&c);
    corpus_deinit(&old);
}

/* Epochs bring the same windows in other orders. */
static void test_epochs_differ(void **state) {
    (void)state;
    struct corpus c = make_corpus(200, 0);
    struct batcher *b = make(&c, NULL, 0, 5, 1);
    size_t windows = batcher_windows(b), ids[BATCH], moved[3] = {0}, before = 0;
    int32_t x[CELLS], y[CELLS];
    for (size_t w = 0; w < 3 * windows; w++) {
        batcher_fill(b, (int64_t)(w / BATCH), x, y, ids);
        size_t id = ids[w % BATCH], epoch = w / windows;
        moved[epoch] += w % windows > 0 && id != before + 1;
        before = id;
    }
    assert_int_equal(moved[0], 0); /* the units are shuffled already */
    assert_true(moved[1] > windows / 2 && moved[2] > windows / 2);
    batcher_destroy(b);
    corpus_deinit(&c);
}

static void test_repeats(void **state) {
    (void)state;
    struct corpus c = make_corpus(200, 0), old = make_corpus(30, 5000);
    struct batcher *b = make(&c, NULL, 0, 5, 1), *both = make(&c, &old, 0.1, 5, 1);
    int64_t steps = (int64_t)batcher_windows(b) / BATCH;
    assert_false(batcher_repeats(b, steps));
    assert_true(batcher_repeats(b, steps + 1));
    assert_true(batcher_repeats(both, steps)); /* the replay comes back sooner */
    assert_int_equal(batcher_distinct(b), batcher_windows(b));
    batcher_destroy(b);
    batcher_destroy(both);
    corpus_deinit(&c);
    corpus_deinit(&old);
}

/* Two batches for the same step are the same, whatever was asked for in between. */
static void test_any_order(void **state) {
    enum { STEPS = 300 };
    (void)state;
    struct corpus c = make_corpus(60, 0), old = make_corpus(30, 5000);
    struct batcher *b = make(&c, &old, 0.3, 5, 1), *again = make(&c, &old, 0.3, 5, 1);
    int32_t(*all)[2 * CELLS] = malloc(STEPS * sizeof *all), got[2 * CELLS];
    assert_non_null(all);
    for (int64_t step = 0; step < STEPS; step++)
        batcher_fill(b, step, all[step], all[step] + CELLS, NULL);
    struct rng rng = rng_make(4, 0, 0);
    for (int i = 0; i < 1000; i++) {
        int64_t step = (int64_t)rng_below(&rng, STEPS);
        batcher_fill(i % 2 ? b : again, step, got, got + CELLS, NULL);
        assert_memory_equal(got, all[step], sizeof got);
    }
    free(all);
    batcher_destroy(b);
    batcher_destroy(again);
    corpus_deinit(&c);
    corpus_deinit(&old);
}

static bool same_first_batch(struct batcher *a, struct batcher *b, int64_t step_a,
                             int64_t step_b) {
    int32_t x[CELLS], y[CELLS], x2[CELLS], y2[CELLS];
    batcher_fill(a, step_a, x, y, NULL);
    batcher_fill(b, step_b, x2, y2, NULL);
    return memcmp(x, x2, sizeof x) == 0;
}

static void test_seed_stage_epoch(void **state) {
    (void)state;
    struct corpus c = make_corpus(100, 0);
    struct batcher *b = make(&c, NULL, 0, 5, 1), *seed = make(&c, NULL, 0, 6, 1),
                   *stage = make(&c, NULL, 0, 5, 2);
    int64_t epoch = (int64_t)batcher_windows(b); /* BATCH epochs later, same window */
    assert_true(same_first_batch(b, b, 0, 0));
    assert_false(same_first_batch(b, seed, 0, 0));
    assert_false(same_first_batch(b, stage, 0, 0));
    assert_false(same_first_batch(b, b, 0, epoch));
    batcher_destroy(b);
    batcher_destroy(seed);
    batcher_destroy(stage);
    corpus_deinit(&c);
}

/* The share is met within a tenth of it, rows are whole, and share 0 is never replay. */
static void check_share(double share) {
    enum { STEPS = 4000 };
    struct corpus c = make_corpus(300, 0), old = make_corpus(100, 5000);
    struct batcher *b = make(&c, &old, share, 11, 1);
    int32_t x[CELLS], y[CELLS];
    int replayed = 0;
    for (int64_t step = 0; step < STEPS; step++) {
        batcher_fill(b, step, x, y, NULL);
        for (int row = 0; row < BATCH; row++) {
            bool is_old = x[row * CONTEXT] >= 5000;
            for (int i = row * CONTEXT; i < (row + 1) * CONTEXT; i++)
                assert_true((x[i] >= 5000) == is_old && (y[i] >= 5000) == is_old);
            replayed += is_old;
        }
    }
    double got = (double)replayed / (STEPS * BATCH);
    assert_true(got >= share * 0.9 && got <= share * 1.1);
    batcher_destroy(b);
    corpus_deinit(&c);
    corpus_deinit(&old);
}

static void test_replay_share(void **state) {
    (void)state;
    check_share(0);
    check_share(0.01);
    check_share(0.05);
    check_share(0.25);
    check_share(0.5);
    check_share(1);
}

/* One window is enough, and then it is every row of every batch. */
static void test_smallest(void **state) {
    (void)state;
    int32_t tokens[CONTEXT + 1] = {0, 1, 2, 3, 4, 5, 6, 7}, x[CELLS], y[CELLS];
    size_t starts[2] = {0, CONTEXT + 1};
    struct corpus c = {
        .tokens = tokens, .n_tokens = CONTEXT + 1, .starts = starts, .n_units = 1};
    struct batcher *b = make(&c, NULL, 0, 1, 0);
    assert_int_equal(batcher_windows(b), 1);
    batcher_fill(b, 1000000007, x, y, NULL);
    for (int row = 0; row < BATCH; row++) {
        assert_memory_equal(x + row * CONTEXT, tokens, CONTEXT * sizeof *x);
        assert_memory_equal(y + row * CONTEXT, tokens + 1, CONTEXT * sizeof *y);
    }
    batcher_destroy(b);
}

static void test_too_short(void **state) {
    (void)state;
    struct corpus c = make_corpus(60, 0), little = make_corpus(60, 0);
    little.n_tokens = 7;
    struct err err = {0};
    struct batcher_plan plan = {BATCH, CONTEXT, 1, 0, &little, NULL, 0};
    assert_null(batcher_create(&plan, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.msg,
                        "the training text has 7 tokens, but one window needs 8 (context 7 and "
                        "one more): give more text");
    little.n_tokens = 12;
    plan = (struct batcher_plan){BATCH, 12, 1, 0, &little, NULL, 0};
    assert_null(batcher_create(&plan, &err));
    assert_non_null(strstr(err.msg, "give more text, or set model.context to 11 or less"));
    little.n_tokens = 7;
    plan = (struct batcher_plan){BATCH, CONTEXT, 1, 0, &c, &little, 0.1};
    assert_null(batcher_create(&plan, &err));
    assert_non_null(strstr(err.msg, "the replay text has 7 tokens"));
    corpus_deinit(&c);
    corpus_deinit(&little);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_any_order),     cmocka_unit_test(test_seed_stage_epoch),
        cmocka_unit_test(test_smallest),      cmocka_unit_test(test_replay_share),
        cmocka_unit_test(test_too_short),     cmocka_unit_test(test_ids),
        cmocka_unit_test(test_epochs_differ), cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests_name("batcher", tests, NULL, NULL);
}
