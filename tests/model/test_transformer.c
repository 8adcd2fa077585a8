/* test_transformer.c - memory, threads and shapes of the forward and backward passes. */
#include "model/model_fixture.h"

#include <math.h>
#include <sys/mman.h>

#include "engine/core/arena.h"
#include "engine/optim/optim.h"

/* ---- allocations are counted: the linker puts these in front (tests/CMakeLists.txt) ---- */

static int allocations;
static size_t reserved; /* bytes of the last arena */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
struct arena *__real_arena_create(size_t capacity, struct err *err);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
struct arena *__wrap_arena_create(size_t capacity, struct err *err);

void *__wrap_malloc(size_t n) {
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size) {
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
    allocations++;
    return __real_realloc(p, n);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    allocations++;
    return __real_mmap(at, n, protection, flags, fd, offset);
}

struct arena *__wrap_arena_create(size_t capacity, struct err *err) {
    reserved = capacity;
    return __real_arena_create(capacity, err);
}

static void test_bytes_are_what_is_reserved(void **state) {
    struct fixture f;
    for (int threads = 1; threads <= 3; threads += 2) {
        fixture_init(&f, *state, threads);
        for (int kind = 0; kind < 3; kind++) {
            struct transformer_plan plan = {
                .batch = 3, .time = FIXTURE_TIME, .backward = kind > 0, .recompute = kind > 1};
            struct transformer *tf = transformer_create(&f.table, plan, &f.ex, NULL);
            assert_non_null(tf);
            assert_int_equal(reserved, transformer_bytes(&f.table.config, plan, threads));
            transformer_destroy(tf);
        }
        fixture_deinit(&f);
    }
}

static void test_step_allocates_nothing(void **state) {
    struct fixture f;
    struct optim optim;
    double norms[16], updates[16];
    struct optim_settings settings = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = 0.1};
    fixture_init(&f, *state, 2);
    int before = allocations;
    assert_true(optim_create(&f.ex, &f.table, settings, &optim, NULL));
    assert_true(allocations > before); /* the count counts */
    before = allocations;
    for (int step = 0; step < 3; step++) {
        grads_clear(&f.g);
        fixture_train(&f, &f.g, NULL);
        grads_norm(&f.ex, &f.g, NULL, NULL, norms);
        optim_step(&f.ex, &optim, &f.w, &f.g, NULL, 1e-3, 1, updates);
        transformer_loss(f.tf, &f.w, f.tokens, f.targets, FIXTURE_BATCH, FIXTURE_TIME, NULL,
                         NULL);
    }
    assert_int_equal(allocations, before);
    optim_destroy(&optim);
    fixture_deinit(&f);
}

/* A transformer made for more gives the bits of one made for just this. */
static void test_smaller_shapes(void **state) {
    struct fixture f;
    struct weights g;
    fixture_init(&f, *state, 1);
    assert_true(weights_create(&f.table, &g, NULL));
    struct transformer_plan plan = {.batch = 1, .time = 3, .backward = true};
    struct transformer *exact = transformer_create(&f.table, plan, &f.ex, NULL);
    assert_non_null(exact);
    struct train_part part = {
        .tokens = f.tokens, .targets = f.targets, .batch = 1, .time = 3, .weight = 1};
    double a = transformer_train(f.tf, &f.w, &f.g, NULL, &part, NULL);
    double b = transformer_train(exact, &f.w, &g, NULL, &part, NULL);
    assert_true(a == b);
    assert_true(weights_fingerprint(&g) == weights_fingerprint(&f.g));
    transformer_destroy(exact);
    weights_destroy(&g);
    fixture_deinit(&f);
}

/* ---- recomputation ---- */

static void same_gradients(struct fixture *f, struct transformer *again, struct weights *g,
                           const bool *learn) {
    grads_clear(&f->g);
    grads_clear(g);
    double a = fixture_train(f, &f->g, learn);
    struct train_part whole = fixture_part(f);
    double b = transformer_train(again, &f->w, g, learn, &whole, NULL);
    assert_true(a == b);
    for (int i = 0; i < f->table.n_groups; i++)
        assert_memory_equal(f->g.group[i], g->group[i],
                            f->table.groups[i].reals * sizeof(real));
}

