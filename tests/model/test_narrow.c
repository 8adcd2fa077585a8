/* test_narrow.c - blocks kept as numbers of 16 bits compute the bits that the same numbers as
 * reals do. */
#include "model/model_fixture.h"

#include "engine/model/decode.h"

enum { BATCH = 3, TIME = 17, ROWS = BATCH * TIME, WIDTH = 24, VOCAB = 50, MAX_GROUPS = 16 };

static const struct narrow_case {
    const char *name;
    struct model_config config;
    enum narrow_kind kind;
    const char *narrow, *frozen; /* groups; what is narrow is frozen too */
    bool recompute;
} narrow_cases[] = {
    {"gpt2, lower blocks",
     {.family = FAMILY_GPT2, .heads = 3, .tied = true},
     NARROW_BF16,
     "0,1",
     "embed,0,1",
     false},
    {"gpt2, F16, all blocks",
     {.family = FAMILY_GPT2, .heads = 3},
     NARROW_F16,
     "0-2",
     "embed,0-2",
     false},
    {"gpt2, above what learns, recompute",
     {.family = FAMILY_GPT2, .heads = 3},
     NARROW_BF16,
     "1,2",
     "1,2",
     true},
    {"llama, a block between",
     {.family = FAMILY_LLAMA, .heads = 4, .kv_heads = 2},
     NARROW_BF16,
     "block.1.attn,block.1.mlp",
     "block.1.attn,block.1.mlp",
     false},
    {"qwen2, F16, parts",
     {.family = FAMILY_QWEN2, .heads = 4, .kv_heads = 2},
     NARROW_F16,
     "block.0.attn,block.1.mlp,2",
     "embed,block.0.attn,block.1.mlp,2",
     false},
    {"qwen3, lower blocks, recompute",
     {.family = FAMILY_QWEN3, .heads = 4, .kv_heads = 2, .tied = true},
     NARROW_BF16,
     "0,1",
     "embed,0,1",
     true},
    {"qwen3, the last block",
     {.family = FAMILY_QWEN3, .heads = 3},
     NARROW_BF16,
     "2",
     "2",
     false},
};

/* One model twice: as reals, and with some groups narrow. */
struct bed {
    struct fixture f;
    struct weights narrow;
    enum narrow_kind kind[MAX_GROUPS];
    bool learn[MAX_GROUPS];
    struct transformer *tf[2]; /* for reals, for narrow ones */
    int32_t tokens[ROWS + 1];
};

/* The narrow groups' matrices, rounded in both places. */
static void make_narrow(struct bed *b) {
    const struct param_table *t = &b->f.table;
    assert_true(weights_create_narrow(t, b->kind, &b->narrow, NULL));
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        real *wide = weights_param(&b->f.w, i);
        uint16_t *to = weights_narrow_param(&b->narrow, i);
        for (size_t k = 0; to && k < n; k++) {
            float x = (float)wide[k];
            narrow_round(to + k, &x, 1, b->kind[p->group]);
            narrow_widen(wide + k, to + k, 1, b->kind[p->group]);
        }
        if (!to) memcpy(weights_param(&b->narrow, i), wide, n * sizeof *wide);
    }
}

static struct bed *bed_create(const struct narrow_case *c, int threads) {
    struct model_case model = {c->name, c->config};
    struct transformer_plan plan = {
        .batch = BATCH, .time = TIME, .backward = true, .recompute = c->recompute};
    struct bed *b = calloc(1, sizeof *b);
    bool named[MAX_GROUPS] = {false};
    assert_non_null(b);
    model.config.layers = 3;
    model.config.width = WIDTH;
    model.config.context = TIME;
    model.config.vocab = VOCAB;
    fixture_init(&b->f, &model, threads);
    assert_true(groups_select(&b->f.table, c->narrow, named, NULL));
    assert_true(groups_select(&b->f.table, c->frozen, b->learn, NULL));
    for (int g = 0; g < b->f.table.n_groups; g++) {
        b->learn[g] = !b->learn[g];
        if (named[g] && weights_narrows(&b->f.table, g)) b->kind[g] = c->kind;
    }
    make_narrow(b);
    b->tf[0] = transformer_create(&b->f.table, plan, &b->f.ex, NULL);
    plan.narrow = true;
    b->tf[1] = transformer_create(&b->f.table, plan, &b->f.ex, NULL);
    assert_non_null(b->tf[0]);
    assert_non_null(b->tf[1]);
    struct rng r = rng_make(21, 0, 0);
    for (int i = 0; i <= ROWS; i++) b->tokens[i] = (int32_t)rng_below(&r, VOCAB);
    return b;
}

static void bed_destroy(struct bed *b) {
    for (int i = 0; i < 2; i++) transformer_destroy(b->tf[i]);
    weights_destroy(&b->narrow);
    fixture_deinit(&b->f);
    free(b);
}

