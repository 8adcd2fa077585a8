/* test_params.c - the table of parameters, memory in its shape, and groups by name. */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/core/arena.h"

static void make_table(const struct model_case *c, int layers, struct param_table *t) {
    struct model_config config = c->config;
    config.layers = layers;
    config.vocab = 11;
    config.context = 7;
    assert_true(model_config_complete(&config, NULL));
    assert_true(param_table_create(&config, t, NULL));
}

/* Names, shapes and groups as Hugging Face has them (tests/fixtures/make_torch.py lists the
 * same for the gradients; here the order and the place in memory). */
static const struct row_case {
    enum model_family family;
    bool tied;
    const char *name;
    int rows, cols;
    const char *group;
    bool vector, transposed, decay;
} row_cases[] = {
    {FAMILY_GPT2, true, "transformer.wte.weight", 11, 12, "embed", false, false, true},
    {FAMILY_GPT2, true, "transformer.wpe.weight", 7, 12, "embed", false, false, true},
    {FAMILY_GPT2, true, "transformer.h.1.attn.c_attn.weight", 36, 12, "block.1.attn", false,
     true, true},
    {FAMILY_GPT2, true, "transformer.h.1.attn.c_attn.bias", 1, 36, "block.1.attn", true, false,
     false},
    {FAMILY_GPT2, true, "transformer.h.0.attn.c_proj.weight", 12, 12, "block.0.attn", false,
     true, true},
    {FAMILY_GPT2, true, "transformer.h.0.mlp.c_fc.weight", 10, 12, "block.0.mlp", false, true,
     true},
    {FAMILY_GPT2, true, "transformer.h.0.mlp.c_proj.weight", 12, 10, "block.0.mlp", false, true,
     true},
    {FAMILY_GPT2, true, "transformer.h.1.ln_2.bias", 1, 12, "block.1.norm", true, false, false},
    {FAMILY_GPT2, true, "transformer.ln_f.weight", 1, 12, "norm", true, false, false},
    {FAMILY_GPT2, false, "lm_head.weight", 11, 10, "head", false, false, true},
    {FAMILY_QWEN2, false, "model.layers.1.self_attn.k_proj.bias", 1, 12, "block.1.attn", true,
     false, false},
    {FAMILY_QWEN3, true, "model.embed_tokens.weight", 11, 9, "embed", false, false, true},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.q_proj.weight", 24, 9, "block.1.attn", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.k_proj.weight", 12, 9, "block.1.attn", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.v_proj.weight", 12, 9, "block.1.attn", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.o_proj.weight", 9, 24, "block.1.attn", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.0.mlp.gate_proj.weight", 13, 9, "block.0.mlp", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.0.mlp.up_proj.weight", 13, 9, "block.0.mlp", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.0.mlp.down_proj.weight", 9, 13, "block.0.mlp", false,
     false, true},
    {FAMILY_QWEN3, true, "model.layers.0.input_layernorm.weight", 1, 9, "block.0.norm", true,
     false, false},
    {FAMILY_QWEN3, true, "model.layers.0.post_attention_layernorm.weight", 1, 9, "block.0.norm",
     true, false, false},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.q_norm.weight", 1, 6, "block.1.norm", true,
     false, false},
    {FAMILY_QWEN3, true, "model.layers.1.self_attn.k_norm.weight", 1, 6, "block.1.norm", true,
     false, false},
    {FAMILY_QWEN3, true, "model.norm.weight", 1, 9, "norm", true, false, false},
    {FAMILY_LLAMA, false, "lm_head.weight", 11, 16, "head", false, false, true},
};

static void test_row(void **state) {
    const struct row_case *c = *state;
    size_t k = 0;
    while (model_cases[k].config.family != c->family || model_cases[k].config.tied != c->tied)
        k++;
    struct param_table t;
    make_table(&model_cases[k], 2, &t);
    int i = 0;
    while (i < t.n_params && strcmp(t.params[i].name, c->name) != 0) i++;
    assert_true(i < t.n_params);
    const struct param *p = &t.params[i];
    assert_int_equal(p->rows, c->rows);
    assert_int_equal(p->cols, c->cols);
    assert_string_equal(t.groups[p->group].name, c->group);
    assert_int_equal(p->vector, c->vector);
    assert_int_equal(p->transposed, c->transposed);
    assert_int_equal(p->decay, c->decay);
    param_table_destroy(&t);
}

