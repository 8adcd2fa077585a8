/* test_in_grads.c - activations that stand in memory of gradients leave every bit of a step as
 * it is, whatever learns, and save what is said. */
#include "engine/optim/optim.h"
#include "model/model_fixture.h"

enum { GROUPS_MAX = 24, LAYERS = 4 };

static struct transformer *make(struct fixture *f, bool in_grads, bool factors) {
    struct transformer_plan plan = fixture_plan;
    plan.in_grads = in_grads;
    plan.factors = factors;
    struct transformer *tf = transformer_create(&f->table, plan, &f->ex, NULL);
    assert_non_null(tf);
    return tf;
}

static struct model_case deep(const void *state) {
    struct model_case c = *(const struct model_case *)state;
    c.config.layers = LAYERS;
    return c;
}

struct outcome {
    double loss, norms[GROUPS_MAX];
    uint64_t weights; /* fingerprint after the last update */
};

/* Three steps, of which the second is in two parts. */
static struct outcome steps(const struct model_case *c, int threads, bool in_grads,
                            bool factors, const bool *learn) {
    const struct optim_settings s = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .decay = 0.1};
    struct outcome out = {0};
    double updates[GROUPS_MAX];
    struct fixture f;
    struct optim o;
    fixture_init(&f, c, threads);
    assert_true(f.table.n_groups <= GROUPS_MAX);
    assert_true(optim_create(&f.ex, &f.table, s, &o, NULL));
    struct transformer *tf = make(&f, in_grads, factors);
    for (int step = 0; step < 3; step++) {
        int parts = step == 1 ? 2 : 1;
        for (int i = 0; i < parts; i++) {
            struct train_part part = fixture_part(&f);
            part.first = i == 0;
            part.whole = parts == 1;
            part.weight = 1.0 / parts;
            out.loss = transformer_train(tf, &f.w, &f.g, learn, &part, NULL);
        }
        grads_norm(&f.ex, &f.g, learn, NULL, out.norms);
        optim_step(&f.ex, &o, &f.w, &f.g, learn, 0.01, 1, updates);
    }
    out.weights = weights_fingerprint(&f.w);
    transformer_destroy(tf);
    optim_destroy(&o);
    fixture_deinit(&f);
    return out;
}

static void test_same_bits(void **state) {
    static const char *const frozen[] = {"",          "embed",       "1",   "0,2",
                                         "embed,0-1", "block.1.mlp", "base"};
    struct model_case c = deep(*state);
    struct fixture f;
    fixture_init(&f, &c, 1);
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
        bool learn[GROUPS_MAX] = {false};
        if (c.config.adapter.rank == 0 && i + 1 == sizeof frozen / sizeof *frozen) break;
        assert_true(groups_select(&f.table, frozen[i], learn, NULL));
        for (int g = 0; g < GROUPS_MAX; g++) learn[g] = !learn[g];
        for (int factors = 0; factors <= 1; factors++) {
            struct outcome apart = steps(&c, 1, false, factors, learn);
            for (int threads = 1; threads <= 3; threads++) {
                struct outcome inside = steps(&c, threads, true, factors, learn);
                assert_memory_equal(&inside, &apart, sizeof apart);
            }
        }
    }
    fixture_deinit(&f);
}

/* Adapters alone leave the places of all other gradients untouched: nothing may stand there. */
static void test_bytes(void **state) {
    struct model_case c = deep(*state);
    struct transformer_plan plan = fixture_plan;
    struct fixture f;
    bool learn[GROUPS_MAX] = {false};
    fixture_init(&f, &c, 1);
    plan.in_grads = true;
    size_t all = transformer_bytes(&f.table.config, plan, 1),
           spared = transformer_bytes_in_grads(&f.table, plan, NULL);
    assert_true(spared > 0 && spared < all);
    learn[f.table.blocks[LAYERS - 1]] = true;
    assert_int_equal(transformer_bytes_in_grads(&f.table, plan, learn), 0);
    learn[f.table.blocks[LAYERS - 2]] = learn[f.table.blocks[LAYERS - 2] + 1] = true;
    size_t one = transformer_bytes_in_grads(&f.table, plan, learn);
    assert_int_equal(one * (LAYERS - 1), spared);
    plan.recompute = true;
    assert_int_equal(transformer_bytes_in_grads(&f.table, plan, NULL), 0);
    plan = fixture_plan;
    assert_int_equal(transformer_bytes_in_grads(&f.table, plan, NULL), 0);
    fixture_deinit(&f);
}

int main(void) {
    static const struct model_check checks[] = {{"same bits", test_same_bits},
                                                {"bytes", test_bytes}};
    return run_model_checks("in_grads", checks, COUNT(checks));
}
