/* test_bench.c - what the bench tells is consistent: products counted in three ways, parts
 * within their whole, and no figure that is not finite. How fast it is, no test asks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "engine/bench/bench.h"
#include "engine/nn/op_attention.h"
#include "engine/run/cost.h"

#define assert_ok(call, err)                                                                   \
    do {                                                                                       \
        if (!(call)) fail_msg("%s", (err).msg);                                                \
    } while (0)

static const struct bench_case {
    const char *name;
    struct model_config config;
    const char *freeze, *frozen; /* as asked for, as it is told */
    enum optimizer_kind optimizer;
} cases[] = {
    {"gpt2", {.family = FAMILY_GPT2, .heads = 3, .width = 12, .tied = true}, "", "", 0},
    {"gpt2, lower part frozen",
     {.family = FAMILY_GPT2, .heads = 2, .width = 16, .tied = true},
     "0-1,embed",
     "embed,0-1",
     0},
    {"llama, grouped heads, muon",
     {.family = FAMILY_LLAMA, .heads = 4, .kv_heads = 2, .width = 16, .ffn = 11},
     "",
     "",
     OPTIMIZER_MUON},
    {"llama, attention learns lowest",
     {.family = FAMILY_LLAMA, .heads = 2, .width = 16},
     "embed,0,block.1.mlp,block.1.norm,head",
     "embed,0,block.1.mlp,block.1.norm,head",
     0},
    {"gpt2, an mlp learns lowest, and no attention",
     {.family = FAMILY_GPT2, .heads = 2, .width = 16},
     "embed,block.2.attn,block.1.norm,block.1.attn,0",
     "embed,0,block.1.attn,block.1.norm,block.2.attn",
     OPTIMIZER_ADAMW},
    {"qwen3, wide heads, a norm learns alone",
     {.family = FAMILY_QWEN3,
      .heads = 4,
      .kv_heads = 2,
      .width = 8,
      .head_dim = 6,
      .tied = true},
     "embed,0,block.1.attn,block.1.mlp,2",
     "embed,0,block.1.attn,block.1.mlp,2",
     OPTIMIZER_ADAMW},
    {"qwen3, the head learns alone",
     {.family = FAMILY_QWEN3, .heads = 2, .width = 16},
     "embed,0-2,norm",
     "embed,0-2,norm",
     OPTIMIZER_ADAMW},
    {"qwen3, all frozen",
     {.family = FAMILY_QWEN3, .heads = 2, .width = 16, .tied = true},
     "all",
     "all",
     OPTIMIZER_MUON},
};

static void assert_positive(double x) { assert_true(isfinite(x) && x > 0); }

static struct bench_options options_of(const struct bench_case *c) {
    struct err err = {0};
    struct bench_options o = {.config = c->config,
                              .optim = {.kind = c->optimizer,
                                        .beta1 = 0.9,
                                        .beta2 = 0.95,
                                        .eps = 1e-8,
                                        .momentum = 0.95},
                              .batch = 3,
                              .block = 70, /* more than attention takes at a time */
                              .freeze = c->freeze,
                              .threads = 2,
                              .iters = 1};
    o.config.layers = 3;
    o.config.vocab = 19;
    o.config.context = o.block;
    assert_ok(model_config_complete(&o.config, &err), err);
    return o;
}

/* Flop of a step with AdamW: forward up to the head by the table, from there on by cost.h. */
static uint64_t flops_by_shape(const struct bench_options *o) {
    const struct model_config *c = &o->config;
    struct param_table t;
    struct err err = {0};
    bool learn[64] = {false};
    assert_ok(param_table_create(c, &t, &err) && t.n_groups <= 64, err);
    assert_ok(groups_select(&t, o->freeze, learn, &err), err);
    for (int g = 0; g < t.n_groups; g++) learn[g] = !learn[g];
    uint64_t rows = (uint64_t)o->batch * (uint64_t)o->block, weights = 0;
    for (int i = 0; i < t.n_params; i++)
        if (t.groups[t.params[i].group].layer >= 0 && !t.params[i].vector)
            weights += (uint64_t)t.params[i].rows * (uint64_t)t.params[i].cols;
    struct attention_dims d = {.batch = o->batch,
                               .time = o->block,
                               .heads = c->heads,
                               .kv_heads = c->kv_heads,
                               .head_dim = c->head_dim};
    uint64_t attention = 2 * (uint64_t)c->layers * attention_product_flops(d);
    struct cost_shape shape = {.table = &t, .time = o->block};
    double backward = 2.0 * (double)rows * cost_backward(&shape, learn);
    param_table_destroy(&t);
    return 2 * rows * weights + attention + (uint64_t)(backward + 0.5);
}

