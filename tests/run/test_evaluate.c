/* test_evaluate.c - the loss on held-out text: which windows, and the arithmetic of the
 * figures. */
#include "run/run_model.h"

#include <math.h>

#include "engine/nn/op_loss.h"
#include "engine/run/evaluate.h"
#include "engine/run/sample.h"

enum { CONTEXT = 12, BATCH = 4 };

static struct tiny_model model;
static struct transformer *tf;

static int setup(void **state) {
    struct err err = {0};
    (void)state;
    tiny_init(&model, 1, CONTEXT);
    tf = transformer_create(&model.table,
                            (struct transformer_plan){.batch = BATCH, .time = CONTEXT},
                            &model.ex, &err);
    return tf ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    transformer_destroy(tf);
    tiny_deinit(&model);
    return 0;
}

/* A corpus of these texts, a unit each. */
static void make_corpus(const char *const *texts, size_t n, struct corpus *out) {
    struct source_text s = {0};
    struct err err = {0};
    for (size_t i = 0; i < n; i++)
        assert_ok(source_add(&s, texts[i], strlen(texts[i]), texts[i], strlen(texts[i]), &err),
                  err);
    assert_ok(corpus_build(&s, SPLIT_ALL, model.tokenizer, NULL, NULL, out, &err), err);
    source_deinit(&s);
}

static const char *const texts[] = {"the fever of the river",
                                    "a warm thing is a song",
                                    "of the song and the fever",
                                    "xyz \xC3\xA9",
                                    "not a thing",
                                    "the song is not warm",
                                    "and the river and the song"};

static void make_windows(int context, int64_t most, struct eval_windows *out) {
    struct corpus c;
    struct err err = {0};
    make_corpus(texts, COUNT(texts), &c);
    assert_ok(eval_windows_make(&c, model.tokenizer, context, most, "texts", out, &err), err);
    corpus_deinit(&c);
}

/* Bytes of the text that a token stands for; the end of a text counts as its newline. */
static double bytes_of(int32_t id) {
    size_t n = 0;
    if (id == tokenizer_eot(model.tokenizer)) return 1;
    assert_non_null(tokenizer_bytes(model.tokenizer, id, &n));
    return (double)n;
}

/* Shares grow to 1, once for each batch of windows and of questions. */
struct told {
    int n;
    double share;
};

static void hear(void *ctx, double share) {
    struct told *t = ctx;
    assert_true(share > t->share && share < 1 + 1e-9);
    t->share = share;
    t->n++;
}

static int batches(size_t n, int batch) { return ((int)n + batch - 1) / batch; }

/* Each window alone, each token alone, by hand. */
static void test_arithmetic(void **state) {
    (void)state;
    struct eval_windows w;
    make_windows(CONTEXT, 0, &w);
    assert_true(w.n > BATCH && w.n % BATCH != 0 && w.time == CONTEXT);
    double nll = 0, bytes = 0, n = (double)w.n * CONTEXT;
    for (size_t i = 0; i < w.n; i++) {
        real one[CONTEXT];
        transformer_loss(tf, &model.weights, w.x + i * CONTEXT, w.y + i * CONTEXT, 1, CONTEXT,
                         one, NULL);
        for (int k = 0; k < CONTEXT; k++) {
            nll += (double)one[k];
            bytes += bytes_of(w.y[i * CONTEXT + (size_t)k]);
        }
    }
    for (int batch = 1; batch <= BATCH; batch++) {
        struct told t = {0};
        struct event_score s = evaluate(tf, &model.weights, &w, batch, hear, &t);
        assert_true(t.n == batches(w.n, batch) && fabs(t.share - 1) < 1e-9);
        assert_true(fabs(s.loss - nll / n) < 1e-6);
        assert_true(fabs(s.bits_per_byte - nll / log(2) / bytes) < 1e-6);
        assert_true(fabs(s.perplexity - exp(nll / n)) < 1e-5 * s.perplexity);
        assert_true(isnan(s.accuracy));
    }
    eval_windows_deinit(&w);
}

