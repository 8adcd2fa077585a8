/* test_prefix.c - what lies below the lowest group that learns, computed, kept and taken again.
 */
#include "model/model_fixture.h"

#include "engine/optim/optim.h"

enum { BATCH = 7, TIME = 33, ROWS = BATCH * TIME, WIDTH = 48, MAX_GROUPS = 16 };

static const struct prefix_case {
    const char *name;
    struct model_config config;
    const char *frozen;
    int cut;
} prefix_cases[] = {
    {"gpt2", {.family = FAMILY_GPT2, .heads = 3, .ffn = 101, .tied = true}, "embed,0", 1},
    {"gpt2, all blocks", {.family = FAMILY_GPT2, .heads = 3, .ffn = 101}, "embed,0-2", 3},
    {"llama", {.family = FAMILY_LLAMA, .heads = 4, .kv_heads = 2}, "embed,0-1", 2},
    {"qwen3", {.family = FAMILY_QWEN3, .heads = 4, .kv_heads = 2}, "embed,0,block.1.attn", 1},
    {"qwen3, nothing learns", {.family = FAMILY_QWEN3, .heads = 3, .tied = true}, "all", 3},
};

/* A model with room for a batch and a memory for each of its sequences. */
struct bed {
    struct fixture f;
    struct transformer *tf;
    bool learn[MAX_GROUPS], known[BATCH];
    int32_t tokens[ROWS + 1];
    real memory[BATCH][TIME * WIDTH];
    real *rows[BATCH];
};

static struct bed *bed_create(const struct prefix_case *c, int threads, bool recompute) {
    struct model_case model = {c->name, c->config};
    struct transformer_plan plan = {
        .batch = BATCH, .time = TIME, .backward = true, .recompute = recompute};
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    model.config.layers = 3;
    model.config.width = WIDTH;
    model.config.context = TIME;
    model.config.vocab = 50;
    fixture_init(&b->f, &model, threads);
    b->tf = transformer_create(&b->f.table, plan, &b->f.ex, NULL);
    assert_non_null(b->tf);
    assert_true(groups_select(&b->f.table, c->frozen, b->learn, NULL));
    for (int g = 0; g < b->f.table.n_groups; g++) b->learn[g] = !b->learn[g];
    assert_int_equal(transformer_cut(&b->f.table, b->learn), c->cut);
    struct rng r = rng_make(21, 0, 0);
    for (int i = 0; i <= ROWS; i++) b->tokens[i] = (int32_t)rng_below(&r, 50);
    for (int i = 0; i < BATCH; i++) b->rows[i] = b->memory[i];
    return b;
}

static void bed_destroy(struct bed *b) {
    transformer_destroy(b->tf);
    fixture_deinit(&b->f);
    free(b);
}

/* Loss and a fingerprint of all gradients of sequences [first, first + n). */
struct outcome {
    double loss;
    uint64_t print, flops;
};

static struct outcome train_part_of(struct bed *b, int first, int n, bool with_memory) {
    size_t at = (size_t)first * TIME;
    struct prefix prefix = {b->rows + first, b->known + first};
    struct train_part part = {.tokens = b->tokens + at,
                              .targets = b->tokens + at + 1,
                              .batch = n,
                              .time = TIME,
                              .weight = 1,
                              .prefix = with_memory ? &prefix : NULL};
    uint64_t before = b->f.ex.flops;
    grads_clear(&b->f.g);
    double loss = transformer_train(b->tf, &b->f.w, &b->f.g, b->learn, &part, NULL);
    return (struct outcome){loss, weights_fingerprint(&b->f.g), b->f.ex.flops - before};
}

static void assert_same(struct outcome a, struct outcome b) {
    assert_true(a.loss == b.loss);
    assert_true(a.print == b.print);
}

