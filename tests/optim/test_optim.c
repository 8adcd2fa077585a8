/* test_optim.c - clipping and AdamW against the formulas, element by element in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/optim/optim.h"

/* Large enough that an embedding is cut into several pieces, with odd rests. */
static const struct model_config base = {
    .family = FAMILY_GPT2, .layers = 1, .heads = 1, .width = 33, .vocab = 1501, .context = 9};

struct fixture {
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    struct optim optim;
};

static const struct optim_settings settings = {
    .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-6, .decay = 0.2};

static void fixture_init(struct fixture *f, int threads) {
    struct model_config c = base;
    *f = (struct fixture){0};
    f->ex.pool = pool_create(threads, NULL);
    assert_non_null(f->ex.pool);
    assert_true(model_config_complete(&c, NULL));
    assert_true(param_table_create(&c, &f->table, NULL));
    assert_true(weights_create(&f->table, &f->w, NULL));
    assert_true(weights_create(&f->table, &f->g, NULL));
    assert_true(optim_create(&f->ex, &f->table, settings, &f->optim, NULL));
    weights_init(&f->w, 1);
}

static void fixture_deinit(struct fixture *f) {
    optim_destroy(&f->optim);
    weights_destroy(&f->w);
    weights_destroy(&f->g);
    param_table_destroy(&f->table);
    pool_destroy(f->ex.pool);
}

/* Random gradients for the parameters; padding stays 0, as a backward pass leaves it. */
static void make_grads(struct fixture *f, uint64_t step) {
    for (int i = 0; i < f->table.n_params; i++) {
        const struct param *p = &f->table.params[i];
        struct rng r = rng_make(9, step, (uint64_t)i);
        for (size_t j = 0; j < (size_t)p->rows * (size_t)p->cols; j++)
            weights_param(&f->g, i)[j] = (real)(1e-2 * rng_normal(&r));
    }
}

static void test_norm(void **state) {
    struct fixture f;
    double norms[8], all = 0;
    bool learn[8] = {true, false, true, true, true, true, true, true};
    (void)state;
    fixture_init(&f, 2);
    make_grads(&f, 0);
    double norm = grads_norm(&f.ex, &f.g, learn, NULL, norms);
    for (int g = 0; g < f.table.n_groups; g++) {
        double squares = 0;
        for (size_t i = 0; learn[g] && i < f.table.groups[g].reals; i++)
            squares += (double)f.g.group[g][i] * (double)f.g.group[g][i];
        assert_true(fabs(norms[g] - sqrt(squares)) <= 1e-12 * (1 + norms[g]));
        assert_true(learn[g] == (norms[g] > 0));
        all += squares;
    }
    assert_true(fabs(norm - sqrt(all)) <= 1e-12 * norm);
    fixture_deinit(&f);
}

static void test_norm_shows_what_is_not_finite(void **state) {
    struct fixture f;
    double norms[8];
    (void)state;
    fixture_init(&f, 1);
    f.g.group[2][5] = (real)NAN;
    assert_true(isnan(grads_norm(&f.ex, &f.g, NULL, NULL, norms)));
    fixture_deinit(&f);
}

/* The formula for one weight, in double. */
struct expected {
    double w, m, v;
};

static void adamw(struct expected *e, double g, int64_t t, double lr, double decay) {
    e->m = settings.beta1 * e->m + (1 - settings.beta1) * g;
    e->v = settings.beta2 * e->v + (1 - settings.beta2) * g * g;
    double m = e->m / (1 - pow(settings.beta1, (double)t));
    double v = e->v / (1 - pow(settings.beta2, (double)t));
    e->w -= lr * (m / (sqrt(v) + settings.eps) + decay * e->w);
}

static void check_weights(const struct fixture *f, const struct expected *e) {
    for (int p = 0; p < f->table.n_params; p++) {
        size_t n = (size_t)f->table.params[p].rows * (size_t)f->table.params[p].cols;
        const real *w = weights_param(&f->w, p), *m = weights_param(&f->optim.m, p);
        const real *v = weights_param(&f->optim.v, p);
        for (size_t i = 0; i < n; i++, e++) {
            assert_true(fabs((double)w[i] - e->w) < 1e-6);
            assert_true(fabs((double)m[i] - e->m) < 1e-8);
            assert_true(fabs((double)v[i] - e->v) < 1e-10);
        }
    }
}

/* Three steps; in the second one group rests, and then goes on from its own count. Another
 * learns at a rate of its own, also in its decay. */