/* Rows of a group stand together and do not overlap; sums agree; every start is aligned but for
 * the inner ones of a fused run. */
static void test_table_is_consistent(void **state) {
    const size_t step = ARENA_ALIGN / sizeof(real);
    struct param_table t;
    make_table(*state, 3, &t);
    size_t all = 0;
    int next = 0;
    for (int g = 0; g < t.n_groups; g++) {
        const struct group *group = &t.groups[g];
        size_t sum = 0, end = 0;
        assert_int_equal(group->first, next);
        assert_true(group->n > 0);
        for (int i = group->first; i < group->first + group->n; i++) {
            const struct param *p = &t.params[i];
            bool joined = strstr(p->name, "k_proj") || strstr(p->name, "v_proj") ||
                          strstr(p->name, "up_proj");
            assert_int_equal(p->group, g);
            assert_true(joined ? p->offset == end : p->offset >= end && p->offset % step == 0);
            assert_true(p->offset - end < step);
            end = p->offset + param_size(p);
            sum += param_size(p);
        }
        assert_int_equal(sum, group->parameters);
        assert_true(group->reals >= end && group->reals < end + step);
        assert_true((group->layer >= 0) == (strncmp(group->name, "block.", 6) == 0));
        next += group->n;
        all += sum;
    }
    assert_int_equal(next, t.n_params);
    assert_int_equal(all, t.parameters);
    assert_int_equal(t.n_groups, 2 + 3 * 3 + !t.config.tied);
    param_table_destroy(&t);
}

/* Each pointer of the views is the parameter of that name, or NULL when its group is frozen. */
static void test_views(void **state) {
    struct fixture f;
    bool learn[16] = {false};
    fixture_init(&f, *state, 1);
    const struct family_traits *traits = &family_traits[f.table.config.family];
    struct block_view v = weights_block(&f.w, 1, NULL);
    const real *named[16];
    size_t n = 0;
    for (int i = 0; i < f.table.n_params; i++)
        if (f.table.groups[f.table.params[i].group].layer == 1)
            named[n++] = weights_param(&f.w, i);
    if (traits->bias) {
        const real *expected[] = {v.qkv,   v.qkv_bias,   v.proj,  v.proj_bias,
                                  v.up,    v.up_bias,    v.down,  v.down_bias,
                                  v.norm1, v.norm1_bias, v.norm2, v.norm2_bias};
        assert_int_equal(n, COUNT(expected));
        assert_memory_equal(named, expected, sizeof expected);
        assert_null(v.q_norm);
    } else if (traits->qkv_bias) {
        const real *expected[] = {v.qkv,  named[1], named[2], v.qkv_bias, named[4], named[5],
                                  v.proj, v.up,     named[8], v.down,     v.norm1,  v.norm2};
        assert_int_equal(n, COUNT(expected));
        assert_memory_equal(named, expected, sizeof expected);
        assert_null(v.q_norm);
    } else {
        const real *expected[] = {v.qkv,  named[1], named[2], v.proj,   v.up,    named[5],
                                  v.down, v.norm1,  v.norm2,  v.q_norm, v.k_norm};
        assert_int_equal(n, COUNT(expected) - (traits->qk_norm ? 0 : 2));
        assert_memory_equal(named, expected, n * sizeof *named);
        assert_null(v.qkv_bias);
    }
    learn[f.table.params[0].group] = true; /* embed alone */
    v = weights_block(&f.w, 1, learn);
    assert_true(!v.qkv && !v.proj && !v.up && !v.down && !v.norm1 && !v.norm2 && !v.q_norm);
    struct outer_view all = weights_outer(&f.w, NULL), some = weights_outer(&f.w, learn);
    assert_true(all.embed == weights_param(&f.w, 0) && some.embed == all.embed);
    assert_true((all.head == all.embed) == f.table.config.tied);
    assert_true(some.head == (f.table.config.tied ? all.embed : NULL));
    assert_true(all.norm && !some.norm && !all.positions == traits->rotary);
    fixture_deinit(&f);
}

