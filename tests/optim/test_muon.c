/* test_muon.c - Muon's directions: orthogonal, in AdamW's scale, for the matrices of blocks
 * only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/optim/optim.h"

/* Wide, tall and square matrices, none a multiple of a vector. */
static const struct model_config base = {.family = FAMILY_QWEN3,
                                         .layers = 2,
                                         .heads = 3,
                                         .width = 36,
                                         .vocab = 101,
                                         .context = 9,
                                         .tied = true};

struct fixture {
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    struct optim optim;
};

static void fixture_init(struct fixture *f, int threads, enum optimizer_kind kind) {
    struct model_config c = base;
    struct optim_settings s = {
        .kind = kind, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .momentum = 0.9};
    *f = (struct fixture){0};
    f->ex.pool = pool_create(threads, NULL);
    assert_non_null(f->ex.pool);
    assert_true(model_config_complete(&c, NULL));
    assert_true(param_table_create(&c, &f->table, NULL));
    assert_true(weights_create(&f->table, &f->w, NULL));
    assert_true(weights_create(&f->table, &f->g, NULL));
    assert_true(optim_create(&f->ex, &f->table, s, &f->optim, NULL));
    weights_init(&f->w, 1);
}

static void fixture_deinit(struct fixture *f) {
    optim_destroy(&f->optim);
    weights_destroy(&f->w);
    weights_destroy(&f->g);
    param_table_destroy(&f->table);
    pool_destroy(f->ex.pool);
}

static void make_grads(struct fixture *f, uint64_t step) {
    for (int i = 0; i < f->table.n_params; i++) {
        const struct param *p = &f->table.params[i];
        struct rng r = rng_make(5, step, (uint64_t)i);
        for (size_t j = 0; j < (size_t)p->rows * (size_t)p->cols; j++)
            weights_param(&f->g, i)[j] = (real)(3e-3 * rng_normal(&r));
    }
}

/* |O^T v| / |v| for a v within the space of the shorter side lies between the least and the
 * largest singular value, which Jordan's quintic brings to 0.7 .. 1.2; small ones may lag a
 * little. */
static void check_singular(const struct param *p, const real *O) {
    double unit = 0.2 * sqrt(p->rows > p->cols ? p->rows : p->cols);
    bool wide = p->rows <= p->cols;
    int side = wide ? p->rows : p->cols, other = wide ? p->cols : p->rows;
    struct rng r = rng_make(8, 0, 0);
    for (int trial = 0; trial < 20; trial++) {
        double v[128], size = 0, image = 0;
        for (int i = 0; i < side; i++) {
            v[i] = rng_normal(&r);
            size += v[i] * v[i];
        }
        for (int j = 0; j < other; j++) {
            double sum = 0;
            for (int i = 0; i < side; i++)
                sum += v[i] * (double)(wide ? O[i * p->cols + j] : O[j * p->cols + i]);
            image += sum * sum;
        }
        double stretch = sqrt(image / size) / unit;
        assert_true(stretch > 0.6 && stretch < 1.25);
    }
}

static void test_directions_are_orthogonal(void **state) {
    struct fixture f;
    int matrices = 0;
    (void)state;
    fixture_init(&f, 2, OPTIMIZER_MUON);
    make_grads(&f, 0);
    muon_directions(&f.ex, &f.optim, &f.g, NULL, 1);
    for (int i = 0; i < f.table.n_params; i++) {
        if (!muon_takes(&f.table, &f.table.params[i])) continue;
        check_singular(&f.table.params[i], weights_param(&f.g, i));
        matrices++;
    }
    assert_int_equal(matrices, 2 * 7);
    assert_true(f.ex.flops > 0);
    fixture_deinit(&f);
}

/* The direction does not depend on the gradient's size, so neither on clipping. */
static void test_scale_changes_nothing(void **state) {
    struct fixture a, b;
    (void)state;
    fixture_init(&a, 1, OPTIMIZER_MUON);
    fixture_init(&b, 1, OPTIMIZER_MUON);
    make_grads(&a, 0);
    make_grads(&b, 0);
    muon_directions(&a.ex, &a.optim, &a.g, NULL, 1);
    muon_directions(&b.ex, &b.optim, &b.g, NULL, 0.25);
    for (int i = 0; i < a.table.n_params; i++) {
        const struct param *p = &a.table.params[i];
        if (!muon_takes(&a.table, p)) continue;
        for (size_t j = 0; j < (size_t)p->rows * (size_t)p->cols; j++)
            assert_true(fabs((double)(weights_param(&a.g, i)[j] - weights_param(&b.g, i)[j])) <
                        1e-3);
    }
    fixture_deinit(&a);
    fixture_deinit(&b);
}

/* Three steps with one group frozen: embeddings and gains move as under AdamW, the frozen
 * group's bytes and momentum stay, any number of threads gives the same bits. */