static void check_times(const struct bench_step *s) {
    assert_positive(s->step.min);
    assert_true(s->step.min <= s->step.median && s->step.median <= s->step.max);
    assert_positive(s->forward);
    assert_true(s->backward >= 0 && s->update >= 0);
    assert_true(s->forward + s->backward + s->update <= s->step.median);
    assert_positive(s->linear_seconds);
    assert_positive(s->square_gflops);
}

/* What is known costs nothing: a step without the forward pass below the cut. */
static void check_known(struct bench_options o, uint64_t flops) {
    struct err err = {0};
    struct param_table t;
    bool learn[64] = {false};
    struct bench_step s;
    o.known = true;
    struct bench *b = bench_create(&o, &err);
    assert_ok(b, err);
    assert_ok(bench_train(b, &s, &err), err);
    assert_ok(param_table_create(&o.config, &t, &err), err);
    assert_ok(groups_select(&t, o.freeze, learn, &err), err);
    for (int g = 0; g < t.n_groups; g++) learn[g] = !learn[g];
    struct cost_shape shape = {.table = &t, .time = o.block};
    double spared = cost_forward(&shape, learn, 0) - cost_forward(&shape, learn, 1);
    assert_true((spared > 0) == (transformer_cut(&t, learn) > 0));
    assert_int_equal(flops - s.flops, (uint64_t)(2.0 * o.batch * o.block * spared + 0.5));
    param_table_destroy(&t);
    bench_destroy(b);
}

static void test_step(void **state) {
    const struct bench_case *c = *state;
    struct bench_options o = options_of(c);
    struct err err = {0};
    struct buf frozen = {0};
    struct bench_step s;
    struct bench *b = bench_create(&o, &err);
    assert_ok(b, err);
    assert_ok(bench_train(b, &s, &err), err);
    assert_int_equal(s.iters, 1); /* so the parts are those of that very step */
    check_times(&s);
    bool muon = c->optimizer == OPTIMIZER_MUON && s.learning > 0;
    if (muon) assert_true(s.flops > flops_by_shape(&o));
    else assert_int_equal(s.flops, flops_by_shape(&o));
    check_known(o, s.flops);
    assert_true(s.linear_flops > 0 && s.linear_flops < s.flops);
    assert_true(s.learning <= s.parameters && (s.learning < s.parameters) == (*c->freeze != 0));
    assert_true(s.activations_bytes > 0 && s.peak_rss_bytes > 1 << 20);
    bench_frozen(b, &frozen);
    assert_string_equal(buf_text(&frozen), c->frozen);
    assert_int_equal(bench_threads(b), 2);
    buf_deinit(&frozen);
    bench_destroy(b);
}

/* Each kind of product as often as a step makes it: together they are the step's. */
static void test_ops(void **state) {
    struct bench_options o = options_of(*state);
    struct err err = {0};
    struct bench_step s;
    struct bench_op ops[BENCH_OPS_MAX];
    double flops = 0, large = 0;
    int n;
    struct bench *b = bench_create(&o, &err);
    assert_ok(b, err);
    assert_ok(bench_train(b, &s, &err), err);
    assert_ok(bench_ops(b, ops, &n, &err), err);
    assert_true(n >= 9 && n <= BENCH_OPS_MAX);
    for (int i = 0; i < n; i++) {
        assert_true(ops[i].calls > 0 && *ops[i].name);
        assert_positive(ops[i].seconds);
        assert_positive(ops[i].amount);
        assert_positive(ops[i].limit);
        double all = ops[i].product ? ops[i].calls * ops[i].amount : 0;
        bool small = strstr(ops[i].name, "attention") || strstr(ops[i].name, "muon");
        flops += all;
        large += small ? 0 : all;
        for (int j = 0; j < i; j++) assert_string_not_equal(ops[i].name, ops[j].name);
    }
    if (flops != (double)s.flops)
        fail_msg("%.0f flop by ops, not %.0f", flops, (double)s.flops);
    assert_true(large == (double)s.linear_flops);
    bench_destroy(b);
}

