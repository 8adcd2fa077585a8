/* run_model.h - a tiny model with its tokenizer, for the tests of run/ that need no training.
 */
#ifndef THAW_TESTS_RUN_RUN_MODEL_H
#define THAW_TESTS_RUN_RUN_MODEL_H
#include "run/run_test.h"

#include "engine/core/rng.h"
#include "engine/data/tokenizer.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"

/* Words enough for a few merges. */
static const char model_text[] =
    "the fever of the river and the fever of the song: a fever is a warm thing, a song is not";

struct tiny_model {
    struct exec ex;
    struct tokenizer *tokenizer;
    struct param_table table;
    struct weights weights;
};

/* Weights large enough to have an opinion, gains random as well. */
static inline void tiny_fill(struct weights *w, uint64_t seed, double spread) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        struct rng r = rng_make(seed, (uint64_t)i, 9);
        for (size_t j = 0; j < (size_t)p->rows * (size_t)p->cols; j++)
            weights_param(w, i)[j] = (real)(p->init_value + spread * rng_normal(&r));
    }
}

static inline void tiny_init(struct tiny_model *m, int layers, int context) {
    struct err err = {0};
    struct model_config c = {.family = FAMILY_QWEN3,
                             .layers = layers,
                             .heads = 2,
                             .width = 16,
                             .context = context,
                             .tied = true};
    struct bpe_trainer *b = bpe_trainer_create(&err);
    *m = (struct tiny_model){.tokenizer = NULL};
    blas_init();
    assert_ok(b && bpe_trainer_add(b, model_text, strlen(model_text), &err), err);
    m->tokenizer = bpe_trainer_finish(b, 270, NULL, NULL, &err);
    bpe_trainer_destroy(b);
    assert_ok(m->tokenizer, err);
    c.vocab = tokenizer_vocab(m->tokenizer);
    assert_ok((m->ex.pool = pool_create(1, &err)), err);
    assert_ok(model_config_complete(&c, &err), err);
    assert_ok(param_table_create(&c, &m->table, &err), err);
    assert_ok(weights_create(&m->table, &m->weights, &err), err);
    tiny_fill(&m->weights, 1, 0.3);
}

static inline void tiny_deinit(struct tiny_model *m) {
    weights_destroy(&m->weights);
    param_table_destroy(&m->table);
    tokenizer_destroy(m->tokenizer);
    pool_destroy(m->ex.pool);
}

/* A second set of weights of the same shape. */
static inline void tiny_other(const struct tiny_model *m, struct weights *out, uint64_t seed) {
    struct err err = {0};
    assert_ok(weights_create(&m->table, out, &err), err);
    tiny_fill(out, seed, 0.3);
}

static inline void tiny_encode(struct tiny_model *m, const char *text, struct ids *out) {
    struct err err = {0};
    assert_ok(tokenizer_encode(m->tokenizer, text, strlen(text), out, &err), err);
}
#endif