/* Loss and gradients of a step; which: 0 the reals, 1 the narrow ones. */
static double train(struct bed *b, int which, struct weights *grads) {
    struct train_part part = {.tokens = b->tokens,
                              .targets = b->tokens + 1,
                              .batch = BATCH,
                              .time = TIME,
                              .weight = 1,
                              .first = true};
    assert_true(weights_create(&b->f.table, grads, NULL));
    return transformer_train(b->tf[which], which ? &b->narrow : &b->f.w, grads, b->learn, &part,
                             NULL);
}

static void check_steps(const struct narrow_case *c, int threads) {
    struct bed *b = bed_create(c, threads);
    struct weights grads[2];
    for (int again = 0; again < 2; again++) { /* scratch that is not fresh */
        double loss[2];
        for (int i = 0; i < 2; i++) loss[i] = train(b, i, &grads[i]);
        assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
        assert_true(weights_fingerprint(&grads[0]) == weights_fingerprint(&grads[1]));
        for (int i = 0; i < 2; i++) weights_destroy(&grads[i]);
    }
    bed_destroy(b);
}

static void test_steps(void **state) {
    check_steps(*state, 1);
    check_steps(*state, 3);
}

static void test_forward(void **state) {
    static real logits[2][ROWS * VOCAB];
    real nll[2][ROWS];
    struct bed *b = bed_create(*state, 2);
    const struct weights *w[] = {&b->f.w, &b->narrow};
    for (int i = 0; i < 2; i++) {
        transformer_logits(b->tf[i], w[i], b->tokens, BATCH, TIME, logits[i]);
        transformer_loss(b->tf[i], w[i], b->tokens, b->tokens + 1, BATCH, TIME, nll[i], NULL);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_memory_equal(nll[0], nll[1], sizeof nll[0]);
    bed_destroy(b);
}

static void test_decode(void **state) {
    struct bed *b = bed_create(*state, 2);
    const struct weights *w[] = {&b->f.w, &b->narrow};
    struct decoder_token text[TIME];
    real logits[2][VOCAB];
    for (int i = 0; i < TIME; i++) text[i] = (struct decoder_token){0, b->tokens[i]};
    for (int i = 0; i < 2; i++) {
        struct decoder *d = decoder_create(&b->f.table, 1, &b->f.ex, NULL);
        assert_non_null(d);
        assert_true(decoder_feed(d, w[i], text, 9)); /* several rows, then one */
        assert_true(decoder_feed(d, w[i], text + 9, 1));
        memcpy(logits[i], decoder_logits(d, 0), sizeof logits[i]);
        decoder_destroy(d);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    bed_destroy(b);
}

/* A base that shares narrow groups keeps them when they become reals; fingerprints are those of
 * the reals. */
static void test_widen(void **state) {
    struct bed *b = bed_create(*state, 1);
    struct weights base;
    const struct param_table *t = &b->f.table;
    uint64_t print = weights_fingerprint(&b->f.w);
    assert_true(weights_fingerprint(&b->narrow) == print);
    assert_true(weights_share(&b->narrow, &base, NULL));
    for (int g = 0; g < t->n_groups; g++) {
        assert_true(weights_distance(&b->narrow, &base, g) == 0);
        weights_unshare(&base, g);
        weights_widen(&b->narrow, g);
        assert_true(weights_distance(&b->narrow, &base, g) == 0);
        assert_memory_equal(b->narrow.group[g], b->f.w.group[g],
                            t->groups[g].reals * sizeof(real));
        b->narrow.group[g][0] += 1;
        assert_true(weights_distance(&b->narrow, &base, g) > 0);
    }
    assert_true(weights_fingerprint(&base) == print);
    assert_true(weights_fingerprint(&b->narrow) != print);
    weights_destroy(&base);
    bed_destroy(b);
}

/* Half the memory, and the vectors. */
static void test_bytes(void **state) {
    struct bed *b = bed_create(*state, 1);
    for (int g = 0; g < b->f.table.n_groups; g++) {
        const struct group *group = &b->f.table.groups[g];
        if (!b->kind[g]) continue;
        size_t wide = group_bytes(group, NARROW_NONE), narrow = group_bytes(group, NARROW_BF16);
        assert_true(narrow < wide * 2 / 3);
        assert_true(2 * narrow >= wide);
    }
    bed_destroy(b);
}

int main(void) {
    static void (*const each[])(void **) = {test_steps, test_forward, test_decode, test_widen,
                                            test_bytes};
    struct CMUnitTest tests[COUNT(each) * COUNT(narrow_cases)];
    for (size_t i = 0; i < COUNT(tests); i++)
        tests[i] = (struct CMUnitTest){.name = narrow_cases[i / COUNT(each)].name,
                                       .test_func = each[i % COUNT(each)],
                                       .initial_state = (void *)&narrow_cases[i / COUNT(each)]};
    return cmocka_run_group_tests_name("narrow models", tests, NULL, NULL);
}
