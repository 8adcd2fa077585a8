#include "engine/nn/blas.h"
#include "engine/nn/op_loss.h"
#include "nn_test.h"

static const struct loss_case {
    const char *name;
    struct loss_dims d;
    int ignore_every; /* 0: all count */
} cases[] = {
    {"loss: one row, two words", {1, 1, 2, R(1.0), false, false}, 0},
    {"loss: one row", {1, 4, 7, R(0.3), false, false}, 0},
    {"loss: odd sizes", {5, 3, 11, R(0.2), false, false}, 0},
    {"loss: some do not count", {7, 5, 9, R(0.25), false, false}, 3},
    {"loss: none counts", {3, 2, 5, R(1.0), false, false}, 1},
};

struct fixture {
    struct blocks mem;
    struct loss_dims d;
    struct exec ex;
    real *x, *W, *nll, *dx, *dW, *scratch;
    uint8_t *hit;
    int32_t *targets;
    size_t n_x, n_W;
};

static void init(struct fixture *f, struct loss_dims d, int ignore_every) {
    *f = (struct fixture){.d = d};
    size_t rows = (size_t)d.rows;
    f->n_x = rows * (size_t)d.width;
    f->n_W = (size_t)d.vocab * (size_t)d.width;
    f->x = randoms(&f->mem, f->n_x, 1);
    f->W = randoms(&f->mem, f->n_W, 2);
    f->nll = zeros(&f->mem, rows);
    f->hit = blocks_take(&f->mem, rows);
    f->targets = blocks_take(&f->mem, rows * sizeof *f->targets);
    f->dx = started(&f->mem, f->n_x);
    f->dW = started(&f->mem, f->n_W);
    f->scratch = zeros(&f->mem, loss_scratch(d));
    struct rng rng = rng_make(3, 0, 0);
    for (int r = 0; r < d.rows; r++) {
        f->targets[r] = (int32_t)rng_below(&rng, (uint64_t)d.vocab);
        if (ignore_every && r % ignore_every == 0) f->targets[r] = LOSS_IGNORE;
    }
}

static void run(struct fixture *f, real *dx, real *dW) {
    loss_head(&f->ex, f->nll, f->hit, dx, dW, f->x, f->W, f->targets, f->scratch, f->d);
}

static double loss(void *ctx) {
    struct fixture *f = ctx;
    double sum = 0.0;
    run(f, NULL, NULL);
    for (int r = 0; r < f->d.rows; r++) sum += (double)f->nll[r];
    return sum * (double)f->d.scale;
}

static void test_gradient(void **state) {
    const struct loss_case *c = *state;
    struct fixture f;
    init(&f, c->d, c->ignore_every);
    run(&f, f.dx, f.dW);
    take_start_off(f.dW, f.n_W);
    assert_gradient(f.x, f.dx, f.n_x, loss, &f);
    assert_gradient(f.W, f.dW, f.n_W, loss, &f);
    blocks_free(&f.mem);
}

/* Logits are the rows of x, W being the unit matrix. */
static void test_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {0, 0, 0, /**/ 1, 2, 3, /**/ 5, 5, 1, /**/ 1, 2, 3};
    const real W[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const int32_t targets[] = {1, 0, 1, LOSS_IGNORE};
    struct loss_dims d = {4, 3, 3, R(2.0), false, false};
    real nll[4], dx[12] = {0}, scratch[12];
    uint8_t hit[4];
    assert_true(loss_scratch(d) <= COUNT(scratch));
    loss_head(&ex, nll, hit, dx, NULL, x, W, targets, scratch, d);
    double z = exp(-2.0) + exp(-1.0) + 1.0;
    assert_near((double)nll[0], log(3.0), NEAR);
    assert_near((double)nll[1], log(z) + 2.0, NEAR);
    assert_near((double)nll[2], log(2.0 + exp(-4.0)), NEAR);
    assert_true(nll[3] == R(0.0));
    const uint8_t hits[] = {1, 0, 1, 0}; /* one that shares the first place counts */
    assert_memory_equal(hit, hits, sizeof hits);
    assert_near((double)dx[3], 2.0 * (exp(-2.0) / z - 1.0), NEAR);
    assert_near((double)dx[5], 2.0 / z, NEAR);
    assert_true(dx[9] == R(0.0) && dx[10] == R(0.0) && dx[11] == R(0.0));
    assert_true(ex.flops == 2 * 2 * 4 * 3 * 3);
}

