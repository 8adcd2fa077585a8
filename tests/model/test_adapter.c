/* test_adapter.c - adapters: their words, their place in the table, dropout, switching them
 * off, and merging. Gradients and decoding are those of the model's other tests
 * (model_fixture.h). */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/nn/op_dropout.h"

static const struct model_case *gpt2 = &model_cases[PLAIN_CASES];
static const struct model_case *qwen3 = &model_cases[PLAIN_CASES + 1];

static double tolerance(double in_float, double in_double) {
    return sizeof(real) == sizeof(double) ? in_double : in_float;
}

/* ---- words ---- */

static const struct word_case {
    enum model_family family;
    const char *word;
    uint8_t bits; /* 0: refused */
} word_cases[] = {
    {FAMILY_QWEN3, "q", 1},     {FAMILY_QWEN3, "v", 4},     {FAMILY_QWEN3, "o", 8},
    {FAMILY_QWEN3, "gate", 16}, {FAMILY_QWEN3, "up", 32},   {FAMILY_QWEN3, "down", 64},
    {FAMILY_LLAMA, "qkv", 7},   {FAMILY_LLAMA, "all", 127}, {FAMILY_GPT2, "q", 1},
    {FAMILY_GPT2, "qkv", 1},    {FAMILY_GPT2, "up", 4},     {FAMILY_GPT2, "all", 15},
    {FAMILY_GPT2, "gate", 0},   {FAMILY_QWEN3, "", 0},      {FAMILY_QWEN3, "head", 0},
};

static void test_word(void **state) {
    const struct word_case *w = *state;
    struct model_config c = {
        .family = w->family, .layers = 1, .heads = 2, .width = 8, .context = 8, .vocab = 9};
    struct err err = {0};
    uint8_t bits = 0xff;
    assert_true(model_config_complete(&c, &err));
    assert_int_equal(adapter_word(&c, w->word, &bits, &err), w->bits != 0);
    assert_int_equal(bits, w->bits);
    if (!w->bits) assert_non_null(strstr(err.msg, "no linear map"));
}

static void test_blocks(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int first, last; /* -1: refused */
    } cases[] = {{"0-11", 0, 11}, {"3", 3, 3},     {"11-11", 11, 11}, {"12", -1, 0},
                 {"3-2", -1, 0},  {"", -1, 0},     {"-1", -1, 0},     {"1-", -1, 0},
                 {"2-12", -1, 0}, {"1-3x", -1, 0}, {"q", -1, 0}};
    struct model_config c = {.layers = 12};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        int first = -1, last = -1;
        assert_int_equal(adapter_blocks(&c, cases[i].text, &first, &last, &err),
                         cases[i].first >= 0);
        if (cases[i].first >= 0) assert_true(first == cases[i].first && last == cases[i].last);
        else assert_non_null(strstr(err.msg, "0-11"));
    }
}

static void test_scale(void **state) {
    (void)state;
    struct adapter a = {.rank = 16, .alpha = 8};
    assert_true(adapter_scale(&a) == 0.5);
    a.rs = true;
    assert_true(adapter_scale(&a) == 2);
}

/* ---- the table ---- */

/* The names that PEFT gives; A of one input on one another; A random within its bound, B zeros;
 * and the model's own weights begin as they do without adapters. */
