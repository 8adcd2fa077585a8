/* test_shares.c - a batch that is cut into shares gives what its sequences give one by one, and
 * the same bits for any number of threads. Runs in float, and in double to a tighter tolerance.
 */
#include "model/model_fixture.h"

#include <math.h>

enum {
    BATCH = 75,
    TIME = 7, /* rows enough for turned matrices */
    ROWS = BATCH * TIME,
    GROUPS_MAX = 16
}; /* shares of nine, and one of three */

#ifdef THAW_DOUBLE
static const double tolerance = 1e-13;
#else
static const double tolerance = 2e-5;
#endif

struct bed {
    struct fixture f;
    struct transformer *tf, *one; /* for the batch; for a sequence */
    int32_t tokens[ROWS], targets[ROWS];
};

static struct bed *bed_create(const struct model_case *c, int threads, bool recompute) {
    struct transformer_plan plan = {
        .batch = BATCH, .time = TIME, .backward = true, .recompute = recompute};
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_init(&b->f, c, threads);
    b->tf = transformer_create(&b->f.table, plan, &b->f.ex, NULL);
    plan.batch = 1;
    b->one = transformer_create(&b->f.table, plan, &b->f.ex, NULL);
    assert_true(b->tf && b->one);
    struct rng r = rng_make(4, 0, 0);
    for (int i = 0; i < ROWS; i++) {
        b->tokens[i] = (int32_t)rng_below(&r, (uint64_t)b->f.table.config.vocab);
        b->targets[i] = (int32_t)rng_below(&r, (uint64_t)b->f.table.config.vocab);
    }
    b->targets[7] = -1; /* does not count */
    return b;
}

static void bed_destroy(struct bed *b) {
    transformer_destroy(b->tf);
    transformer_destroy(b->one);
    fixture_deinit(&b->f);
    free(b);
}

/* What a step's first part must not see. */
static void spoil(struct weights *g) {
    for (int i = 0; i < g->table->n_params; i++)
        for (size_t j = 0; j < param_size(&g->table->params[i]); j++)
            weights_param(g, i)[j] = (real)NAN;
}

static double train_batch(struct bed *b, struct weights *g, const bool *learn) {
    struct train_part all = {.tokens = b->tokens,
                             .targets = b->targets,
                             .batch = BATCH,
                             .time = TIME,
                             .weight = 1,
                             .first = true};
    spoil(g);
    return transformer_train(b->tf, &b->f.w, g, learn, &all, NULL);
}

static double train_one_by_one(struct bed *b, struct weights *g, const bool *learn) {
    double sum = 0;
    spoil(g);
    for (int i = 0; i < BATCH; i++) {
        const int32_t *targets = b->targets + (size_t)i * TIME;
        struct train_part part = {.tokens = b->tokens + (size_t)i * TIME,
                                  .targets = targets,
                                  .batch = 1,
                                  .time = TIME,
                                  .first = i == 0,
                                  .weight = (double)targets_counted(targets, TIME) /
                                            (double)targets_counted(b->targets, ROWS)};
        sum += part.weight * transformer_train(b->one, &b->f.w, g, learn, &part, NULL);
    }
    return sum;
}

static void assert_close(const struct weights *a, const struct weights *b, const bool *learn) {
    for (int i = 0; i < a->table->n_groups; i++)
        for (size_t j = 0; learn[i] && j < a->table->groups[i].reals; j++) {
            double x = (double)a->group[i][j], y = (double)b->group[i][j];
            if (!(fabs(x - y) <= tolerance * fmax(1, fabs(y))))
                fail_msg("%s[%zu]: %.17g instead of %.17g", a->table->groups[i].name, j, x, y);
        }
}

static void test_sum_of_sequences(void **state) {
    static const char *const frozen[] = {
        "", "embed", "embed,0", "0", "block.1.mlp", "embed,block.0.attn", "embed,0,1", "all"};
    struct bed *b = bed_create(*state, 2, false);
    struct weights one;
    assert_true(weights_create(&b->f.table, &one, NULL));
    for (size_t k = 0; k < COUNT(frozen); k++) {
        bool learn[GROUPS_MAX] = {false};
        assert_true(groups_select(&b->f.table, frozen[k], learn, NULL));
        for (int i = 0; i < b->f.table.n_groups; i++) learn[i] = !learn[i];
        double whole = train_batch(b, &b->f.g, learn), sum = train_one_by_one(b, &one, learn);
        assert_true(fabs(whole - sum) <= tolerance * sum);
        assert_close(&b->f.g, &one, learn);
    }
    weights_destroy(&one);
    bed_destroy(b);
}