static void test_formula(void **state) {
    const double lr = 0.01, scale = 0.5;
    const int rests = 2;
    struct fixture f;
    bool learn[8];
    (void)state;
    fixture_init(&f, 2);
    f.optim.lr_scale[1] = 0.125;
    struct expected *all = calloc(f.table.parameters, sizeof *all);
    assert_non_null(all);
    for (int step = 0; step < 3; step++) {
        struct expected *e = all;
        for (int g = 0; g < f.table.n_groups; g++) learn[g] = !(step == 1 && g == rests);
        make_grads(&f, (uint64_t)step);
        for (int i = 0; i < f.table.n_params; i++) {
            const struct param *p = &f.table.params[i];
            int64_t t = p->group == rests && step > 0 ? step : step + 1;
            for (size_t j = 0; j < (size_t)p->rows * (size_t)p->cols; j++, e++) {
                if (step == 0) e->w = (double)weights_param(&f.w, i)[j];
                if (learn[p->group])
                    adamw(e, scale * (double)weights_param(&f.g, i)[j], t,
                          lr * f.optim.lr_scale[p->group], p->decay ? settings.decay : 0);
            }
        }
        optim_step(&f.ex, &f.optim, &f.w, &f.g, learn, lr, scale, NULL);
    }
    check_weights(&f, all);
    for (int g = 0; g < f.table.n_groups; g++)
        assert_int_equal(f.optim.steps[g], g == rests ? 2 : 3);
    free(all);
    fixture_deinit(&f);
}

/* Two steps of one weight by hand: beta1 = beta2 = 0, so the direction is g / (|g| + eps),
 * nearly 1 for g > 0. W = 2, start = 1, lr = 0.1, decay = 0.2, l2_sp = 0.5: W -= 0.1 * (1 + 0.2
 * * 2   + 0.5 * (2   - 1))   = 1.81 W -= 0.1 * (1 + 0.2 * 1.81 + 0.5 * (1.81 - 1)) = 1.6333 */
static void test_pull_by_hand(void **state) {
    struct fixture f;
    struct weights start;
    (void)state;
    fixture_init(&f, 1);
    assert_true(weights_create(&f.table, &start, NULL));
    f.optim.settings = (struct optim_settings){.eps = 1e-12, .decay = 0.2, .l2_sp = 0.5};
    f.optim.start = &start;
    for (int g = 0; g < f.table.n_groups; g++)
        for (size_t i = 0; i < f.table.groups[g].reals; i++) {
            start.group[g][i] = 1;
            f.w.group[g][i] = 2;
            f.g.group[g][i] = R(0.25);
        }
    for (int step = 0; step < 2; step++) {
        optim_step(&f.ex, &f.optim, &f.w, &f.g, NULL, 0.1, 1, NULL);
        for (int i = 0; i < f.table.n_params; i++) {
            /* gains and biases are pulled, but do not decay */
            double decayed[] = {1.81, 1.6333}, bare[] = {1.85, 1.7075};
            double expected = (f.table.params[i].decay ? decayed : bare)[step];
            assert_true(fabs((double)weights_param(&f.w, i)[0] - expected) < 1e-6);
        }
    }
    weights_destroy(&start);
    fixture_deinit(&f);
}

/* Without a pull, and towards a start that is still shared, the bits are those of no start at
 * all; a frozen group stays where it is. */
static void test_no_pull(void **state) {
    struct fixture plain, off, shared;
    struct weights start, same;
    bool learn[8] = {true, true, false, true, true, true, true, true};
    (void)state;
    fixture_init(&plain, 1);
    fixture_init(&off, 3);
    fixture_init(&shared, 2);
    assert_true(weights_create(&off.table, &start, NULL));
    assert_true(weights_share(&shared.w, &same, NULL));
    off.optim.start = &start;
    shared.optim.start = &same;
    shared.optim.settings.l2_sp = 3;
    struct fixture *all[] = {&plain, &off, &shared};
    for (int i = 0; i < 3; i++) {
        make_grads(all[i], 0);
        optim_step(&all[i]->ex, &all[i]->optim, &all[i]->w, &all[i]->g, learn, 0.01, 1, NULL);
    }
    for (int g = 0; g < plain.table.n_groups; g++) {
        size_t bytes = plain.table.groups[g].reals * sizeof(real);
        assert_memory_equal(plain.w.group[g], off.w.group[g], bytes);
        assert_memory_equal(plain.w.group[g], shared.w.group[g], bytes);
    }
    weights_destroy(&start);
    weights_destroy(&same);
    for (int i = 0; i < 3; i++) fixture_deinit(all[i]);
}

/* The reported ||dW|| / ||W||. */
static void test_updates(void **state) {
    struct fixture f;
    struct weights before;
    double updates[8];
    bool learn[8] = {true, true, false, true, true, true, true, true};
    (void)state;
    fixture_init(&f, 2);
    assert_true(weights_create(&f.table, &before, NULL));
    weights_init(&before, 1);
    make_grads(&f, 0);
    optim_step(&f.ex, &f.optim, &f.w, &f.g, learn, 0.01, 1, updates);
    for (int g = 0; g < f.table.n_groups; g++) {
        double moved = 0, size = 0;
        for (size_t i = 0; i < f.table.groups[g].reals; i++) {
            double now = (double)f.w.group[g][i], d = now - (double)before.group[g][i];
            moved += d * d;
            size += now * now;
        }
        assert_true(learn[g] ? updates[g] > 0 : updates[g] == 0);
        assert_true(fabs(updates[g] - sqrt(moved / size)) <= 1e-4 * updates[g]);
    }
    weights_destroy(&before);
    fixture_deinit(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm),    cmocka_unit_test(test_norm_shows_what_is_not_finite),
        cmocka_unit_test(test_formula), cmocka_unit_test(test_pull_by_hand),
        cmocka_unit_test(test_no_pull), cmocka_unit_test(test_updates)};
    return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
