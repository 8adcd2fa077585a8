#include "engine/nn/op_embedding.h"
#include "nn_test.h"

enum { VOCAB = 11 };

static const struct embedding_case {
    const char *name;
    struct embedding_dims d;
    bool positions;
} cases[] = {
    {"embedding: one by one", {1, 1, 1}, true},
    {"embedding: one row of a longer context", {1, 4, 5}, true},
    {"embedding: odd sizes", {6, 3, 7}, true},
    {"embedding: no positions", {6, 3, 7}, false},
    {"embedding: wider than a tile of columns", {4, 2, 101}, true},
};

struct fixture {
    struct blocks mem;
    struct embedding_dims d;
    struct exec ex;
    int32_t *tokens;
    real *W, *P, *r, *y, *dW, *dP;
    size_t n_W, n_P, n_y;
};

static void init(struct fixture *f, struct embedding_dims d, bool positions) {
    *f = (struct fixture){.d = d};
    f->n_W = (size_t)(VOCAB * d.width);
    f->n_P = (size_t)(d.time * d.width);
    f->n_y = (size_t)(d.rows * d.width);
    f->tokens = blocks_take(&f->mem, (size_t)d.rows * sizeof *f->tokens);
    struct rng rng = rng_make(9, 0, 0);
    for (int r = 0; r < d.rows; r++) f->tokens[r] = (int32_t)rng_below(&rng, VOCAB);
    if (d.rows > 1) f->tokens[1] = f->tokens[0]; /* a token that comes twice */
    f->W = randoms(&f->mem, f->n_W, 1);
    f->P = positions ? randoms(&f->mem, f->n_P, 2) : NULL;
    f->r = randoms(&f->mem, f->n_y, 3);
    f->y = zeros(&f->mem, f->n_y);
    f->dW = started(&f->mem, f->n_W);
    f->dP = started(&f->mem, f->n_P);
}

static double loss(void *ctx) {
    struct fixture *f = ctx;
    embedding_forward(&f->ex, f->y, f->tokens, f->W, f->P, f->d);
    return dot(f->r, f->y, f->n_y);
}

static void test_gradient(void **state) {
    const struct embedding_case *c = *state;
    struct fixture f;
    init(&f, c->d, c->positions);
    embedding_backward(&f.ex, f.dW, c->positions ? f.dP : NULL, f.r, f.tokens, c->d);
    take_start_off(f.dW, f.n_W);
    take_start_off(f.dP, f.n_P);
    assert_gradient(f.W, f.dW, f.n_W, loss, &f);
    if (c->positions) assert_gradient(f.P, f.dP, f.n_P, loss, &f);
    else
        for (size_t i = 0; i < f.n_P; i++) assert_true(f.dP[i] == R(0.0));
    blocks_free(&f.mem);
}

static void test_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real W[] = {1, 2, 3, 4, 5, 6}, P[] = {10, 20, 30, 40};
    const int32_t tokens[] = {2, 0, 1, 2};
    real y[8];
    embedding_forward(&ex, y, tokens, W, P, (struct embedding_dims){4, 2, 2});
    const real wanted[] = {15, 26, 31, 42, 13, 24, 35, 46};
    assert_same_bits(y, wanted, 8);
}

static void test_frozen(void **state) {
    (void)state;
    struct fixture whole, part;
    struct embedding_dims d = {50, 25, 33};
    init(&whole, d, true);
    init(&part, d, true);
    embedding_backward(&whole.ex, whole.dW, whole.dP, whole.r, whole.tokens, d);
    embedding_backward(&part.ex, part.dW, NULL, part.r, part.tokens, d);
    assert_same_bits(part.dW, whole.dW, whole.n_W);
    for (size_t i = 0; i < part.n_P; i++) assert_true(part.dP[i] == START);
    embedding_backward(&part.ex, NULL, part.dP, part.r, part.tokens, d);
    assert_same_bits(part.dW, whole.dW, whole.n_W);
    assert_same_bits(part.dP, whole.dP, whole.n_P);
    embedding_backward(&part.ex, NULL, NULL, part.r, part.tokens, d);
    blocks_free(&whole.mem);
    blocks_free(&part.mem);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->y; /* y, dW, dP */
    memset(out, 0, (f->n_y + f->n_W + f->n_P) * sizeof *out);
    embedding_forward(ex, out, f->tokens, f->W, f->P, f->d);
    embedding_backward(ex, out + f->n_y, out + f->n_y + f->n_W, f->r, f->tokens, f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct embedding_dims){600, 150, 301}, true);
    size_t n = f.n_y + f.n_W + f.n_P;
    f.y = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.y, n);
    blocks_free(&f.mem);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 3] = {cmocka_unit_test(test_answer),
                                                 cmocka_unit_test(test_frozen),
                                                 cmocka_unit_test(test_threads)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i + 3] =
            (struct CMUnitTest){cases[i].name, test_gradient, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("op_embedding", tests, NULL, NULL);
}