/* However many threads take shares, and whether activations are kept or made again. */
static void test_same_bits(void **state) {
    uint64_t first = 0;
    double first_loss = 0;
    for (int threads = 1; threads <= 5; threads++) {
        struct bed *b = bed_create(*state, threads, threads == 2);
        double loss = train_batch(b, &b->f.g, NULL);
        uint64_t print = weights_fingerprint(&b->f.g);
        if (threads == 1) first = print, first_loss = loss;
        assert_true(print == first && loss == first_loss);
        bed_destroy(b);
    }
}

/* What only reads sees the same as what trains. */
static void test_loss_only(void **state) {
    struct bed *b = bed_create(*state, 3, false);
    double trained = train_batch(b, &b->f.g, NULL);
    double read =
        transformer_loss(b->tf, &b->f.w, b->tokens, b->targets, BATCH, TIME, NULL, NULL);
    assert_true(fabs(trained - read) <= tolerance * trained);
    bed_destroy(b);
}

/* ---- who waits for gradients ---- */

struct told {
    const struct weights *g;
    uint64_t print[GROUPS_MAX]; /* of the group's gradients when it was told */
    int order[GROUPS_MAX], n;
};

static void keep(void *ctx, int first, int end) {
    struct told *t = ctx;
    for (int g = first; g < end; g++) {
        t->print[g] = weights_fingerprint_group(t->g, g);
        t->order[t->n++] = g;
    }
}

/* Each group of the cut or above is told once, from above, with the gradients that it keeps. */
static void check_ready(struct bed *b, const char *frozen, bool alone) {
    struct told told = {.g = &b->f.g};
    bool learn[GROUPS_MAX] = {false};
    const struct grads_ready ready = {keep, &told};
    assert_true(groups_select(&b->f.table, frozen, learn, NULL));
    for (int i = 0; i < b->f.table.n_groups; i++) learn[i] = !learn[i];
    struct train_part part = {.tokens = b->tokens,
                              .targets = b->targets,
                              .batch = alone ? 1 : BATCH,
                              .time = TIME,
                              .weight = 1,
                              .first = true,
                              .ready = &ready};
    spoil(&b->f.g);
    transformer_train(alone ? b->one : b->tf, &b->f.w, &b->f.g, learn, &part, NULL);
    int cut = transformer_cut(&b->f.table, learn), layers = b->f.table.config.layers;
    int lowest = cut > 0 ? b->f.table.blocks[cut] : 0, n = 0;
    for (int l = layers; l >= cut; l--) {
        int end = l < layers ? b->f.table.blocks[l + 1] : b->f.table.n_groups;
        int mlp = b->f.table.blocks[l] + 1;
        bool split = l == cut && l < layers && told.order[n] == mlp; /* its mlp learns */
        if (split) n++;
        for (int g = b->f.table.blocks[l]; g < end; g++)
            if (!split || g != mlp) assert_int_equal(told.order[n++], g);
    }
    if (cut == 0) assert_int_equal(told.order[n++], 0);
    assert_int_equal(told.n, n);
    for (int g = lowest; g < b->f.table.n_groups; g++)
        assert_true(told.print[g] == weights_fingerprint_group(&b->f.g, g));
}

static void test_ready(void **state) {
    static const char *const frozen[] = {"", "embed", "embed,0", "embed,0,1", "block.1.mlp"};
    for (int recompute = 0; recompute < 2; recompute++) {
        struct bed *b = bed_create(*state, 2, recompute);
        for (size_t i = 0; i < 2 * COUNT(frozen); i++) check_ready(b, frozen[i / 2], i % 2);
        bed_destroy(b);
    }
}

int main(void) {
    static const struct model_check checks[] = {
        {"the sum of its sequences", test_sum_of_sequences},
        {"same bits", test_same_bits},
        {"loss only", test_loss_only},
        {"who waits for gradients", test_ready}};
    return run_model_checks("shares", checks, COUNT(checks));
}