/* Completions alone count, each token as much as another, however they are spread over windows.
 */
static void test_masked(void **state) {
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        struct source_text s = {0};
        struct corpus c;
        struct eval_windows w;
        struct err err = {0};
        for (size_t i = 0; i + 1 < COUNT(texts); i++) {
            struct part_text parts[] = {
                {texts[i], strlen(texts[i]), PART_PROMPT},
                {texts[i + 1], strlen(texts[i + 1]) / (1 + i % 3), PART_COMPLETION}};
            assert_ok(source_add_parts(&s, parts, 2, &err), err);
        }
        struct corpus_form form = {.alone = alone};
        assert_ok(corpus_build_as(&s, SPLIT_ALL, form, model.tokenizer, NULL, NULL, &c, &err),
                  err);
        assert_ok(eval_windows_make(&c, model.tokenizer, CONTEXT, 0, "k", &w, &err), err);
        double nll = 0, bytes = 0, n = 0;
        for (size_t i = 0; i < w.n; i++) {
            real one[CONTEXT];
            const int32_t *y = w.y + i * CONTEXT;
            transformer_loss(tf, &model.weights, w.x + i * CONTEXT, y, 1, CONTEXT, one, NULL);
            for (int k = 0; k < CONTEXT; k++) {
                if (y[k] == LOSS_IGNORE) continue;
                nll += (double)one[k];
                bytes += bytes_of(y[k]);
                n++;
            }
        }
        assert_true(n > 0 && n < (double)w.n * CONTEXT);
        for (int batch = 1; batch <= BATCH; batch++) {
            struct event_score score = evaluate(tf, &model.weights, &w, batch, NULL, NULL);
            assert_true(fabs(score.loss - nll / n) < 1e-6);
            assert_true(fabs(score.bits_per_byte - nll / log(2) / bytes) < 1e-6);
        }
        eval_windows_deinit(&w);
        corpus_deinit(&c);
        source_deinit(&s);
    }
}

static void test_score_of(void **state) {
    (void)state;
    struct event_score s = score_of(2 * log(2), 4, 0.5); /* 2 bits a token, 4 bytes a token */
    assert_true(fabs(s.loss - 2 * log(2)) < 1e-12 && fabs(s.bits_per_byte - 0.5) < 1e-12);
    assert_true(fabs(s.perplexity - 4) < 1e-12 && s.accuracy == 0.5);
}

/* y is x moved on by one, windows follow one another in the shuffled text and are the same each
 * time. */
static void test_windows(void **state) {
    (void)state;
    struct eval_windows w, again;
    make_windows(CONTEXT, 0, &w);
    make_windows(CONTEXT, 0, &again);
    size_t cells = w.n * CONTEXT;
    assert_int_equal(w.n, again.n);
    assert_memory_equal(w.x, again.x, cells * sizeof *w.x);
    assert_memory_equal(w.y, again.y, cells * sizeof *w.y);
    for (size_t i = 0; i + 1 < cells; i++) assert_int_equal(w.y[i], w.x[i + 1]);
    eval_windows_deinit(&w);
    eval_windows_deinit(&again);
}

/* ---- questions ---- */

/* A corpus of texts that ask what stands behind their last blank; one stands there twice, one
 * asks nothing. */
static void make_questions(struct corpus *out) {
    static const char *const asked[] = {"the river", "not a thing", "the river", "a song"};
    struct source_text s = {0};
    struct err err = {0};
    for (size_t i = 0; i < COUNT(asked); i++) {
        size_t n = strlen(asked[i]), answer = (size_t)(strrchr(asked[i], ' ') - asked[i]);
        assert_ok(source_add_question(&s, asked[i], n, i == 1 ? 0 : answer, asked[i], n, &err),
                  err);
    }
    assert_ok(corpus_build(&s, SPLIT_ALL, model.tokenizer, NULL, NULL, out, &err), err);
    source_deinit(&s);
}