/* All weights but the lookups' other rows; the head of a tied model is its embedding. */
static void test_decode(void **state) {
    struct bench_options o = options_of(*state);
    struct err err = {0};
    struct bench_decode d;
    assert_ok(bench_decode(&o, &d, &err), err);
    uint64_t width = (uint64_t)o.config.width, embedding = (uint64_t)o.config.vocab * width;
    bool positions = o.config.family == FAMILY_GPT2;
    uint64_t read = d.parameters - (positions ? (uint64_t)o.config.context * width : 0) -
                    (o.config.tied ? 0 : embedding) + (positions ? 2 : 1) * width;
    assert_int_equal(d.weights_bytes, sizeof(real) * read);
    assert_positive(d.token.min);
    assert_true(d.token.min <= d.token.median && d.token.median <= d.token.max);
    assert_positive(d.copy_bytes_per_s);
    assert_true(d.peak_rss_bytes > 1 << 20);
    assert_int_equal(d.iters, 1);
    assert_int_equal(d.threads, 2);
}

static void note_progress(void *ctx, double share) {
    double *last = ctx;
    assert_true(share >= *last && share <= 1);
    *last = share;
}

static void test_rounds(void **state) {
    (void)state;
    struct bench_options o = options_of(&cases[0]);
    struct err err = {0};
    struct bench_step s;
    double told = 0;
    o.iters = 4;
    o.progress = note_progress;
    o.progress_ctx = &told;
    struct bench *b = bench_create(&o, &err);
    assert_ok(b, err);
    assert_ok(bench_train(b, &s, &err), err);
    assert_int_equal(s.iters, 4);
    assert_true(s.step.min <= s.step.median && s.step.median <= s.step.max);
    assert_true(told == 1);
    bench_destroy(b);
}

static void refuse_training(struct bench_options o, enum err_code code) {
    struct err err = {0};
    assert_null(bench_create(&o, &err));
    assert_int_equal(err.code, code);
}

static void test_refusals(void **state) {
    (void)state;
    struct bench_options o = options_of(&cases[0]);
    struct err err = {0};
    struct bench_decode d;
    o.freeze = "0-99";
    refuse_training(o, ERR_RANGE);
    o = options_of(&cases[0]);
    o.batch = 1 << 27; /* times 70 is no int */
    refuse_training(o, ERR_RANGE);
    o.batch = 1 << 24;
    refuse_training(o, ERR_NOMEM);
    o = options_of(&cases[0]);
    o.config.layers = 1000;
    o.config.ffn = 1 << 19;
    o.config.width = o.config.heads * 1024;
    o.config.head_dim = 1024;
    assert_false(bench_decode(&o, &d, &err));
    assert_int_equal(err.code, ERR_NOMEM);
}

/* Bytes on their way cost something, and no microsecond each. */
static void test_carry(void **state) {
    (void)state;
    double cost = bench_carry(2, 125e6);
    assert_true(cost > 1e-11 && cost < 1e-6);
}

int main(void) {
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } checks[] = {{"step", test_step}, {"ops", test_ops}, {"decode", test_decode}};
    static char names[COUNT(checks) * COUNT(cases)][96];
    struct CMUnitTest tests[COUNT(names) + 3] = {
        {.name = "rounds", .test_func = test_rounds},
        {.name = "carry", .test_func = test_carry},
        {.name = "refusals", .test_func = test_refusals},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct bench_case *c = &cases[i / COUNT(checks)];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, checks[i % COUNT(checks)].name);
        tests[i + 3] = (struct CMUnitTest){.name = names[i],
                                           .test_func = checks[i % COUNT(checks)].run,
                                           .initial_state = (void *)c};
    }
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