static void test_table(void **state) {
    (void)state;
    struct fixture f, bare;
    struct model_case plain = *qwen3;
    plain.config.adapter.rank = 0;
    fixture_init(&f, qwen3, 1);
    fixture_init(&bare, &plain, 1);
    weights_init(&f.w, 5);
    weights_init(&bare.w, 5);
    const struct param *q = NULL, *down = NULL;
    int own = 0;
    for (int i = 0; i < f.table.n_params; i++) {
        const struct param *p = &f.table.params[i];
        const real *x = weights_param(&f.w, i);
        bool A = strstr(p->name, "lora_A"), B = strstr(p->name, "lora_B");
        assert_true(p->adapter == (A || B));
        if (!p->adapter)
            assert_memory_equal(x, weights_param(&bare.w, own++), param_size(p) * sizeof *x);
        double most = 0;
        for (size_t j = 0; j < param_size(p); j++) most = fmax(most, fabs((double)x[j]));
        if (A) assert_true(most > 0 && most <= 1 / sqrt(p->cols));
        if (B) assert_true(most == 0);
        if (strcmp(p->name, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight") ==
            0)
            q = p;
        if (strcmp(p->name, "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight") == 0)
            down = p;
    }
    assert_true(q && q->rows == 2 && q->cols == 9);
    assert_string_equal(f.table.groups[q->group].name, "block.0.lora");
    assert_true(q[1].offset == q->offset + 18); /* v's A */
    assert_true(down && down->rows == 9 && down->cols == 2);
    assert_int_equal(own, bare.table.n_params);
    assert_true(weights_adapters_blank(&f.w));
    fixture_weights(&f.w, 1);
    assert_false(weights_adapters_blank(&f.w));
    fixture_deinit(&f);
    fixture_deinit(&bare);
}

static void test_groups(void **state) {
    (void)state;
    struct fixture f;
    bool lora[16] = {false}, base[16] = {false}, learn[16];
    struct buf text = {0};
    fixture_init(&f, gpt2, 1);
    assert_true(groups_select(&f.table, "lora", lora, NULL));
    assert_true(groups_select(&f.table, "base", base, NULL));
    for (int g = 0; g < f.table.n_groups; g++) {
        assert_true(lora[g] == (strstr(f.table.groups[g].name, ".lora") != NULL));
        assert_true(base[g] == !lora[g]);
        learn[g] = strcmp(f.table.groups[g].name, "block.1.lora") == 0;
    }
    groups_format(&f.table, lora, &text);
    buf_str(&text, " ");
    groups_format(&f.table, base, &text);
    buf_str(&text, " ");
    groups_format(&f.table, learn, &text);
    assert_string_equal(buf_text(&text), "lora base block.1.lora");
    assert_int_equal(transformer_cut(&f.table, lora), 0);
    assert_int_equal(transformer_cut(&f.table, learn), 1);
    buf_deinit(&text);
    fixture_deinit(&f);
}

/* ---- the model ---- */

static void logits_of(struct fixture *f, const struct weights *w, real *out) {
    transformer_logits(f->tf, w, f->tokens, FIXTURE_BATCH, FIXTURE_TIME, out);
}

static double most_apart(const real *a, const real *b, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* With adapters off, or B all zeros, the model is the bare one to the bit; merged, it is the
 * adapted one, and its adapters are off. */
static void test_off_and_merged(void **state) {
    struct fixture f;
    real on[FIXTURE_ROWS * 11], off[FIXTURE_ROWS * 11], merged[FIXTURE_ROWS * 11];
    struct model_case plain = *(const struct model_case *)*state;
    struct fixture bare;
    plain.config.adapter.rank = 0;
    fixture_init(&f, *state, 1);
    fixture_init(&bare, &plain, 1);
    for (int i = 0, own = 0; i < f.table.n_params; i++)
        if (!f.table.params[i].adapter)
            memcpy(weights_param(&bare.w, own++), weights_param(&f.w, i),
                   param_size(&f.table.params[i]) * sizeof(real));
    struct weights base;
    assert_true(weights_share(&f.w, &base, NULL));
    base.plain = true; /* the same memory: nothing is copied */
    logits_of(&f, &f.w, on);
    logits_of(&f, &base, off);
    assert_true(most_apart(on, off, COUNT(on)) > 0.01);
    logits_of(&bare, &bare.w, merged);
    assert_memory_equal(off, merged, sizeof off);
    weights_merge(&f.ex, &f.w);
    assert_true(f.w.plain);
    logits_of(&f, &f.w, merged);
    assert_true(most_apart(on, merged, COUNT(on)) < tolerance(1e-4, 1e-12));
    weights_destroy(&base);
    fixture_deinit(&f);
    fixture_deinit(&bare);
}

/* ---- dropout ---- */

/* About its share is dropped, what stays grows, the choice is the place's alone. */
static void test_dropout(void **state) {
    (void)state;
    enum { ROWS = 64, WIDTH = 100, N = ROWS * WIDTH };
    static real x[N], y[N], again[N];
    struct exec ex = {.pool = NULL};
    struct dropout_dims d = {.rows = ROWS, .width = WIDTH, .share = 0.25, .key = 7, .row = 3};
    for (int i = 0; i < N; i++) x[i] = (real)(i + 1);
    dropout_forward(&ex, y, x, d);
    int dropped = 0;
    for (int i = 0; i < N; i++) {
        dropped += y[i] == 0;
        if (y[i] != 0) assert_true(fabs((double)(y[i] / x[i]) - 4.0 / 3) < 1e-6);
    }
    assert_true(abs(dropped - N / 4) < 4 * sqrt(N * 0.25 * 0.75));
    d.rows = 1; /* the last row by itself */
    d.row = 3 + ROWS - 1;
    dropout_forward(&ex, again, x + N - WIDTH, d);
    assert_memory_equal(again, y + N - WIDTH, WIDTH * sizeof *y);
    dropout_add(&ex, again, x + N - WIDTH, d);
    for (int i = 0; i < WIDTH; i++) assert_true(again[i] == 2 * y[N - WIDTH + i]);
    d.key = 8;
    dropout_forward(&ex, again, x + N - WIDTH, d);
    assert_memory_not_equal(again, y + N - WIDTH, WIDTH * sizeof *y);
}

static double train_dropped(struct fixture *f, struct weights *g, const bool *learn,
                            struct transformer *tf) {
    struct train_part part = fixture_part(f);
    part.first = true;
    part.drop.key = 99;
    part.drop.row = 40;
    return transformer_train(tf, &f->w, g, learn, &part, NULL);
}

/* In double: the loss under one choice of what drops out, against its differences. Recomputed,
 * the choice and the gradients are the same bits. */
static void test_dropout_gradient(void **state) {
    if (sizeof(real) == sizeof(float)) skip();
    struct model_case c = *(const struct model_case *)*state;
    struct fixture f;
    c.config.adapter.dropout = 0.4;
    fixture_init(&f, &c, 1);
    double plain = fixture_train(&f, &f.g, NULL), h = 1e-5;
    double loss = train_dropped(&f, &f.g, NULL, f.tf);
    assert_true(fabs(loss - plain) > 1e-4); /* another key: another loss */
    struct weights other;
    assert_true(weights_create(&f.table, &other, NULL));
    for (int i = 0; i < f.table.n_params; i++)
        for (size_t j = 0; j < param_size(&f.table.params[i]); j += 3) {
            real *w = weights_param(&f.w, i) + j, kept = *w, g = weights_param(&f.g, i)[j];
            *w = (real)((double)kept + h);
            double above = train_dropped(&f, &other, NULL, f.tf);
            *w = (real)((double)kept - h);
            double below = train_dropped(&f, &other, NULL, f.tf);
            *w = kept;
            double fd = (above - below) / (2 * h);
            if (fabs((double)g - fd) > 1e-7 * fmax(1, fabs(fd)))
                fail_msg("%s[%zu]: %g instead of %g", f.table.params[i].name, j, (double)g, fd);
        }
    struct transformer_plan plan = fixture_plan;
    plan.recompute = true;
    struct transformer *tf = transformer_create(&f.table, plan, &f.ex, NULL);
    assert_non_null(tf);
    train_dropped(&f, &other, NULL, tf);
    for (int i = 0; i < f.table.n_groups; i++)
        assert_memory_equal(other.group[i], f.g.group[i],
                            f.table.groups[i].reals * sizeof(real));
    transformer_destroy(tf);
    weights_destroy(&other);
    fixture_deinit(&f);
}

/* Nothing drops out of what does not learn, so that what lies below the cut stays a function of
 * the tokens alone. */
static void test_frozen_keep_all(void **state) {
    struct model_case c = *(const struct model_case *)*state;
    struct fixture f;
    bool learn[16] = {false};
    c.config.adapter.dropout = 0.4;
    fixture_init(&f, &c, 1);
    assert_true(groups_select(&f.table, "norm", learn, NULL)); /* above all blocks */
    double eval = transformer_loss(f.tf, &f.w, f.tokens, f.targets, FIXTURE_BATCH, FIXTURE_TIME,
                                   NULL, NULL);
    assert_true(fabs(train_dropped(&f, &f.g, learn, f.tf) - eval) < tolerance(1e-5, 1e-13));
    fixture_deinit(&f);
}

int main(void) {
    static char names[COUNT(word_cases)][64];
    struct CMUnitTest tests[COUNT(word_cases) + 11];
    size_t n = 0;
    for (; n < COUNT(word_cases); n++) {
        snprintf(names[n], sizeof names[n], "%s: \"%s\"",
                 family_traits[word_cases[n].family].word, word_cases[n].word);
        tests[n] = (struct CMUnitTest){names[n], test_word, NULL, NULL, (void *)&word_cases[n]};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test_prestate(test_off_and_merged, (void *)gpt2),
        cmocka_unit_test_prestate(test_off_and_merged, (void *)qwen3),
        cmocka_unit_test_prestate(test_dropout_gradient, (void *)gpt2),
        cmocka_unit_test_prestate(test_dropout_gradient, (void *)qwen3),
        cmocka_unit_test_prestate(test_frozen_keep_all, (void *)gpt2),
        cmocka_unit_test_prestate(test_frozen_keep_all, (void *)qwen3),
    };
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("adapter", tests, NULL, NULL);
}
