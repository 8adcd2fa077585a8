/* test_packing.c - what is learned of a corpus, and how it gets into windows: together or
 * alone. */
#include <stdio.h>

#include "check.h"
#include "engine/data/batcher.h"
#include "engine/nn/op_loss.h"
#include "tests/data/data_test.h"
/* after data_test.h */
#include "tests/data/chat_test.h"

static void add_pair(struct source_text *s, const char *prompt, const char *completion) {
    struct part_text parts[] = {{prompt, strlen(prompt), PART_PROMPT},
                                {completion, strlen(completion), PART_COMPLETION}};
    assert_true(source_add_parts(s, parts, 2, NULL));
}

static void add_chat(struct source_text *s, const char *user, const char *answer) {
    struct part_text parts[] = {{user, strlen(user), PART_USER},
                                {answer, strlen(answer), PART_ASSISTANT}};
    assert_true(source_add_parts(s, parts, 2, NULL));
}

static void add_text(struct source_text *s, const char *text) {
    assert_true(source_add(s, text, strlen(text), "k", 1, NULL));
}

static struct corpus build(const struct source_text *s, struct tokenizer *t, bool alone) {
    struct corpus c;
    struct err err = {0};
    struct corpus_form form = {.alone = alone};
    if (!corpus_build_as(s, SPLIT_ALL, form, t, NULL, NULL, &c, &err)) fail_msg("%s", err.msg);
    return c;
}

static void assert_unit(const struct corpus *c, const struct tokenizer *t, size_t i,
                        const char *all, const char *learned) {
    size_t at = c->starts[i], n = c->starts[i + 1] - at;
    assert_text_of(t, c->tokens + at, n, NULL, all);
    assert_text_of(t, c->tokens + at, n, c->learned + at, learned);
}

#define END "<|endoftext|>"

static struct source_text mixed(void) {
    struct source_text s = {0};
    add_pair(&s, "how are", " you?");
    add_chat(&s, "hi", "hello");
    add_text(&s, "the body");
    return s;
}

static void test_packed(void **state) {
    (void)state;
    struct source_text s = mixed();
    struct tokenizer *t = with_specials(NULL, 0);
    struct corpus c = build(&s, t, false);
    assert_unit(&c, t, 0, "how are you?" END, " you?" END);
    assert_unit(&c, t, 1, "User: hi\nAssistant: hello" END "\n" END, " hello" END);
    assert_unit(&c, t, 2, "the body" END, "the body" END);
    size_t learned = 0;
    for (size_t i = 0; i < c.n_tokens; i++) learned += c.learned[i];
    assert_int_equal(c.n_learned, learned);
    corpus_deinit(&c);
    tokenizer_destroy(t);
    source_deinit(&s);
}

static void test_alone(void **state) {
    static const char *const specials[] = {"<|im_start|>", "<|im_end|>"};
    (void)state;
    struct source_text s = mixed();
    struct tokenizer *t = with_specials(NULL, 0);
    struct corpus c = build(&s, t, true);
    assert_unit(&c, t, 0, END "how are you?" END, " you?" END);
    assert_unit(&c, t, 1, END "User: hi\nAssistant: hello" END "\n", " hello" END);
    assert_unit(&c, t, 2, END "the body" END, "the body" END);
    corpus_deinit(&c);
    tokenizer_destroy(t);
    t = with_specials(specials, 2); /* its format has a beginning of its own */
    c = build(&s, t, true);
    assert_unit(&c, t, 1,
                "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n",
                "hello<|im_end|>");
    corpus_deinit(&c);
    tokenizer_destroy(t);
    source_deinit(&s);
}

/* Text alone has no mask: nothing changes for it. */
static void test_unmasked(void **state) {
    (void)state;
    struct source_text s = {0};
    struct tokenizer *t = with_specials(NULL, 0);
    add_text(&s, "the body");
    struct corpus c = build(&s, t, false);
    assert_null(c.learned);
    assert_int_equal(c.n_learned, c.n_tokens);
    corpus_deinit(&c);
    tokenizer_destroy(t);
    source_deinit(&s);
}

/* ---- windows ---- */

/* A corpus whose tokens name their places; a unit of n tokens learns those from n / 2 on. */
static struct corpus numbered(const size_t *lengths, size_t n, bool alone) {
    struct corpus c = {.n_units = n, .alone = alone};
    c.starts = calloc(n + 1, sizeof *c.starts);
    for (size_t i = 0; i < n; i++) c.starts[i + 1] = c.starts[i] + lengths[i];
    c.n_tokens = c.starts[n];
    c.tokens = malloc(c.n_tokens * sizeof *c.tokens);
    c.learned = malloc(c.n_tokens);
    assert_true(c.starts && c.tokens && c.learned);
    for (size_t u = 0; u < n; u++)
        for (size_t i = 0; i < lengths[u]; i++) {
            c.tokens[c.starts[u] + i] = (int32_t)(c.starts[u] + i + 1); /* 0 is padding */
            c.learned[c.starts[u] + i] = i >= lengths[u] / 2;
        }
    return c;
}

enum { BATCH = 3, CONTEXT = 6, CELLS = BATCH * CONTEXT };

static struct batcher *make(const struct corpus *c) {
    struct batcher_plan plan = {.batch = BATCH, .context = CONTEXT, .seed = 7, .data = c};
    struct err err = {0};
    struct batcher *b = batcher_create(&plan, &err);
    if (!b) fail_msg("%s", err.msg);
    return b;
}

