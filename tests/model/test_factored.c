/* test_factored.c - a step whose head's gradient is left as factors has the norm, the update
 * and the rows of the same step with the gradient made; and the same bits for any number of
 * threads. In float, and in double to a tighter tolerance. */
#include "engine/model/factored.h"

#include <math.h>

#include "engine/optim/optim.h"
#include "model/model_fixture.h"

#ifdef THAW_DOUBLE
static const double tolerance = 1e-12;
#else
static const double tolerance = 3e-5;
#endif

enum { GROUPS_MAX = 16 };

/* A step of the fixture's batch, from the same weights each time. */
struct outcome {
    double loss, norm, norms[GROUPS_MAX], updates[GROUPS_MAX];
    uint64_t weights; /* fingerprint after the update */
};

static struct transformer *make(struct fixture *f, bool factors) {
    struct transformer_plan plan = fixture_plan;
    plan.factors = factors;
    struct transformer *tf = transformer_create(&f->table, plan, &f->ex, NULL);
    assert_non_null(tf);
    return tf;
}

static double train(struct fixture *f, struct transformer *tf, struct weights *g,
                    const bool *learn) {
    struct train_part part = fixture_part(f);
    part.first = part.whole = true;
    return transformer_train(tf, &f->w, g, learn, &part, NULL);
}

/* AdamW's first step goes by signs, its third also by sizes. */
static struct outcome steps(const struct model_case *c, int threads, bool factors,
                            const bool *learn) {
    const struct optim_settings s = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .decay = 0.1};
    struct outcome out = {0};
    struct fixture f;
    struct optim o;
    fixture_init(&f, c, threads);
    assert_true(f.table.n_groups <= GROUPS_MAX);
    assert_true(optim_create(&f.ex, &f.table, s, &o, NULL));
    struct transformer *tf = make(&f, factors);
    for (int i = 0; i < 3; i++) {
        out.loss = train(&f, tf, &f.g, learn);
        bool head = learn[f.table.params[factored_param(&f.table)].group];
        assert_int_equal(f.g.factored != NULL, factors && head);
        out.norm = grads_norm(&f.ex, &f.g, learn, NULL, out.norms);
        optim_step(&f.ex, &o, &f.w, &f.g, learn, 0.01, out.norm > 1 ? 1 / out.norm : 1,
                   out.updates);
    }
    out.weights = weights_fingerprint(&f.w);
    transformer_destroy(tf);
    optim_destroy(&o);
    fixture_deinit(&f);
    return out;
}

static void assert_near(const char *what, double a, double b) {
    if (!(fabs(a - b) <= tolerance * fmax(1e-3, fabs(b))))
        fail_msg("%s: %.17g instead of %.17g", what, a, b);
}

static void check_steps(const struct model_case *c) {
    static const char *const frozen[] = {"", "embed", "0-1", "embed,0", "norm"};
    struct fixture f;
    fixture_init(&f, c, 1);
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
        bool learn[GROUPS_MAX] = {false};
        assert_true(groups_select(&f.table, frozen[i], learn, NULL));
        for (int g = 0; g < GROUPS_MAX; g++) learn[g] = !learn[g];
        struct outcome whole = steps(c, 1, false, learn), parts = steps(c, 1, true, learn);
        assert_near("loss", parts.loss, whole.loss);
        assert_near("norm", parts.norm, whole.norm);
        for (int g = 0; g < f.table.n_groups; g++) {
            assert_near(f.table.groups[g].name, parts.norms[g], whole.norms[g]);
            assert_near(f.table.groups[g].name, parts.updates[g], whole.updates[g]);
        }
        for (int threads = 2; threads <= 4; threads++) {
            struct outcome more = steps(c, threads, true, learn);
            assert_memory_equal(&more, &parts, sizeof more);
        }
    }
    fixture_deinit(&f);
}

static void test_steps(void **state) { check_steps(*state); }

static void test_many_tiles(void **state) {
    struct model_case c = *(const struct model_case *)*state;
    c.config.vocab = 2 * FACTORED_ROWS + 5;
    check_steps(&c);
}

/* Every row of the gradient, and that its own memory is neither read nor written. */
static void test_rows(void **state) {
    struct fixture f;
    struct weights g;
    bool all[GROUPS_MAX];
    double norms[GROUPS_MAX];
    memset(all, true, sizeof all);
    fixture_init(&f, *state, 1);
    assert_true(weights_create(&f.table, &g, NULL));
    struct transformer *whole = make(&f, false), *parts = make(&f, true);
    train(&f, whole, &f.g, all);
    int param = factored_param(&f.table), from = 0, n = 0;
    const struct param *p = &f.table.params[param];
    for (size_t j = 0; j < param_size(p); j++) weights_param(&g, param)[j] = (real)NAN;
    train(&f, parts, &g, all);
    assert_int_equal(g.factored->param, param);
    assert_int_equal(factored_tiles(g.factored), 1);
    const real *rows = factored_tile(g.factored, 0, 0, &from, &n);
    assert_int_equal(from, 0);
    assert_int_equal(n, p->rows);
    for (size_t j = 0; j < param_size(p); j++)
        assert_near(p->name, (double)rows[j], (double)weights_param(&f.g, param)[j]);
    for (size_t j = 0; j < param_size(p); j++)
        assert_true(isnan((double)weights_param(&g, param)[j]));
    assert_near("norm", grads_norm(&f.ex, &g, NULL, NULL, norms),
                grads_norm(&f.ex, &f.g, NULL, NULL, norms));
    weights_destroy(&g);
    transformer_destroy(whole);
    transformer_destroy(parts);
    fixture_deinit(&f);
}

/* A part that others follow adds to the gradient's own memory, as ever. */
static void test_parts(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    struct transformer *tf = make(&f, true);
    struct train_part part = fixture_part(&f);
    transformer_train(tf, &f.w, &f.g, NULL, &part, NULL);
    assert_null(f.g.factored);
    transformer_destroy(tf);
    fixture_deinit(&f);
}

/* A gradient that is no number is seen in the norm. */
static void test_no_number(void **state) {
    struct fixture f;
    double norms[GROUPS_MAX];
    fixture_init(&f, *state, 1);
    struct transformer *tf = make(&f, true);
    weights_param(&f.w, factored_param(&f.table))[5] = (real)INFINITY;
    train(&f, tf, &f.g, NULL);
    assert_false(isfinite(grads_norm(&f.ex, &f.g, NULL, NULL, norms)));
    transformer_destroy(tf);
    fixture_deinit(&f);
}

static void test_pays(void **state) {
    (void)state;
    struct model_config gpt2 = {.vocab = 50257, .width = 768},
                        small = {.vocab = 4096, .width = 192};
    assert_true(factored_pays(&gpt2, 256));
    assert_true(factored_pays(&gpt2, 384));
    assert_false(factored_pays(&gpt2, 385));
    assert_false(factored_pays(&small, 16));
}

int main(void) {
    static const struct model_check checks[] = {
        {"steps", test_steps},         {"steps of many tiles", test_many_tiles},
        {"rows", test_rows},           {"parts", test_parts},
        {"no number", test_no_number}, {"when it pays", test_pays}};
    return run_model_checks("factored", checks, COUNT(checks));
}