/* What is to be predicted is the answer and the end, after the end of the text before. */
static void test_questions(void **state) {
    (void)state;
    static const char *const answers[] = {" river", " song"};
    struct corpus c;
    struct probes p;
    struct err err = {0};
    make_questions(&c);
    assert_int_equal(c.answers[1], c.starts[2]);
    assert_ok(probes_make(&c, model.tokenizer, 64, &p, &err), err);
    assert_int_equal(p.n, 2);
    for (size_t i = 0; i < p.n; i++) {
        struct buf got = {0};
        const int32_t *x = p.x + i * (size_t)p.time, *y = p.y + i * (size_t)p.time;
        assert_int_equal(x[0], tokenizer_eot(model.tokenizer));
        for (int k = 0; k < p.time; k++) {
            size_t n;
            if (y[k] == LOSS_IGNORE) continue;
            if (k + 1 < p.time) assert_int_equal(y[k], x[k + 1]);
            const char *bytes = tokenizer_bytes(model.tokenizer, y[k], &n);
            if (y[k] == tokenizer_eot(model.tokenizer)) buf_str(&got, ".");
            else buf_add(&got, bytes, n);
        }
        assert_memory_equal(got.data, answers[i], strlen(answers[i]));
        assert_string_equal(got.data + strlen(answers[i]), ".");
        buf_deinit(&got);
    }
    probes_deinit(&p);
    assert_ok(probes_make(&c, model.tokenizer, 2, &p, &err), err); /* none fits */
    assert_int_equal(p.n, 0);
    assert_true(isnan(probes_accuracy(tf, &model.weights, &p, BATCH, NULL, NULL)));
    corpus_deinit(&c);
}

/* The likeliest token at each position of a question, by the logits. */
static void find_likeliest(const struct probes *p, size_t i, int32_t *out) {
    size_t vocab = (size_t)model.table.config.vocab;
    real *logits = calloc((size_t)p->time * vocab, sizeof *logits);
    assert_non_null(logits);
    transformer_logits(tf, &model.weights, p->x + i * (size_t)p->time, 1, p->time, logits);
    for (int k = 0; k < p->time; k++) {
        const real *row = logits + (size_t)k * vocab;
        out[k] = 0;
        for (size_t v = 1; v < vocab; v++)
            if (row[v] > row[out[k]]) out[k] = (int32_t)v;
    }
    free(logits);
}

/* What the model writes is all right where it is what was asked for, and less so where some of
 * it is not. */
static void check_written(struct probes *p) {
    struct chrf same = {{0}, {0}, {0}}, other = same;
    struct err err = {0};
    struct decoder *d = decoder_create(&model.table, 2, &model.ex, &err);
    assert_non_null(d);
    for (size_t i = 0; i < p->n; i++) {
        int32_t *x = p->x + i * (size_t)p->time, *y = p->y + i * (size_t)p->time;
        struct ids ids = {0};
        int first = 0;
        while (y[first] == LOSS_IGNORE) first++;
        struct generate_plan plan = {
            .prompt = x, .n_prompt = (size_t)first + 1, .tokens = p->time - first, .out = &ids};
        assert_ok(generate(d, &model.weights, model.tokenizer, &plan, 1, &err), err);
        for (int k = first; k < p->time; k++)
            y[k] = (size_t)(k - first) < ids.n ? ids.data[k - first] : LOSS_IGNORE;
        ids_deinit(&ids);
    }
    assert_ok(probes_write(d, &model.weights, model.tokenizer, p, &same, &err), err);
    assert_true(chrf_score(&same) == 100);
    for (size_t i = 0; i < p->n * (size_t)p->time; i += 2)
        if (p->y[i] != LOSS_IGNORE) p->y[i] = p->y[i] == 'q' ? 'z' : 'q';
    assert_ok(probes_write(d, &model.weights, model.tokenizer, p, &other, &err), err);
    assert_true(chrf_score(&other) < 90);
    decoder_destroy(d);
}

