/* model_fixture.h - a tiny model of each family with everything around it, for the model's
 * tests. */
#ifndef THAW_TESTS_MODEL_FIXTURE_H
#define THAW_TESTS_MODEL_FIXTURE_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"

struct model_case {
    const char *name;
    struct model_config config;
};

enum { PLAIN_CASES = 6 }; /* the first so many have no adapters */

/* Sizes are odd on purpose: none is a multiple of a vector, and no two are equal. */
static const struct model_case model_cases[] = {
    {"gpt2", {.family = FAMILY_GPT2, .heads = 3, .width = 12, .ffn = 10, .tied = true}},
    {"gpt2, head of its own", {.family = FAMILY_GPT2, .heads = 2, .width = 10, .ffn = 9}},
    {"llama, grouped heads",
     {.family = FAMILY_LLAMA, .heads = 4, .kv_heads = 2, .width = 16, .ffn = 11}},
    {"qwen2, grouped heads",
     {.family = FAMILY_QWEN2, .heads = 4, .kv_heads = 2, .width = 24, .ffn = 9}},
    {"qwen3, grouped wide heads, tied",
     {.family = FAMILY_QWEN3,
      .heads = 4,
      .kv_heads = 2,
      .width = 9,
      .head_dim = 6,
      .ffn = 13,
      .tied = true}},
    {"qwen3, head of its own",
     {.family = FAMILY_QWEN3, .heads = 2, .width = 14, .head_dim = 4, .ffn = 7}},
    {"gpt2, an adapter at every map",
     {.family = FAMILY_GPT2,
      .heads = 3,
      .width = 12,
      .ffn = 10,
      .tied = true,
      .adapter = {.rank = 3, .alpha = 5, .targets = {0xf, 0xf}}}},
    {"qwen3, adapters at some maps",
     {.family = FAMILY_QWEN3,
      .heads = 4,
      .kv_heads = 2,
      .width = 9,
      .head_dim = 6,
      .ffn = 13,
      .adapter = {.rank = 2, .alpha = 3, .rs = true, .targets = {0x65, 0x1b}}}},
};

enum { FIXTURE_BATCH = 2, FIXTURE_TIME = 5, FIXTURE_ROWS = FIXTURE_BATCH * FIXTURE_TIME };

static const struct transformer_plan fixture_plan = {
    .batch = FIXTURE_BATCH, .time = FIXTURE_TIME, .backward = true};

struct fixture {
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    struct transformer *tf;
    int32_t tokens[FIXTURE_ROWS], targets[FIXTURE_ROWS];
};

static inline size_t param_size(const struct param *p) {
    return (size_t)p->rows * (size_t)p->cols;
}

/* Weights large enough that every part matters, gains and biases random as well. */
static inline void fixture_weights(struct weights *w, uint64_t seed) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        struct rng r = rng_make(seed, (uint64_t)i, 7);
        for (size_t j = 0; j < param_size(p); j++)
            weights_param(w, i)[j] = (real)(p->init_value + 0.3 * rng_normal(&r));
    }
}

static inline void fixture_init(struct fixture *f, const struct model_case *c, int threads) {
    struct model_config config = c->config;
    struct err err = {0};
    *f = (struct fixture){0};
    blas_init();
    config.layers = config.layers ? config.layers : 2;
    config.vocab = config.vocab ? config.vocab : 11;
    config.context = config.context ? config.context : FIXTURE_TIME + 2;
    f->ex.pool = pool_create(threads, &err);
    assert_non_null(f->ex.pool);
    assert_true(model_config_complete(&config, &err));
    assert_true(param_table_create(&config, &f->table, &err));
    assert_true(weights_create(&f->table, &f->w, &err));
    assert_true(weights_create(&f->table, &f->g, &err));
    f->tf = transformer_create(&f->table, fixture_plan, &f->ex, &err);
    assert_non_null(f->tf);
    fixture_weights(&f->w, 1);
    struct rng r = rng_make(3, 0, 0);
    for (int i = 0; i < FIXTURE_ROWS; i++) {
        f->tokens[i] = (int32_t)rng_below(&r, (uint64_t)config.vocab);
        f->targets[i] = (int32_t)rng_below(&r, (uint64_t)config.vocab);
    }
    f->targets[3] = -1; /* does not count */
}

static inline void fixture_deinit(struct fixture *f) {
    transformer_destroy(f->tf);
    weights_destroy(&f->w);
    weights_destroy(&f->g);
    param_table_destroy(&f->table);
    pool_destroy(f->ex.pool);
}

static inline void grads_clear(struct weights *g) {
    for (int i = 0; i < g->table->n_groups; i++)
        memset(g->group[i], 0, g->table->groups[i].reals * sizeof(real));
}

/* The whole batch, of which nothing is known. */
static inline struct train_part fixture_part(const struct fixture *f) {
    return (struct train_part){.tokens = f->tokens,
                               .targets = f->targets,
                               .batch = FIXTURE_BATCH,
                               .time = FIXTURE_TIME,
                               .weight = 1};
}

static inline double fixture_train(struct fixture *f, struct weights *g, const bool *learn) {
    struct train_part whole = fixture_part(f);
    return transformer_train(f->tf, &f->w, g, learn, &whole, NULL);
}

/* ---- every check with every case ---- */

struct model_check {
    const char *what;
    CMUnitTestFunction run; /* *state is the struct model_case */
};

static inline int run_model_checks(const char *name, const struct model_check *checks, size_t n) {
    enum { MOST = 96 };
    static char names[MOST][96];
    struct CMUnitTest tests[MOST];
    size_t all = n * COUNT(model_cases);
    if (all > MOST) return 1;
    for (size_t i = 0; i < all; i++) {
        const struct model_case *c = &model_cases[i / n];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, checks[i % n].what);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = checks[i % n].run, .initial_state = (void *)c};
    }
    return _cmocka_run_group_tests(name, tests, all, NULL, NULL);
}
#endif
