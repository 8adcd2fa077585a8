/* test_prefix_cache.c - the frozen prefix's output kept from epoch to epoch: what is remembered
 * and what forgotten, and that training with it gives the very same weights. */
#include "engine/run/prefix_cache.h"

#include "run/trainer_test.h"

#include <pthread.h>

/* ---- the cache alone ---- */

enum { SLOTS = 4, REALS = 8, BATCH = 3 };

static struct prefix_cache *make_cache(size_t slots) {
    struct err err = {0};
    struct prefix_cache *c = prefix_cache_create(slots, REALS, BATCH, &err);
    if (!c) fail_msg("%s", err.msg);
    assert_int_equal(prefix_cache_slots(c), slots);
    return c;
}

/* A pass over three windows: what was put there before comes back; returns how many were known.
 */
static int pass_over(struct prefix_cache *c, size_t a, size_t b, size_t d) {
    size_t ids[BATCH] = {a, b, d};
    const struct prefix *p = prefix_cache_find(c, ids, BATCH);
    if (!p) return prefix_cache_filled(c);
    for (int i = 0; i < BATCH; i++) {
        for (int j = 0; p->known[i] && j < REALS; j++)
            assert_true(p->rows[i][j] == (real)(ids[i] * 100 + (size_t)j));
        for (int j = 0; !p->known[i] && p->rows[i] && j < REALS; j++)
            p->rows[i][j] = (real)(ids[i] * 100 + (size_t)j);
    }
    return prefix_cache_filled(c);
}

static void test_remembers(void **state) {
    (void)state;
    struct prefix_cache *c = make_cache(SLOTS);
    prefix_cache_begin(c, 1, 2);
    assert_int_equal(pass_over(c, 0, 1, 2), 0);
    prefix_cache_begin(c, 1, 2);
    assert_int_equal(pass_over(c, 2, 3, 0), 2);
    assert_int_equal(pass_over(c, 3, 1, 0), 3);
    assert_int_equal(pass_over(c, 3, SLOTS, 0), 2); /* no slot */
    assert_int_equal(pass_over(c, 3, SLOTS, 1000000), 1);
    prefix_cache_destroy(c);
}

/* Twice in one pass: neither is known, one is kept. */
static void test_twice_at_once(void **state) {
    (void)state;
    struct prefix_cache *c = make_cache(SLOTS);
    prefix_cache_begin(c, 0, 1);
    size_t ids[BATCH] = {2, 2, 1};
    const struct prefix *p = prefix_cache_find(c, ids, BATCH);
    assert_non_null(p->rows[0]);
    assert_null(p->rows[1]);
    assert_false(p->known[0] || p->known[1]);
    assert_int_equal(prefix_cache_filled(c), 0);
    p = prefix_cache_find(c, ids, BATCH);
    assert_ptr_equal(p->rows[0], p->rows[1]);
    assert_int_equal(prefix_cache_filled(c), 3);
    prefix_cache_destroy(c);
}

static void test_forgets(void **state) {
    static const int moves[][2] = {{0, 1}, {0, 2}, {1, 2}, {1, 0}, {1, 2}};
    (void)state;
    struct prefix_cache *c = make_cache(SLOTS);
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        bool any = moves[i][1] > 0;
        prefix_cache_begin(c, moves[i][0], moves[i][1]);
        assert_int_equal(pass_over(c, 0, 1, 2), 0);
        assert_int_equal(pass_over(c, 0, 1, 2), any ? 3 : 0);
    }
    prefix_cache_destroy(c);
}

static void test_no_slots(void **state) {
    (void)state;
    struct prefix_cache *c = make_cache(0);
    prefix_cache_begin(c, 0, 3);
    assert_int_equal(pass_over(c, 0, 1, 2), 0);
    assert_int_equal(pass_over(c, 0, 1, 2), 0);
    prefix_cache_destroy(c);
    prefix_cache_destroy(NULL);
}

/* ---- training ---- */

enum { STEPS_BEFORE = 2, STEPS = 40, ALL_STEPS = STEPS_BEFORE + STEPS };

/* A second stage of several epochs of some 60 windows of 32 KiB. */
static struct settings *long_settings(const char *mib) {
    static const char *const keys[][2] = {
        {"model.layers", "3"},   {"model.width", "64"},      {"model.context", "128"},
        {"stages.0.steps", "2"}, {"stages.1.steps", "40"},   {"stages.0.batch", "8"},
        {"stages.1.batch", "8"}, {"checkpoint.every", "10"}, {"stages.1.freeze", "embed,0"},
        {"eval.tokens", "128"},
    };
    struct settings *s = small_settings();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) put(s, keys[i][0], keys[i][1]);
    put(s, "cache_frozen_prefix", mib);
    return s;
}

/* A wish, and the step after which it is obeyed. */
struct wish {
    int64_t after;
    struct command command;
};

static const struct wish wishes[] = {
    {STEPS_BEFORE + 10, {.kind = COMMAND_FREEZE, .text = "1", .by = "test"}},
    {STEPS_BEFORE + 15, {.kind = COMMAND_UNFREEZE, .text = "0", .by = "test"}},
    {STEPS_BEFORE + 17, {.kind = COMMAND_FREEZE, .text = "0", .by = "test"}},
    {STEPS_BEFORE + 20, {.kind = COMMAND_UNFREEZE, .text = "1", .by = "test"}},
    {STEPS_BEFORE + 20, {.kind = COMMAND_FREEZE, .text = "norm", .by = "test"}},
};
enum { N_WISHES = sizeof wishes / sizeof *wishes };

