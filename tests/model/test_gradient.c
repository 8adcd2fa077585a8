/* test_gradient.c - whole models in double: every gradient against central differences, and
 * every pattern of frozen groups against the gradients of the model that learns as a whole. */
#include "model/model_fixture.h"

#include <math.h>

static double loss_at(struct fixture *f) {
    return transformer_loss(f->tf, &f->w, f->tokens, f->targets, FIXTURE_BATCH, FIXTURE_TIME,
                            NULL, NULL);
}

/* Largest |g - fd| / max(1, |g|, |fd|) over one parameter's weights. In double, differences
 * over h lose 1e-16/h to rounding and h^2 to curvature: h = 1e-5 leaves some 1e-8. */
static double worst_difference(struct fixture *f, int param) {
    const double h = 1e-5;
    real *w = weights_param(&f->w, param), *g = weights_param(&f->g, param);
    double worst = 0;
    for (size_t i = 0; i < param_size(&f->table.params[param]); i++) {
        real kept = w[i];
        w[i] = kept + h;
        double above = loss_at(f);
        w[i] = kept - h;
        double below = loss_at(f);
        w[i] = kept;
        double fd = (above - below) / (2 * h);
        double size = fmax(1.0, fmax(fabs(g[i]), fabs(fd)));
        worst = fmax(worst, fabs(g[i] - fd) / size);
    }
    return worst;
}

static void test_every_gradient(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    double loss = fixture_train(&f, &f.g, NULL);
    assert_true(fabs(loss - loss_at(&f)) < 1e-14);
    for (int i = 0; i < f.table.n_params; i++) {
        double norm = 0, worst = worst_difference(&f, i);
        const real *g = weights_param(&f.g, i);
        for (size_t j = 0; j < param_size(&f.table.params[i]); j++) norm += g[j] * g[j];
        if (worst >= 1e-7 || norm == 0)
            fail_msg("%s: off by %.3g, norm %g", f.table.params[i].name, worst, sqrt(norm));
    }
    fixture_deinit(&f);
}

/* Grads of frozen groups hold 7s that nobody may touch; the others must hold, bit for bit, what
 * they hold when all learn. But for rounding where whole blocks lie below what learns: those
 * are computed a sequence at a time (prefix.c). */
static void check_pattern(struct fixture *f, struct weights *g, const bool *learn) {
    double rounding = transformer_cut(&f->table, learn) > 0 ? 1e-13 : 0;
    for (int i = 0; i < f->table.n_groups; i++)
        for (size_t j = 0; j < f->table.groups[i].reals; j++)
            g->group[i][j] = learn[i] ? 0.0 : 7.0;
    fixture_train(f, g, learn);
    for (int i = 0; i < f->table.n_groups; i++) {
        size_t n = f->table.groups[i].reals;
        for (size_t j = 0; j < n; j++) {
            double expected = learn[i] ? f->g.group[i][j] : 7.0;
            if (!(fabs(g->group[i][j] - expected) <= (learn[i] ? rounding : 0)))
                fail_msg("%s[%zu]: %.17g instead of %.17g", f->table.groups[i].name, j,
                         g->group[i][j], expected);
        }
    }
}

static void test_every_freeze_pattern(void **state) {
    struct fixture f;
    struct weights g;
    bool learn[16];
    fixture_init(&f, *state, 1);
    assert_true(f.table.n_groups <= 16);
    assert_true(weights_create(&f.table, &g, NULL));
    fixture_train(&f, &f.g, NULL);
    for (int mask = 0; mask < 1 << f.table.n_groups; mask++) {
        for (int i = 0; i < f.table.n_groups; i++) learn[i] = mask >> i & 1;
        check_pattern(&f, &g, learn);
    }
    weights_destroy(&g);
    fixture_deinit(&f);
}

/* Two halves of a batch, each weighed by its share of the targets that count, add up to the
 * whole batch's loss and gradient. */
static void test_accumulation(void **state) {
    struct fixture f;
    struct weights g;
    fixture_init(&f, *state, 1);
    assert_true(weights_create(&f.table, &g, NULL));
    double whole = fixture_train(&f, &f.g, NULL), sum = 0;
    for (int half = 0; half < FIXTURE_BATCH; half++) {
        const int32_t *targets = f.targets + half * FIXTURE_TIME;
        double weight = (double)targets_counted(targets, FIXTURE_TIME) /
                        (double)targets_counted(f.targets, FIXTURE_ROWS);
        assert_true(weight != 0.5); /* one target does not count */
        struct train_part part = {.tokens = f.tokens + (size_t)half * FIXTURE_TIME,
                                  .targets = targets,
                                  .batch = 1,
                                  .time = FIXTURE_TIME,
                                  .weight = weight};
        sum += weight * transformer_train(f.tf, &f.w, &g, NULL, &part, NULL);
    }
    assert_true(fabs(sum - whole) < 1e-14 * whole);
    for (int i = 0; i < f.table.n_groups; i++)
        for (size_t j = 0; j < f.table.groups[i].reals; j++)
            assert_true(fabs(g.group[i][j] - f.g.group[i][j]) < 1e-14);
    weights_destroy(&g);
    fixture_deinit(&f);
}

int main(void) {
    static const struct model_check checks[] = {
        {"every gradient", test_every_gradient},
        {"every freeze pattern", test_every_freeze_pattern},
        {"accumulation", test_accumulation}};
    return run_model_checks("model gradient", checks, COUNT(checks));
}