/* Whichever sequences are known, and however many threads there are. */
static void test_known_or_not(void **state) {
    struct outcome first = {0};
    for (int threads = 1; threads <= 9;
         threads += 2) { /* with 9 there are more than sequences */
        struct bed *b = bed_create(*state, threads, threads == 3);
        struct outcome bare = train_part_of(b, 0, BATCH, false);
        if (threads == 1) first = bare;
        assert_same(first, bare);
        assert_same(first, train_part_of(b, 0, BATCH, true)); /* computes and keeps all */
        for (int mask = 0; mask < 1 << BATCH; mask += 5) {
            for (int i = 0; i < BATCH; i++) {
                b->known[i] = mask >> i & 1;
                if (!b->known[i]) memset(b->memory[i], 0xff, sizeof b->memory[i]);
            }
            assert_same(first, train_part_of(b, 0, BATCH, true));
        }
        b->rows[2] = NULL; /* no memory for one */
        for (int i = 0; i < BATCH; i++) b->known[i] = true;
        assert_same(first, train_part_of(b, 0, BATCH, true));
        bed_destroy(b);
    }
}

/* A sequence's output is its own: kept from one grouping, it serves any other. */
static void test_any_company(void **state) {
    struct bed *b = bed_create(*state, 2, false);
    for (int n = 1; n <= BATCH; n++) {
        memset(b->known, 0, sizeof b->known);
        struct outcome whole = train_part_of(b, 0, BATCH, true); /* all together */
        real(*together)[TIME * WIDTH] = malloc(sizeof b->memory);
        assert_non_null(together);
        memcpy(together, b->memory, sizeof b->memory);
        memset(b->memory, 0, sizeof b->memory);
        for (int i = 0; i < BATCH; i += n)
            train_part_of(b, i, i + n > BATCH ? BATCH - i : n, true);
        assert_memory_equal(together, b->memory, sizeof b->memory);
        memset(b->known, 1, sizeof b->known);
        assert_same(whole, train_part_of(b, 0, BATCH, true));
        free(together);
    }
    bed_destroy(b);
}

/* What is known costs nothing: a step is cheaper by the forward of all that is below the cut.
 */
static void test_known_is_free(void **state) {
    const struct prefix_case *c = *state;
    struct bed *b = bed_create(c, 2, false);
    uint64_t before = b->f.ex.flops;
    transformer_loss(b->tf, &b->f.w, b->tokens, b->tokens + 1, BATCH, TIME, NULL, NULL);
    uint64_t forward = b->f.ex.flops - before; /* blocks and head */
    uint64_t head = 2 * (uint64_t)ROWS * WIDTH * (uint64_t)b->f.table.config.vocab;
    uint64_t block = (forward - head) / (uint64_t)b->f.table.config.layers;
    uint64_t computed = train_part_of(b, 0, BATCH, true).flops;
    memset(b->known, 1, sizeof b->known);
    assert_int_equal(computed - train_part_of(b, 0, BATCH, true).flops,
                     (uint64_t)c->cut * block);
    b->known[3] = b->known[4] = false;
    assert_int_equal(computed - train_part_of(b, 0, BATCH, true).flops,
                     (uint64_t)c->cut * block / BATCH * (BATCH - 2));
    bed_destroy(b);
}

/* The lowest group that learns decides; the embedding lies below all. */
static void test_cut(void **state) {
    static const struct {
        const char *frozen;
        int cut;
    } cases[] = {{"", 0},          {"0-2", 0},
                 {"embed", 0},     {"embed,0", 1},
                 {"embed,1", 0},   {"embed,0,2", 1},
                 {"embed,0-2", 3}, {"all", 3},
                 {"norm", 0},      {"embed,block.0.attn", 0}};
    struct bed *b = bed_create(*state, 1, false);
    assert_int_equal(transformer_cut(&b->f.table, NULL), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool learn[MAX_GROUPS] = {false};
        assert_true(groups_select(&b->f.table, cases[i].frozen, learn, NULL));
        for (int g = 0; g < b->f.table.n_groups; g++) learn[g] = !learn[g];
        assert_int_equal(transformer_cut(&b->f.table, learn), cases[i].cut);
    }
    bed_destroy(b);
}

int main(void) {
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } checks[] = {{"known or not", test_known_or_not},
                  {"any company", test_any_company},
                  {"known is free", test_known_is_free},
                  {"cut", test_cut}};
    static char names[COUNT(checks) * COUNT(prefix_cases)][96];
    struct CMUnitTest tests[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct prefix_case *c = &prefix_cases[i / COUNT(checks)];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, checks[i % COUNT(checks)].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = checks[i % COUNT(checks)].run,
                                       .initial_state = (void *)c};
    }
    return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