static void ask(const struct run_paths *p, const struct command *c) {
    struct err err = {0};
    struct answer a;
    must(control_ask(p->socket, c, 60, &a, &err), &err);
    assert_true(a.ok);
}

/* Leads a paused run from wish to wish. */
static void *lead(void *ctx) {
    const struct run_paths *p = ctx;
    struct command step = {.kind = COMMAND_SINGLE_STEP, .by = "test"};
    struct command go_on = {.kind = COMMAND_RESUME, .by = "test"};
    struct err err = {0};
    struct event e = {.type = EVENT_OTHER};
    struct event_reader *r = event_reader_open(p->events, &err);
    int64_t at = 0;
    for (int i = 0; r && i < N_WISHES; i++) {
        for (; at < wishes[i].after; at++) ask(p, &step);
        for (int got = 1; got >= 0 && e.step < at;)
            if ((got = event_reader_next(r, &e, &err)) == 0) usleep(200);
        ask(p, &wishes[i].command);
    }
    ask(p, &go_on);
    event_reader_close(r);
    return NULL;
}

struct made {
    struct run_paths paths;
    bool settled; /* the last steps computed no more than what is above the cut */
    uint64_t flops;
};

static struct made train_here(struct settings *s, const char *name, bool steered) {
    static const struct command pause = {.kind = COMMAND_PAUSE, .by = "test"};
    struct made m;
    struct session n;
    struct err err = {0};
    pthread_t leader;
    fresh_paths(name, &m.paths);
    session_open(&n, s, &m.paths);
    must(trainer_create(n.t, &n.plan, &err), &err);
    if (steered) session_ask(&n, &pause, 1);
    if (steered) assert_int_equal(pthread_create(&leader, NULL, lead, &m.paths), 0);
    must(trainer_run(n.t, &err), &err);
    if (steered) pthread_join(leader, NULL);
    m.settled = cost_settled(&n.t->cost, n.t->learn, 1);
    m.flops = n.t->ex.flops;
    session_close(&n);
    return m;
}

/* On, with room for some windows only, and off: the same weights and moments, through thaw and
 * freeze. */
static void test_same_bits(void **state) {
    (void)state;
    struct settings *on = long_settings("64"), *tight = long_settings("1"),
                    *off = long_settings("0");
    struct made with = train_here(on, "on", true), some = train_here(tight, "tight", true),
                without = train_here(off, "off", true);
    assert_same_state(&with.paths, &without.paths, ALL_STEPS);
    assert_same_state(&some.paths, &without.paths, ALL_STEPS);
    assert_true(with.settled && !some.settled && !without.settled);
    assert_true(with.flops < some.flops && some.flops < without.flops);
    free(on);
    free(tight);
    free(off);
}

/* In parts, recomputed, on two threads: still the bits of the same parts without the cache. */
static void test_same_bits_in_parts(void **state) {
    (void)state;
    struct settings *on = long_settings("64"), *off = long_settings("0");
    put(on, "stages.1.micro_batch", "2");
    put(off, "stages.1.micro_batch", "2");
    put(on, "recompute", "blocks");
    put(on, "threads", "2");
    struct made with = train_here(on, "on-parts", true);
    struct made without = train_here(off, "off-parts", true);
    assert_same_state(&with.paths, &without.paths, ALL_STEPS);
    assert_true(with.settled && !without.settled);
    free(on);
    free(off);
}

/* A resumed run begins with nothing known, and comes to the same. */
static void test_same_bits_after_resume(void **state) {
    (void)state;
    struct settings *on = long_settings("64");
    struct made whole = train_here(on, "on-whole", false),
                again = train_here(on, "on-again", false);
    struct err err = {0};
    char path[PATH_MAX + 32];
    for (int64_t step = ALL_STEPS; step > STEPS_BEFORE + 20; step--) {
        snprintf(path, sizeof path, "%s/step-%" PRId64, again.paths.checkpoints, step);
        if (files_exists(path)) must(files_remove_tree(path, &err), &err);
    }
    must(engine_main(on, &again.paths, true, &err), &err);
    assert_same_state(&whole.paths, &again.paths, ALL_STEPS);
    free(on);
}

/* The plan tells what is really reserved: no more than asked for, than there are windows, and
 * nothing where no window comes back. */
static void test_memory_plan(void **state) {
    (void)state;
    struct settings *on = long_settings("64"), *tight = long_settings("1"),
                    *off = long_settings("0");
    struct memory_plan with = planned_memory(on, "plan-on"),
                       some = planned_memory(tight, "plan-tight"),
                       without = planned_memory(off, "plan-off");
    size_t window = sizeof(real) * 128 * 64;
    assert_int_equal(without.prefixes, 0);
    assert_int_equal(some.prefixes, 1 << 20);
    assert_in_range(with.prefixes, (1 << 20) + window, 8 << 20);
    assert_int_equal(with.prefixes % window, 0);
    assert_true(with.total == without.total + with.prefixes);
    put(on, "stages.1.steps", "2");
    assert_int_equal(planned_memory(on, "plan-short").prefixes, 0);
    free(on);
    free(tight);
    free(off);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembers),
        cmocka_unit_test(test_twice_at_once),
        cmocka_unit_test(test_forgets),
        cmocka_unit_test(test_no_slots),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_same_bits_in_parts),
        cmocka_unit_test(test_same_bits_after_resume),
        cmocka_unit_test(test_memory_plan),
    };
    return cmocka_run_group_tests_name("prefix cache", tests, make_folder, remove_folder);
}
