/* small_models.h - the smallest models of each family, with numbers in every place. */
#ifndef THAW_TESTS_FORMATS_SMALL_MODELS_H
#define THAW_TESTS_FORMATS_SMALL_MODELS_H
#include "tests/formats/fixtures.h"

static const struct model_config small_gpt2 = {.family = FAMILY_GPT2,
                                         .layers = 2,
                                         .heads = 2,
                                         .width = 20,
                                         .context = 4,
                                         .vocab = 7,
                                         .tied = true};
static const struct model_config small_llama = {.family = FAMILY_LLAMA,
                                          .layers = 1,
                                          .heads = 2,
                                          .width = 8,
                                          .context = 8,
                                          .vocab = 5,
                                          .tied = false};
static const struct model_config small_qwen2 = {.family = FAMILY_QWEN2,
                                          .layers = 2,
                                          .heads = 4,
                                          .kv_heads = 2,
                                          .width = 16,
                                          .ffn = 10,
                                          .context = 8,
                                          .vocab = 11,
                                          .tied = true};
static const struct model_config small_qwen3 = {.family = FAMILY_QWEN3,
                                          .layers = 2,
                                          .heads = 4,
                                          .kv_heads = 2,
                                          .width = 12,
                                          .head_dim = 6,
                                          .ffn = 10,
                                          .context = 8,
                                          .vocab = 11,
                                          .tied = true};

/* Random numbers in every place: those that begin equal are made different too. Owner: the caller, hf_model_destroy(). */
static inline void make_model(const struct model_config *c, uint64_t seed, struct hf_model *m) {
    struct model_config full = *c;
    struct err err = {0};
    *m = (struct hf_model){0};
    require(model_config_complete(&full, &err) && param_table_create(&full, &m->table, &err) &&
                weights_create(&m->table, &m->weights, &err),
            &err);
    for (int i = 0; i < m->table.n_params; i++) {
        const struct param *p = &m->table.params[i];
        struct rng r = rng_make(seed, (uint64_t)i, 0);
        for (int k = 0; k < p->rows * p->cols; k++)
            weights_param(&m->weights, i)[k] = (float)(0.3 * rng_normal(&r));
    }
}

static inline void assert_same_weights(const struct weights *a, const struct weights *b) {
    assert_int_equal(a->table->n_params, b->table->n_params);
    for (int i = 0; i < a->table->n_params; i++) {
        const struct param *p = &a->table->params[i];
        assert_string_equal(p->name, b->table->params[i].name);
        assert_memory_equal(weights_param(a, i), weights_param(b, i),
                            (size_t)p->rows * (size_t)p->cols * sizeof(float));
    }
}
#endif