/* What is made again is the same bits: every gradient, whatever is frozen. */
static void test_recomputed_gradients(void **state) {
    static const char *const frozen[] = {"",        "embed",          "embed,0",      "1",
                                         "embed,1", "embed,0,2,norm", "block.2.attn", "all"};
    struct model_case deeper = *(const struct model_case *)*state;
    struct transformer_plan plan = fixture_plan;
    struct fixture f;
    struct weights g;
    deeper.config.layers = 3;
    fixture_init(&f, &deeper, 2);
    assert_true(weights_create(&f.table, &g, NULL));
    plan.recompute = true;
    struct transformer *again = transformer_create(&f.table, plan, &f.ex, NULL);
    assert_non_null(again);
    for (size_t i = 0; i < COUNT(frozen); i++) {
        bool learn[16] = {false};
        assert_true(groups_select(&f.table, frozen[i], learn, NULL));
        for (int k = 0; k < f.table.n_groups; k++) learn[k] = !learn[k];
        same_gradients(&f, again, &g, learn);
    }
    transformer_destroy(again);
    weights_destroy(&g);
    fixture_deinit(&f);
}

/* One more block costs its input, no more; and what gradients are made of stands once, not
 * twice. */
static void test_recompute_keeps_inputs_only(void **state) {
    struct transformer_plan plan = {.batch = 16, .time = FIXTURE_TIME, .backward = true};
    struct fixture f;
    fixture_init(&f, *state, 1);
    struct model_config c = f.table.config;
    size_t input = arena_round((size_t)(16 * FIXTURE_TIME * c.width) * sizeof(real));
    size_t all = transformer_bytes(&c, plan, 1);
    c.layers++;
    size_t block = transformer_bytes(&c, plan, 1) - all;
    plan.recompute = true;
    size_t one_more = transformer_bytes(&c, plan, 1);
    c.layers--;
    size_t inputs = transformer_bytes(&c, plan, 1);
    assert_int_equal(one_more - inputs, input);
    assert_true(all - inputs > (size_t)(c.layers - 1) * (block - input));
    assert_true(block > 4 * input);
    fixture_deinit(&f);
}

/* nll and hit of each row agree with the logits; ignored rows have neither. */
static void test_rows_of_the_loss(void **state) {
    struct fixture f;
    real logits[FIXTURE_ROWS * 16], nll[FIXTURE_ROWS];
    uint8_t hit[FIXTURE_ROWS];
    fixture_init(&f, *state, 1);
    int vocab = f.table.config.vocab, counted = 0;
    transformer_logits(f.tf, &f.w, f.tokens, FIXTURE_BATCH, FIXTURE_TIME, logits);
    f.targets[1] = 0;
    for (int i = 1; i < vocab; i++) /* one that is right for certain */
        if (logits[vocab + i] > logits[vocab + f.targets[1]]) f.targets[1] = i;
    double mean = transformer_loss(f.tf, &f.w, f.tokens, f.targets, FIXTURE_BATCH, FIXTURE_TIME,
                                   nll, hit);
    double total = 0;
    for (int r = 0; r < FIXTURE_ROWS; r++) {
        const real *z = logits + r * vocab;
        int best = 0;
        double sum = 0;
        for (int i = 0; i < vocab; i++) {
            if (z[i] > z[best]) best = i;
            sum += exp((double)z[i]);
        }
        bool counts = f.targets[r] >= 0;
        double expected = counts ? log(sum) - (double)z[f.targets[r]] : 0;
        assert_true(fabs((double)nll[r] - expected) < 1e-5);
        assert_int_equal(hit[r], counts && f.targets[r] == best);
        total += (double)nll[r];
        counted += counts;
    }
    assert_int_equal(counted, FIXTURE_ROWS - 1);
    assert_true(fabs(mean - total / counted) < 1e-12);
    assert_int_equal(hit[1], 1);
    fixture_deinit(&f);
}

static void test_nothing_counts(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    for (int r = 0; r < FIXTURE_ROWS; r++) f.targets[r] = -1;
    assert_true(fixture_train(&f, &f.g, NULL) == 0);
    for (int g = 0; g < f.table.n_groups; g++)
        for (size_t i = 0; i < f.table.groups[g].reals; i++) assert_true(f.g.group[g][i] == 0);
    fixture_deinit(&f);
}

/* A weight that is not a number must show in the loss, not be lost on the way. */
static void test_broken_weight_shows(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    weights_block(&f.w, 0, NULL).down[0] = (real)NAN;
    assert_true(isnan(fixture_train(&f, &f.g, NULL)));
    fixture_deinit(&f);
}