static void test_init(void **state) {
    struct fixture f, other;
    fixture_init(&f, *state, 1);
    fixture_init(&other, *state, 3);
    weights_init(&f.w, 42);
    weights_init(&other.w, 42);
    assert_true(weights_fingerprint(&f.w) == weights_fingerprint(&other.w));
    weights_init(&other.w, 43);
    assert_true(weights_fingerprint(&f.w) != weights_fingerprint(&other.w));
    for (int i = 0; i < f.table.n_params; i++) {
        const struct param *p = &f.table.params[i];
        bool residual = strstr(p->name, "c_proj.weight") || strstr(p->name, "o_proj") ||
                        strstr(p->name, "down_proj");
        bool gain = p->vector && !strstr(p->name, "bias");
        double squares = 0, expected = residual ? 0.02 / sqrt(2 * 2) : 0.02;
        if (residual && family_traits[f.table.config.family].rms) expected = 0;
        for (size_t j = 0; j < param_size(p); j++) {
            double x = (double)weights_param(&f.w, i)[j];
            if (p->vector) assert_true(x == (gain ? 1 : 0));
            squares += x * x;
        }
        /* the deviation's own deviation is 1/sqrt(2n); four of those are never exceeded here */
        if (expected == 0) assert_true(squares == 0);
        else if (!p->vector)
            assert_true(fabs(sqrt(squares / (double)param_size(p)) / expected - 1) <
                        4 / sqrt(2 * (double)param_size(p)));
    }
    fixture_deinit(&f);
    fixture_deinit(&other);
}

static void test_share_and_unshare(void **state) {
    struct fixture f;
    struct weights base;
    fixture_init(&f, *state, 1);
    uint64_t print = weights_fingerprint(&f.w), group = weights_fingerprint_group(&f.w, 1);
    assert_true(weights_share(&f.w, &base, NULL));
    assert_true(weights_fingerprint(&base) == print);
    assert_true(base.group[1] == f.w.group[1] && weights_distance(&f.w, &base, 1) == 0);
    weights_unshare(&base, 1);
    weights_unshare(&base, 1); /* its own by now: nothing happens */
    assert_true(base.group[1] != f.w.group[1] && base.group[2] == f.w.group[2]);
    double size = 0;
    for (size_t i = 0; i < f.table.groups[1].reals; i++)
        size += (double)f.w.group[1][i] * (double)f.w.group[1][i];
    f.w.group[1][0] += R(0.25);
    f.w.group[1][1] -= R(0.5);
    double expected = sqrt((0.25 * 0.25 + 0.5 * 0.5) / size);
    assert_true(fabs(weights_distance(&f.w, &base, 1) - expected) < 1e-6 * expected);
    assert_true(weights_fingerprint(&base) == print);
    assert_true(weights_fingerprint_group(&base, 1) == group);
    assert_true(weights_fingerprint_group(&f.w, 1) != group);
    weights_destroy(&base);
    weights_destroy(&base); /* an empty one is fine */
    fixture_deinit(&f);
}

/* ---- groups by name ---- */

static const struct select_case {
    const char *text, *formatted; /* formatted NULL: refused */
    const char *says;
} select_cases[] = {
    {"", "", NULL},
    {"  ", "", NULL},
    {"all", "all", NULL},
    {"embed", "embed", NULL},
    {"0", "0", NULL},
    {"block.0", "0", NULL},
    {"0-2", "0-2", NULL},
    {"0-3", "0-3", NULL},
    {"embed,0-2,block.3.attn", "embed,0-2,block.3.attn", NULL},
    {"2, 0 ,1", "0-2", NULL},
    {"block.1.attn,block.1.mlp,block.1.norm", "1", NULL},
    {"0,2-3,norm", "0,2-3,norm", NULL},
    {"block.0.norm,block.2.mlp,block.2.attn", "block.0.norm,block.2.attn,block.2.mlp", NULL},
    {"norm,head,embed,0-3", "all", NULL},
    {"embed,0-3,norm", "embed,0-3,norm", NULL},
    {"1,1,block.1", "1", NULL},
    {"head", "head", NULL},
    {"4", NULL, "no group \"4\" in this model"},
    {"2-4", NULL, "no group \"2-4\""},
    {"3-1", NULL, "no group \"3-1\""},
    {"-1", NULL, "no group \"-1\""},
    {"1-", NULL, "no group \"1-\""},
    {"0-99999999999999999999", NULL, "no group"},
    {"99999999999999999999", NULL, "no group"},
    {"4294967296", NULL, "no group"},
    {"embed,nonsense,0", NULL, "no group \"nonsense\""},
    {"block.1.", NULL, "no group"},
    {"block.", NULL, "no group"},
    {"block.01.attn", NULL, "no group"},
    {"block.0-2", NULL, "no group"},
    {"block.4.attn", NULL, "blocks 0-3"},
    {"embed,,0", NULL, "no group \"\""},
    {"Embed", NULL, "no group"},
};

