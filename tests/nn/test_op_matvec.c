#include "engine/nn/op_matvec.h"
#include "nn_test.h"

enum { MOST_ROWS = 9 };

/* Widths around the lengths of a vector and of a pass, and enough weights for many tiles. */
static const struct matvec_case {
    const char *name;
    int in, out;
    bool bias, add;
} cases[] = {
    {"matvec: one by one", 1, 1, true, false},
    {"matvec: narrow", 7, 5, true, true},
    {"matvec: whole vectors, less than a pass", 48, 9, false, false},
    {"matvec: one pass", 64, 3, true, false},
    {"matvec: a pass, a vector and a rest", 83, 70, false, true},
    {"matvec: many tiles", 192, 1000, true, false},
    {"matvec: wider than a tile", 40000, 3, true, true},
};

struct fixture {
    struct blocks mem;
    struct matvec_dims d;
    real *x, *W, *b, *before, *y;
    size_t n_y;
};

static void init(struct fixture *f, const struct matvec_case *c, int rows) {
    *f = (struct fixture){.d = {.rows = rows, .in = c->in, .out = c->out, .add = c->add}};
    f->n_y = (size_t)rows * (size_t)c->out;
    f->x = randoms(&f->mem, (size_t)rows * (size_t)c->in, 1);
    f->W = randoms(&f->mem, (size_t)c->out * (size_t)c->in, 2);
    f->b = c->bias ? randoms(&f->mem, (size_t)c->out, 3) : NULL;
    f->before = randoms(&f->mem, f->n_y, 4);
    f->y = copy(&f->mem, f->before, f->n_y);
}

static void run(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    memcpy(f->y, f->before, f->n_y * sizeof *f->y);
    matvec_forward(ex, f->y, f->x, f->W, f->b, f->d);
}

static void test_sums(void **state) {
    const struct matvec_case *c = *state;
    for (int rows = 1; rows <= MOST_ROWS; rows++) {
        struct fixture f;
        struct exec ex = {.pool = NULL};
        init(&f, c, rows);
        run(&ex, &f);
        assert_true(ex.flops == 2 * (uint64_t)(rows * c->in) * (uint64_t)c->out);
        for (size_t k = 0; k < f.n_y; k++) {
            size_t r = k / (size_t)c->out, i = k % (size_t)c->out, in = (size_t)c->in;
            double wanted = dot(f.W + i * in, f.x + r * in, in) +
                            (c->bias ? (double)f.b[i] : 0) + (c->add ? (double)f.before[k] : 0);
            assert_near((double)f.y[k], wanted, NEAR * sqrt((double)in));
        }
        blocks_free(&f.mem);
    }
}

/* A row is the same bits alone, beside others, and in another place among them. */
static void test_company(void **state) {
    const struct matvec_case *c = *state;
    for (int rows = 2; rows <= MOST_ROWS; rows++) {
        struct fixture f;
        struct exec ex = {.pool = NULL};
        init(&f, c, rows);
        run(&ex, &f);
        size_t out = (size_t)c->out;
        real *alone = zeros(&f.mem, out);
        for (int r = 0; r < rows; r++) {
            struct matvec_dims d = f.d;
            d.rows = 1;
            memcpy(alone, f.before + (size_t)r * out, out * sizeof *alone);
            matvec_forward(&ex, alone, f.x + (size_t)r * (size_t)c->in, f.W, f.b, d);
            assert_same_bits(alone, f.y + (size_t)r * out, out);
        }
        blocks_free(&f.mem);
    }
}

static void test_threads(void **state) {
    const struct matvec_case *c = *state;
    for (int rows = 1; rows <= MOST_ROWS; rows += 4) {
        struct fixture f;
        init(&f, c, rows);
        assert_threads_agree(run, &f, f.y, f.n_y);
        blocks_free(&f.mem);
    }
}

int main(void) {
    static void (*const tested[])(void **) = {test_sums, test_company, test_threads};
    struct CMUnitTest tests[COUNT(tested) * COUNT(cases)];
    for (size_t i = 0; i < COUNT(tests); i++) {
        const struct matvec_case *c = &cases[i % COUNT(cases)];
        tests[i] =
            (struct CMUnitTest){c->name, tested[i / COUNT(cases)], NULL, NULL, (void *)c};
    }
    return cmocka_run_group_tests_name("op_matvec", tests, NULL, NULL);
}