/* More rows than a chunk takes: the sum over chunks against one row at a time. */
static void test_chunks(void **state) {
    (void)state;
    struct fixture f;
    struct loss_dims d = {300, 3, 40000, R(0.01), false, false},
                     one = {1, 3, 40000, R(0.01), false, false};
    init(&f, d, 7);
    assert_true(loss_scratch(d) < (size_t)d.rows * (size_t)d.vocab);
    run(&f, f.dx, f.dW);
    struct blocks mem = {.n = 0};
    real *dx = started(&mem, f.n_x), *dW = started(&mem, f.n_W);
    for (int r = 0; r < d.rows; r += 1) {
        real nll;
        uint8_t hit;
        loss_head(&f.ex, &nll, &hit, dx + 3 * r, dW, f.x + 3 * r, f.W, f.targets + r, f.scratch,
                  one);
        assert_near((double)f.nll[r], (double)nll, NEAR);
        assert_int_equal(f.hit[r], hit);
    }
    assert_all_near(f.dx, dx, f.n_x, NEAR);
    assert_all_near(f.dW, dW, f.n_W, NEAR);
    blocks_free(&mem);
    blocks_free(&f.mem);
}

/* A vocabulary of 150,000 in chunks, where prompts leave whole chunks, and all but one row of
 * another, without a target that counts: what is left is what its rows give alone. */
static void test_masked_chunks(void **state) {
    (void)state;
    enum { ROWS = 300, WIDTH = 2, VOCAB = 151936 };
    struct fixture f;
    struct loss_dims d = {ROWS, WIDTH, VOCAB, R(0.01), true, false},
                     one = {1, WIDTH, VOCAB, R(0.01), false, false};
    init(&f, d, 0);
    int chunk = loss_chunk(d), counted = chunk + 5;
    assert_true(2 * chunk < ROWS);
    for (int r = 0; r < ROWS; r++)
        if (r != counted && r < ROWS - 3) f.targets[r] = LOSS_IGNORE;
    run(&f, f.dx, f.dW);
    struct blocks mem = {.n = 0};
    real *dx = zeros(&mem, f.n_x), *dW = zeros(&mem, f.n_W);
    for (int r = 0; r < ROWS; r++) {
        real nll;
        if (f.targets[r] == LOSS_IGNORE) {
            assert_true(f.nll[r] == R(0.0) && f.dx[2 * r] == R(0.0));
            continue;
        }
        loss_head(&f.ex, &nll, NULL, dx + WIDTH * r, dW, f.x + WIDTH * r, f.W, f.targets + r,
                  f.scratch, one);
        assert_near((double)f.nll[r], (double)nll, NEAR);
    }
    assert_all_near(f.dx, dx, f.n_x, NEAR);
    assert_all_near(f.dW, dW, f.n_W, NEAR);
    blocks_free(&mem);
    blocks_free(&f.mem);
}

static void test_frozen(void **state) {
    (void)state;
    struct fixture whole, part;
    struct loss_dims d = {40, 13, 101, R(0.1), false, false};
    uint64_t product = 2 * 40 * 13 * 101;
    init(&whole, d, 5);
    run(&whole, whole.dx, whole.dW);
    for (int mask = 0; mask < 4; mask++) {
        init(&part, d, 5);
        run(&part, mask & 1 ? part.dx : NULL, mask & 2 ? part.dW : NULL);
        assert_same_bits(part.nll, whole.nll, 40);
        assert_true(part.ex.flops == product * (uint64_t)(1 + (mask & 1) + (mask >> 1)));
        for (size_t i = 0; i < part.n_x; i++)
            assert_true(part.dx[i] == (mask & 1 ? whole.dx[i] : START));
        for (size_t i = 0; i < part.n_W; i++)
            assert_true(part.dW[i] == (mask & 2 ? whole.dW[i] : START));
        blocks_free(&part.mem);
    }
    real *nll = zeros(&whole.mem, 40); /* hit may be NULL */
    loss_head(&whole.ex, nll, NULL, NULL, NULL, whole.x, whole.W, whole.targets, whole.scratch,
              d);
    assert_same_bits(nll, whole.nll, 40);
    blocks_free(&whole.mem);
}