/* ---- the same bits for any number of threads: large enough for several tiles of each op ----
 */

static const struct model_case large_cases[] = {
    {"gpt2",
     {.family = FAMILY_GPT2,
      .layers = 2,
      .heads = 3,
      .width = 72,
      .ffn = 530,
      .context = 150,
      .vocab = 700,
      .tied = true}},
    {"qwen3",
     {.family = FAMILY_QWEN3,
      .layers = 2,
      .heads = 4,
      .kv_heads = 2,
      .width = 72,
      .head_dim = 26,
      .ffn = 270,
      .context = 150,
      .vocab = 700}},
};

static uint64_t train_ten_steps(const struct model_case *c, int threads) {
    enum { BATCH = 3, TIME = 140, ROWS = BATCH * TIME, STEPS = 10 };
    static int32_t tokens[ROWS + 1];
    struct fixture f;
    struct optim optim;
    double norms[16], updates[16];
    struct optim_settings settings = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = 0.1};
    struct transformer_plan plan = {.batch = BATCH, .time = TIME, .backward = true};
    fixture_init(&f, c, threads);
    assert_true(optim_create(&f.ex, &f.table, settings, &optim, NULL));
    struct transformer *tf = transformer_create(&f.table, plan, &f.ex, NULL);
    assert_non_null(tf);
    weights_init(&f.w, 5);
    for (int step = 0; step < STEPS; step++) {
        struct rng r = rng_make(8, (uint64_t)step, 0);
        for (int i = 0; i <= ROWS; i++)
            tokens[i] = (int32_t)rng_below(&r, (uint64_t)f.table.config.vocab);
        grads_clear(&f.g);
        struct train_part part = {
            .tokens = tokens, .targets = tokens + 1, .batch = BATCH, .time = TIME, .weight = 1};
        transformer_train(tf, &f.w, &f.g, NULL, &part, NULL);
        double norm = grads_norm(&f.ex, &f.g, NULL, NULL, norms);
        optim_step(&f.ex, &optim, &f.w, &f.g, NULL, 1e-3, norm > 1 ? 1 / norm : 1, updates);
    }
    uint64_t print = weights_fingerprint(&f.w);
    transformer_destroy(tf);
    optim_destroy(&optim);
    fixture_deinit(&f);
    return print;
}

static void test_any_number_of_threads(void **state) {
    uint64_t one = train_ten_steps(*state, 1);
    for (int threads = 2; threads <= 4; threads++)
        assert_true(train_ten_steps(*state, threads) == one);
}

int main(void) {
    static const CMUnitTestFunction checks[] = {test_bytes_are_what_is_reserved,
                                                test_step_allocates_nothing,
                                                test_smaller_shapes,
                                                test_rows_of_the_loss,
                                                test_nothing_counts,
                                                test_broken_weight_shows,
                                                test_recomputed_gradients,
                                                test_recompute_keeps_inputs_only};
    static const char *const words[] = {"bytes are what is reserved",
                                        "a step allocates nothing",
                                        "smaller shapes",
                                        "rows of the loss",
                                        "nothing counts",
                                        "a broken weight shows",
                                        "recomputed gradients",
                                        "recompute keeps inputs only"};
    struct CMUnitTest tests[COUNT(checks) * COUNT(model_cases) + COUNT(large_cases)];
    static char names[COUNT(tests)][96];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(checks) * COUNT(model_cases); i++, n++) {
        const struct model_case *c = &model_cases[i / COUNT(checks)];
        snprintf(names[n], sizeof names[n], "%s: %s", c->name, words[i % COUNT(checks)]);
        tests[n] = (struct CMUnitTest){.name = names[n],
                                       .test_func = checks[i % COUNT(checks)],
                                       .initial_state = (void *)c};
    }
    for (size_t i = 0; i < COUNT(large_cases); i++, n++) {
        snprintf(names[n], sizeof names[n], "%s: same bits with 1 to 4 threads",
                 large_cases[i].name);
        tests[n] = (struct CMUnitTest){.name = names[n],
                                       .test_func = test_any_number_of_threads,
                                       .initial_state = (void *)&large_cases[i]};
    }
    return cmocka_run_group_tests_name("transformer", tests, NULL, NULL);
}