static void test_steps(void **state) {
    struct fixture muon, threads, adamw;
    struct fixture *all[] = {&muon, &threads, &adamw};
    bool learn[16];
    (void)state;
    fixture_init(&muon, 1, OPTIMIZER_MUON);
    fixture_init(&threads, 3, OPTIMIZER_MUON);
    fixture_init(&adamw, 1, OPTIMIZER_ADAMW);
    for (int g = 0; g < muon.table.n_groups; g++) learn[g] = g != 1;
    for (uint64_t step = 0; step < 3; step++)
        for (int i = 0; i < 3; i++) {
            make_grads(all[i], step);
            optim_step(&all[i]->ex, &all[i]->optim, &all[i]->w, &all[i]->g, learn, 0.01, 1,
                       NULL);
        }
    struct weights start;
    assert_true(weights_create(&muon.table, &start, NULL));
    weights_init(&start, 1);
    for (int g = 0; g < muon.table.n_groups; g++) {
        size_t bytes = muon.table.groups[g].reals * sizeof(real);
        assert_memory_equal(muon.w.group[g], threads.w.group[g], bytes);
        if (g == 1) assert_memory_equal(muon.w.group[g], start.group[g], bytes);
        bool matrices = muon_takes(&muon.table, &muon.table.params[muon.table.groups[g].first]);
        if (g != 1 && matrices)
            assert_true(memcmp(muon.w.group[g], adamw.w.group[g], bytes) != 0);
        if (!matrices) assert_memory_equal(muon.w.group[g], adamw.w.group[g], bytes);
        for (size_t i = 0; g == 1 && i < muon.table.groups[g].reals; i++)
            assert_true(muon.optim.m.group[g][i] == 0);
    }
    weights_destroy(&start);
    for (int i = 0; i < 3; i++) fixture_deinit(all[i]);
}

/* A group at half the rate goes half the way, its decay included. */
static void test_rates_of_groups(void **state) {
    struct fixture whole, half, start;
    const double lr = 0.01;
    (void)state;
    fixture_init(&whole, 1, OPTIMIZER_MUON);
    fixture_init(&half, 3, OPTIMIZER_MUON);
    fixture_init(&start, 1, OPTIMIZER_MUON);
    for (int g = 1; g < half.table.n_groups; g += 2) half.optim.lr_scale[g] = 0.5;
    make_grads(&whole, 0);
    make_grads(&half, 0);
    optim_step(&whole.ex, &whole.optim, &whole.w, &whole.g, NULL, lr, 1, NULL);
    optim_step(&half.ex, &half.optim, &half.w, &half.g, NULL, lr, 1, NULL);
    for (int g = 0; g < whole.table.n_groups; g++)
        for (size_t i = 0; i < whole.table.groups[g].reals; i++) {
            double from = (double)start.w.group[g][i];
            double moved = (double)whole.w.group[g][i] - from;
            double expected = moved * (g % 2 == 1 ? 0.5 : 1);
            assert_true(fabs((double)half.w.group[g][i] - from - expected) < 1e-6);
            if (whole.g.group[g][i] != 0) assert_true(moved != 0);
        }
    fixture_deinit(&whole);
    fixture_deinit(&half);
    fixture_deinit(&start);
}

/* What the pull adds to a step: -lr * l2_sp * (W - start), for any number of threads. */
static void test_pull(void **state) {
    struct fixture plain, pulled, threads;
    struct weights start;
    const double lr = 0.01, pull = 2;
    (void)state;
    fixture_init(&plain, 1, OPTIMIZER_MUON);
    fixture_init(&pulled, 1, OPTIMIZER_MUON);
    fixture_init(&threads, 3, OPTIMIZER_MUON);
    assert_true(weights_create(&plain.table, &start, NULL));
    weights_init(&start, 2); /* another seed than the weights' */
    struct fixture *all[] = {&plain, &pulled, &threads};
    for (int i = 0; i < 3; i++) {
        make_grads(all[i], 0);
        all[i]->optim.settings.l2_sp = i > 0 ? pull : 0;
        all[i]->optim.start = &start;
        optim_step(&all[i]->ex, &all[i]->optim, &all[i]->w, &all[i]->g, NULL, lr, 1, NULL);
    }
    weights_init(&threads.g, 1); /* what the weights were: the gradients are used up */
    for (int g = 0; g < plain.table.n_groups; g++) {
        assert_memory_equal(pulled.w.group[g], threads.w.group[g],
                            plain.table.groups[g].reals * sizeof(real));
        for (size_t i = 0; i < plain.table.groups[g].reals; i++) {
            double from = (double)threads.g.group[g][i], to = (double)start.group[g][i];
            double more = (double)pulled.w.group[g][i] - (double)plain.w.group[g][i];
            assert_true(fabs(more + lr * pull * (from - to)) < 1e-6);
        }
    }
    weights_destroy(&start);
    for (int i = 0; i < 3; i++) fixture_deinit(all[i]);
}

static void test_reset_forgets(void **state) {
    struct fixture f;
    (void)state;
    fixture_init(&f, 1, OPTIMIZER_MUON);
    make_grads(&f, 0);
    optim_step(&f.ex, &f.optim, &f.w, &f.g, NULL, 0.01, 1, NULL);
    optim_reset(&f.optim);
    for (int g = 0; g < f.table.n_groups; g++) {
        assert_int_equal(f.optim.steps[g], 0);
        for (size_t i = 0; i < f.table.groups[g].reals; i++)
            assert_true(f.optim.m.group[g][i] == 0 && f.optim.v.group[g][i] == 0);
    }
    fixture_deinit(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_directions_are_orthogonal),
                                       cmocka_unit_test(test_scale_changes_nothing),
                                       cmocka_unit_test(test_steps),
                                       cmocka_unit_test(test_rates_of_groups),
                                       cmocka_unit_test(test_pull),
                                       cmocka_unit_test(test_reset_forgets)};
    return cmocka_run_group_tests_name("muon", tests, NULL, NULL);
}