/* Alone, and with the text that asks them: then both are told of, as one. */
static void check_accuracy(struct probes *p, int batch) {
    struct eval_windows w;
    struct told alone = {0}, both = {0};
    assert_true(probes_accuracy(tf, &model.weights, p, batch, hear, &alone) == 0.5);
    assert_true(alone.n == batches(p->n, batch) && alone.share == 1);
    make_windows(CONTEXT, 0, &w);
    w.probes = *p;
    assert_true(evaluate(tf, &model.weights, &w, batch, hear, &both).accuracy == 0.5);
    assert_true(both.n == batches(w.n, batch) + alone.n && fabs(both.share - 1) < 1e-9);
    w.probes = (struct probes){.n = 0};
    eval_windows_deinit(&w);
}

/* Right is an answer of which every token is the likeliest. */
static void test_accuracy(void **state) {
    (void)state;
    struct corpus c;
    struct probes p;
    struct err err = {0};
    int32_t likeliest[CONTEXT];
    make_questions(&c);
    assert_ok(probes_make(&c, model.tokenizer, CONTEXT, &p, &err), err);
    assert_int_equal(p.n, 2);
    for (size_t i = 0; i < p.n; i++) {
        int32_t *y = p.y + i * (size_t)p.time, *last = NULL;
        find_likeliest(&p, i, likeliest);
        for (int k = 0; k < p.time; k++) {
            if (y[k] == LOSS_IGNORE) continue;
            y[k] = likeliest[k];
            last = &y[k];
        }
        if (i == 1) *last ^= 1; /* one token of the second answer is not */
    }
    for (int batch = 1; batch <= BATCH; batch++) check_accuracy(&p, batch);
    check_written(&p);
    probes_deinit(&p);
    corpus_deinit(&c);
}

static void test_at_most(void **state) {
    static const struct {
        int64_t most;
        size_t windows;
    } cases[] = {
        {1, 1}, {CONTEXT, 1}, {2 * CONTEXT - 1, 1}, {2 * CONTEXT, 2}, {3 * CONTEXT, 3}};
    (void)state;
    struct eval_windows all;
    make_windows(CONTEXT, 0, &all);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct eval_windows w;
        make_windows(CONTEXT, cases[i].most, &w);
        assert_int_equal(w.n, cases[i].windows);
        assert_memory_equal(w.x, all.x, w.n * CONTEXT * sizeof *w.x); /* the first ones */
        eval_windows_deinit(&w);
    }
    eval_windows_deinit(&all);
}

/* A text shorter than the context makes one shorter window; one token cannot be scored. */
static void test_short_split(void **state) {
    static const char *const two[] = {"b"}, *const some[] = {"bcd", "fg"};
    (void)state;
    const struct {
        const char *const *texts;
        size_t n;
        int time;
    } cases[] = {{two, 1, 1}, {some, 2, 6}}; /* tokens, ends of texts among them, less one */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct corpus c;
        struct eval_windows w;
        struct err err = {0};
        make_corpus(cases[i].texts, cases[i].n, &c);
        assert_ok(eval_windows_make(&c, model.tokenizer, CONTEXT, 0, "short", &w, &err), err);
        assert_int_equal(w.n, 1);
        assert_int_equal(w.time, cases[i].time);
        assert_int_equal(w.y[w.time - 1], tokenizer_eot(model.tokenizer));
        assert_true(isfinite(evaluate(tf, &model.weights, &w, BATCH, NULL, NULL).loss));
        eval_windows_deinit(&w);
        corpus_deinit(&c);
    }
    int32_t token = 5;
    struct corpus one = {.tokens = &token, .n_tokens = 1};
    struct eval_windows w;
    struct err err = {0};
    assert_false(eval_windows_make(&one, model.tokenizer, CONTEXT, 0, "text:tiny", &w, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, "text:tiny: held-out text has 1 token, too few");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_masked),
        cmocka_unit_test(test_score_of),   cmocka_unit_test(test_windows),
        cmocka_unit_test(test_questions),  cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_at_most),    cmocka_unit_test(test_short_split),
    };
    return cmocka_run_group_tests_name("evaluate", tests, setup, teardown);
}