static void test_select(void **state) {
    const struct select_case *c = *state;
    struct param_table t;
    struct err err = {0};
    struct buf text = {0};
    bool mask[16] = {false}, again[16] = {false};
    make_table(&model_cases[2], 4, &t); /* with a head of its own */
    assert_true(t.n_groups <= 16);
    assert_int_equal(groups_select(&t, c->text, mask, &err), c->formatted != NULL);
    if (!c->formatted) {
        assert_int_equal(err.code, ERR_RANGE);
        if (!strstr(err.msg, c->says)) fail_msg("\"%s\" lacks \"%s\"", err.msg, c->says);
        assert_memory_equal(mask, again, sizeof mask); /* an error selects nothing */
    } else {
        groups_format(&t, mask, &text);
        assert_string_equal(buf_text(&text), c->formatted);
        assert_true(groups_select(&t, buf_text(&text), again, &err));
        assert_memory_equal(mask, again, sizeof mask);
    }
    buf_deinit(&text);
    param_table_destroy(&t);
}

/* Every mask there is survives being written and read, behind text that is there already. */
static void test_every_mask(void **state) {
    struct param_table t;
    bool mask[16], again[16];
    (void)state;
    make_table(&model_cases[2], 3, &t);
    for (int bits = 0; bits < 1 << t.n_groups; bits++) {
        struct buf text = {0};
        for (int g = 0; g < t.n_groups; g++) mask[g] = bits >> g & 1;
        buf_str(&text, "frozen: ");
        groups_format(&t, mask, &text);
        memset(again, 0, sizeof again);
        assert_true(groups_select(&t, buf_text(&text) + 8, again, NULL));
        assert_memory_equal(mask, again, (size_t)t.n_groups);
        buf_deinit(&text);
    }
    param_table_destroy(&t);
}

static void test_tied_head_has_no_group(void **state) {
    struct param_table t;
    struct err err = {0};
    bool mask[16] = {false};
    (void)state;
    make_table(&model_cases[0], 2, &t);
    assert_false(groups_select(&t, "head", mask, &err));
    assert_non_null(strstr(err.msg, "tied to embed"));
    param_table_destroy(&t);
}

static void test_names(void **state) {
    static const struct {
        const char *name;
        int first, last;
    } expected[] = {{"embed", 0, 0},        {"block.0", 1, 3},      {"block.0.attn", 1, 1},
                    {"block.0.mlp", 2, 2},  {"block.0.norm", 3, 3}, {"block.1", 4, 6},
                    {"block.1.attn", 4, 4}, {"block.1.mlp", 5, 5},  {"block.1.norm", 6, 6},
                    {"norm", 7, 7},         {"head", 8, 8}};
    struct param_table t;
    int n;
    (void)state;
    make_table(&model_cases[1], 2, &t);
    struct named_group *all = groups_named(&t, &n, NULL);
    assert_int_equal(n, COUNT(expected));
    for (int i = 0; i < n; i++) {
        assert_string_equal(all[i].name, expected[i].name);
        assert_int_equal(all[i].first, expected[i].first);
        assert_int_equal(all[i].last, expected[i].last);
    }
    free(all);
    param_table_destroy(&t);
}

static struct CMUnitTest row(const char *name, CMUnitTestFunction test, const void *c) {
    return (struct CMUnitTest){.name = name, .test_func = test, .initial_state = (void *)c};
}

int main(void) {
    struct CMUnitTest tests[COUNT(row_cases) + 4 * PLAIN_CASES + COUNT(select_cases) + 3];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(row_cases); i++)
        tests[n++] = row(row_cases[i].name, test_row, &row_cases[i]);
    for (size_t i = 0; i < PLAIN_CASES; i++) {
        tests[n++] = row("table is consistent", test_table_is_consistent, &model_cases[i]);
        tests[n++] = row("views", test_views, &model_cases[i]);
        tests[n++] = row("init", test_init, &model_cases[i]);
        tests[n++] = row("share and unshare", test_share_and_unshare, &model_cases[i]);
    }
    for (size_t i = 0; i < COUNT(select_cases); i++)
        tests[n++] = row(select_cases[i].text, test_select, &select_cases[i]);
    tests[n++] = row("every mask", test_every_mask, NULL);
    tests[n++] = row("tied head has no group", test_tied_head_has_no_group, NULL);
    tests[n++] = row("names", test_names, NULL);
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