/* dW of what two calls on halves of the rows left, against one call on all. */
static void test_kept(void **state) {
    (void)state;
    struct fixture f;
    struct loss_dims d = {40, 13, 512, R(0.1), true, false}, half = d;
    half.rows = 20;
    half.keep = true;
    init(&f, d, 5);
    assert_int_equal(loss_chunk(d), d.rows);
    run(&f, NULL, f.dW);
    real *dW = started(&f.mem, f.n_W);
    for (int i = 0; i < 2; i++) {
        size_t at = (size_t)(20 * i);
        loss_head(&f.ex, f.nll + at, NULL, NULL, NULL, f.x + at * 13, f.W, f.targets + at,
                  f.scratch + at * (size_t)loss_stride(d), half);
    }
    struct gemm product = loss_head_product(dW, f.scratch, f.x, d);
    blas_gemm(&f.ex, &product);
    assert_all_near(dW, f.dW, f.n_W, NEAR);
    blocks_free(&f.mem);
}

/* One bad weight makes every row's loss bad, one bad input its own row's, and the gradient too.
 */
static void test_nan_shows(void **state) {
    (void)state;
    struct loss_dims d = {6, 5, 37, R(1.0), false, false};
    const real bad[] = {(real)NAN, (real)INFINITY, (real)-INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fixture f;
        init(&f, d, 0);
        f.W[20 * 5 + 2] = bad[i];
        f.targets[3] = LOSS_IGNORE;
        run(&f, f.dx, f.dW);
        for (int r = 0; r < 6; r++) assert_true(isfinite(f.nll[r]) == (r == 3));
        assert_true(!isfinite(f.dx[0]) && !isfinite(f.dW[0]));
        blocks_free(&f.mem);
        init(&f, d, 0);
        f.x[2 * 5 + 1] = bad[i];
        run(&f, f.dx, f.dW);
        for (int r = 0; r < 6; r++) assert_true(isfinite(f.nll[r]) == (r != 2));
        assert_true(!isfinite(f.dx[2 * 5]) && isfinite(f.dx[0]) && !isfinite(f.dW[0]));
        blocks_free(&f.mem);
    }
}

/* Logits far apart: no overflow, and a hopeless target costs its distance. */
static void test_far_apart(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {R(1.0)}, W[] = {R(1e4), R(-1e4), R(0.0)};
    const int32_t target = 1;
    real nll, dx = 0, dW[3] = {0}, scratch[3];
    loss_head(&ex, &nll, NULL, &dx, dW, x, W, &target, scratch,
              (struct loss_dims){1, 1, 3, R(1.0), false, false});
    assert_near((double)nll, 2e4, NEAR);
    const real wanted[] = {R(1.0), R(-1.0), R(0.0)};
    assert_all_near(dW, wanted, 3, NEAR);
    assert_near((double)dx, 2e4, NEAR);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->nll; /* nll, dx, dW */
    memset(out, 0, ((size_t)f->d.rows + f->n_x + f->n_W) * sizeof *out);
    real *dx = out + f->d.rows, *dW = dx + f->n_x;
    loss_head(ex, out, f->hit, dx, dW, f->x, f->W, f->targets, f->scratch, f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct loss_dims){300, 40, 1201, R(0.1), false, false}, 9);
    size_t n = (size_t)f.d.rows + f.n_x + f.n_W;
    f.nll = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.nll, n);
    blocks_free(&f.mem);
}

int main(void) {
    blas_init();
    struct CMUnitTest tests[COUNT(cases) + 8] = {
        cmocka_unit_test(test_kept),      cmocka_unit_test(test_answer),
        cmocka_unit_test(test_chunks),    cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_nan_shows), cmocka_unit_test(test_far_apart),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_masked_chunks)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i + 8] =
            (struct CMUnitTest){cases[i].name, test_gradient, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("op_loss", tests, NULL, NULL);
}