/* A target is the next token, where that is learned and still of the window's text. */
static void check_row(const struct corpus *c, const int32_t *x, const int32_t *y, bool *seen) {
    bool any = false;
    for (int i = 0; i < CONTEXT; i++) {
        any |= y[i] != LOSS_IGNORE;
        if (y[i] == LOSS_IGNORE) continue;
        assert_int_equal(c->learned[y[i] - 1], 1);
        if (i + 1 < CONTEXT && x[i + 1]) assert_int_equal(y[i], x[i + 1]); /* else padding */
        seen[y[i] - 1] = true;
    }
    assert_true(any);
}

/* Within an epoch every learned token that can be a target is one. */
static void check_epoch(const struct corpus *c, size_t missing) {
    struct batcher *b = make(c);
    size_t windows = batcher_windows(b), not_seen = 0;
    bool *seen = calloc(c->n_tokens, sizeof *seen);
    int32_t x[CELLS], y[CELLS];
    assert_non_null(seen);
    for (size_t w = 0; w < windows; w++) {
        batcher_fill(b, (int64_t)(w / BATCH), x, y, NULL);
        check_row(c, x + w % BATCH * CONTEXT, y + w % BATCH * CONTEXT, seen);
    }
    for (size_t i = 0; i < c->n_tokens; i++) not_seen += c->learned[i] && !seen[i];
    assert_true(not_seen <= missing);
    free(seen);
    batcher_destroy(b);
}

static void test_windows_packed(void **state) {
    (void)state;
    size_t lengths[40];
    for (size_t i = 0; i < COUNT(lengths); i++) lengths[i] = 2 + i * 7 % 9;
    lengths[11] = 40; /* windows with nothing to learn in its first half */
    struct corpus c = numbered(lengths, COUNT(lengths), false);
    struct batcher *b = make(&c);
    assert_true(batcher_windows(b) < (c.n_tokens - 1) / CONTEXT);
    assert_int_equal(batcher_losses(b).cut + batcher_losses(b).left_out, 0);
    batcher_destroy(b);
    check_epoch(&c, CONTEXT + 1); /* the stream's tail, and its very first token */
    corpus_deinit(&c);
}

static void test_windows_alone(void **state) {
    (void)state;
    static const size_t lengths[] = {7, 2, 5, 8, 20, 3};
    struct corpus c = numbered(lengths, COUNT(lengths), true);
    struct batcher *b = make(&c);
    int32_t x[CELLS], y[CELLS];
    assert_int_equal(batcher_windows(b), 5);
    assert_int_equal(batcher_losses(b).cut, 2);      /* of 8, and of 20 */
    assert_int_equal(batcher_losses(b).left_out, 1); /* 20: its answer begins behind the cut */
    for (int64_t step = 0; step < 20; step++) {
        batcher_fill(b, step, x, y, NULL);
        for (int row = 0; row < BATCH; row++) {
            const int32_t *from = x + row * CONTEXT, *to = y + row * CONTEXT;
            size_t unit = 0, at = (size_t)from[0] - 1;
            while (c.starts[unit] != at) assert_true(++unit < COUNT(lengths));
            for (size_t i = 0; i < CONTEXT; i++) {
                bool there = i + 1 < lengths[unit];
                assert_int_equal(from[i], there ? (int32_t)(at + i + 1) : 0);
                assert_int_equal(to[i], there && i + 1 >= lengths[unit] / 2
                                            ? (int32_t)(at + i + 2)
                                            : LOSS_IGNORE);
            }
        }
    }
    batcher_destroy(b);
    check_epoch(&c, 1 + 10); /* what is behind the cuts */
    corpus_deinit(&c);
}

/* A batch is a function of the step alone, so a resumed run gets the same: windows of their
 * own, a mask. */
static void test_any_order(void **state) {
    enum { STEPS = 30 };
    (void)state;
    static const size_t lengths[] = {7, 2, 5, 8, 20, 3, 6, 6, 9, 4};
    for (int alone = 0; alone < 2; alone++) {
        struct corpus c = numbered(lengths, COUNT(lengths), alone);
        struct batcher *b = make(&c), *fresh = make(&c);
        static int32_t x[STEPS][CELLS], y[STEPS][CELLS];
        int32_t again_x[CELLS], again_y[CELLS];
        for (int step = 0; step < STEPS; step++) batcher_fill(b, step, x[step], y[step], NULL);
        for (int i = 0; i < STEPS; i++) {
            int step = (i * 13 + 5) % STEPS;
            batcher_fill(fresh, step, again_x, again_y, NULL);
            assert_memory_equal(again_x, x[step], sizeof again_x);
            assert_memory_equal(again_y, y[step], sizeof again_y);
        }
        batcher_destroy(b);
        batcher_destroy(fresh);
        corpus_deinit(&c);
    }
}

static void test_nothing_to_learn(void **state) {
    (void)state;
    static const size_t lengths[] = {40, 30};
    struct corpus c = numbered(lengths, 2, true);
    struct batcher_plan plan = {.batch = 1, .context = CONTEXT, .data = &c};
    struct err err = {0};
    assert_null(batcher_create(&plan, &err));
    assert_non_null(strstr(err.msg, "is to be learned within 6 tokens"));
    corpus_deinit(&c);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),          cmocka_unit_test(test_alone),
        cmocka_unit_test(test_unmasked),        cmocka_unit_test(test_windows_packed),
        cmocka_unit_test(test_windows_alone),   cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_nothing_to_learn)};
    return cmocka_run_group_tests_name("packing", tests, make_folder, remove_folder);
}
