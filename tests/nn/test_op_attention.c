/* Attention in blocks against the plain T x T formula, and against finite differences. */
#include "engine/nn/blas.h"
#include "engine/nn/op_attention.h"
#include "nn_test.h"

static const struct attention_case {
    const char *name;
    int batch, time, heads, kv_heads, head_dim;
    bool packed; /* q, k, v side by side in one matrix, as the model has them for GPT-2 */
} small[] =
    {
        {"attention: one token", 1, 1, 1, 1, 1, false},
        {"attention: one token, grouped", 2, 1, 4, 2, 3, true},
        {"attention: odd head", 1, 5, 2, 2, 5, false},
        {"attention: grouped heads, packed", 2, 4, 4, 2, 4, true},
        {"attention: all heads on one", 1, 6, 3, 1, 2, true},
},
  large[] = {
      {"attention: just one block", 1, 64, 2, 1, 8, false},
      {"attention: a block and one more", 2, 65, 2, 2, 7, true},
      {"attention: several blocks of queries", 1, 200, 2, 1, 16, false},
      {"attention: just one block of keys", 1, 256, 1, 1, 16, false},
      {"attention: a block of keys and one more", 1, 257, 2, 1, 5, true},
      {"attention: three blocks of keys", 1, 700, 1, 1, 32, false},
};

struct fixture {
    struct blocks mem;
    struct attention_dims d;
    struct exec ex;
    real *q, *k, *v, *r, *out, *lse, *scratch;
    real *dq, *dk, *dv;
    size_t n_q, n_kv, n_out, n_lse; /* n_q, n_kv: whole matrices, what lies between included */
};

static void init(struct fixture *f, const struct attention_case *c) {
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim, tokens = c->batch * c->time;
    int sq = c->packed ? q + 2 * kv : q, skv = c->packed ? sq : kv;
    *f = (struct fixture){.d = {.batch = c->batch,
                                .time = c->time,
                                .heads = c->heads,
                                .kv_heads = c->kv_heads,
                                .head_dim = c->head_dim,
                                .q_stride = sq,
                                .k_stride = skv,
                                .v_stride = skv,
                                .dq_stride = sq,
                                .dk_stride = skv,
                                .dv_stride = skv}};
    f->n_q = (size_t)(tokens * sq);
    f->n_kv = (size_t)(tokens * skv);
    f->n_out = (size_t)(tokens * q);
    f->n_lse = (size_t)(tokens * c->heads);
    f->q = randoms(&f->mem, f->n_q, 1);
    f->k = c->packed ? f->q + q : randoms(&f->mem, f->n_kv, 2);
    f->v = c->packed ? f->q + q + kv : randoms(&f->mem, f->n_kv, 3);
    f->dq = started(&f->mem, f->n_q);
    f->dk = c->packed ? f->dq + q : started(&f->mem, f->n_kv);
    f->dv = c->packed ? f->dq + q + kv : started(&f->mem, f->n_kv);
    f->r = randoms(&f->mem, f->n_out, 4);
    f->out = zeros(&f->mem, f->n_out);
    f->lse = zeros(&f->mem, f->n_lse);
    f->scratch = zeros(&f->mem, attention_scratch(f->d) * 8);
}

static void forward(struct fixture *f) {
    attention_forward(&f->ex, f->out, f->lse, f->q, f->k, f->v, f->scratch, f->d);
}

static void backward(struct fixture *f) {
    attention_backward(&f->ex, f->dq, f->dk, f->dv, f->r, f->out, f->lse, f->q, f->k, f->v,
                       f->scratch, f->d);
}

static double loss(void *ctx) {
    struct fixture *f = ctx;
    forward(f);
    return dot(f->r, f->out, f->n_out);
}

static void test_gradient(void **state) {
    const struct attention_case *c = *state;
    struct fixture f;
    init(&f, c);
    forward(&f);
    backward(&f);
    assert_gradient(f.q, f.dq, f.n_q, loss, &f); /* packed: q, k and v at once */
    if (!c->packed) assert_gradient(f.k, f.dk, f.n_kv, loss, &f);
    if (!c->packed) assert_gradient(f.v, f.dv, f.n_kv, loss, &f);
    blocks_free(&f.mem);
}

/* One query of the plain formula in double: out[head_dim], lse, and the weights p[time]. */
static double plain_query(const struct fixture *f, int b, int h, int t, double *p,
                          double *out) {
    struct attention_dims d = f->d;
    int kv = h / (d.heads / d.kv_heads);
    double max = -1e300, sum = 0.0;
    const real *q = f->q + (b * d.time + t) * d.q_stride + h * d.head_dim;
    for (int j = 0; j <= t; j++) {
        const real *k = f->k + (b * d.time + j) * d.k_stride + kv * d.head_dim;
        p[j] = dot(q, k, (size_t)d.head_dim) / sqrt((double)d.head_dim);
        max = fmax(max, p[j]);
    }
    for (int j = 0; j <= t; j++) sum += p[j] = exp(p[j] - max);
    for (int i = 0; i < d.head_dim; i++) out[i] = 0.0;
    for (int j = 0; j <= t; j++) {
        const real *v = f->v + (b * d.time + j) * d.v_stride + kv * d.head_dim;
        p[j] /= sum;
        for (int i = 0; i < d.head_dim; i++) out[i] += p[j] * (double)v[i];
    }
    return max + log(sum);
}

static void test_forward(void **state) {
    struct fixture f;
    init(&f, *state);
    struct attention_dims d = f.d;
    double p[700], wanted[32];
    assert_true(d.time <= 700 && d.head_dim <= 32);
    for (size_t i = 0; i < f.n_q; i++) f.q[i] *= R(5.0); /* a sharp softmax */
    forward(&f);
    for (int b = 0; b < d.batch; b++)
        for (int h = 0; h < d.heads; h++)
            for (int t = 0; t < d.time; t++) {
                double lse = plain_query(&f, b, h, t, p, wanted);
                assert_near((double)f.lse[(b * d.heads + h) * d.time + t], lse, NEAR);
                for (int i = 0; i < d.head_dim; i++)
                    assert_near(
                        (double)f.out[((b * d.time + t) * d.heads + h) * d.head_dim + i],
                        wanted[i], NEAR);
            }
    blocks_free(&f.mem);
}

/* Gradients of the plain formula, gathered one query at a time. */
struct plain {
    double *dq, *dk, *dv; /* dense: [tokens, heads or kv_heads, head_dim] */
};

static void plain_backward(const struct fixture *f, int b, int h, int t, struct plain *g) {
    struct attention_dims d = f->d;
    int kv = h / (d.heads / d.kv_heads), n = d.head_dim;
    double p[700], out[32], scale = 1.0 / sqrt((double)n), taken = 0.0;
    (void)plain_query(f, b, h, t, p, out);
    const real *q = f->q + (b * d.time + t) * d.q_stride + h * n;
    const real *r = f->r + ((b * d.time + t) * d.heads + h) * n;
    double *dq = g->dq + ((b * d.time + t) * d.heads + h) * n;
    for (int i = 0; i < n; i++) taken += (double)r[i] * out[i];
    for (int j = 0; j <= t; j++) {
        const real *k = f->k + (b * d.time + j) * d.k_stride + kv * n;
        const real *v = f->v + (b * d.time + j) * d.v_stride + kv * n;
        int at = ((b * d.time + j) * d.kv_heads + kv) * n;
        double ds = scale * p[j] * (dot(r, v, (size_t)n) - taken);
        for (int i = 0; i < n; i++) {
            g->dv[at + i] += p[j] * (double)r[i];
            g->dk[at + i] += ds * (double)q[i];
            dq[i] += ds * (double)k[i];
        }
    }
}

static void assert_heads_near(const real *got, int stride, const double *wanted, int tokens,
                              int width) {
    for (int t = 0; t < tokens; t++)
        for (int i = 0; i < width; i++)
            assert_near((double)got[t * stride + i], wanted[t * width + i], NEAR);
}

static void test_backward(void **state) {
    struct fixture f;
    init(&f, *state);
    struct attention_dims d = f.d;
    int tokens = d.batch * d.time, kv_width = d.kv_heads * d.head_dim;
    struct plain g = {blocks_take(&f.mem, f.n_out * sizeof(double)),
                      blocks_take(&f.mem, (size_t)(tokens * kv_width) * sizeof(double)),
                      blocks_take(&f.mem, (size_t)(tokens * kv_width) * sizeof(double))};
    for (int b = 0; b < d.batch; b++)
        for (int h = 0; h < d.heads; h++)
            for (int t = 0; t < d.time; t++) plain_backward(&f, b, h, t, &g);
    forward(&f);
    backward(&f);
    assert_heads_near(f.dq, d.dq_stride, g.dq, tokens, d.heads * d.head_dim);
    assert_heads_near(f.dk, d.dk_stride, g.dk, tokens, kv_width);
    assert_heads_near(f.dv, d.dv_stride, g.dv, tokens, kv_width);
    blocks_free(&f.mem);
}

/* What comes later changes no bit of what came before. */
static void test_causal(void **state) {
    (void)state;
    const struct attention_case c = {NULL, 1, 300, 2, 1, 6, false};
    struct fixture a, b;
    init(&a, &c);
    forward(&a);
    static const int times[] = {0, 1, 63, 64, 200, 255, 256, 298};
    for (size_t i = 0; i < COUNT(times); i++) {
        size_t seen = (size_t)times[i] + 1;
        init(&b, &c);
        for (size_t j = seen * 6; j < b.n_kv; j++) b.k[j] = b.v[j] = R(3.0);
        forward(&b);
        assert_same_bits(b.out, a.out, seen * 12);
        assert_true(b.out[seen * 12] != a.out[seen * 12]);
        blocks_free(&b.mem);
    }
    blocks_free(&a.mem);
}

/* A query, key or value that is NaN shows in every output that sees it, and in the gradients;
 * an infinite key shows where its score is not a plain -infinity, which is a weight of 0. */
static void test_nan_shows(void **state) {
    (void)state;
    const struct attention_case c = {NULL, 1, 300, 1, 1, 6, false};
    for (int which = 0; which < 4; which++) {
        struct fixture f;
        init(&f, &c);
        real *hit = which == 0 ? f.q : which == 2 ? f.v : f.k;
        hit[70 * 6 + 2] = which == 3 ? (real)INFINITY : (real)NAN;
        forward(&f);
        for (int t = 70; t < 300; t++) {
            bool sees = which == 0 ? t == 70 : which == 3 ? f.q[t * 6 + 2] > R(0.0) : true;
            if (sees) assert_true(isnan(f.out[t * 6 + 2]));
        }
        backward(&f);
        assert_true(isnan(f.dq[(which == 3 ? 299 : 70) * 6]) || f.q[299 * 6 + 2] <= R(0.0));
        assert_true(isnan(f.dk[3 * 6]));
        assert_true(isnan(f.dv[3 * 6]) || which == 2); /* dv does not depend on v */
        blocks_free(&f.mem);
    }
}

static void test_flops(void **state) {
    (void)state;
    const struct attention_case c = {NULL, 3, 100, 4, 2, 5, false};
    struct fixture f;
    init(&f, &c);
    forward(&f);
    uint64_t product = 2 * (64 * 64 + 36 * 100) * 5 * 3 * 4; /* two blocks of queries */
    assert_true(f.ex.flops == 2 * product);
    backward(&f);
    assert_true(f.ex.flops == 7 * product);
    blocks_free(&f.mem);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->out; /* out, lse, dq, dk, dv */
    real *lse = out + f->n_out, *dq = lse + f->n_lse, *dk = dq + f->n_q, *dv = dk + f->n_kv;
    attention_forward(ex, out, lse, f->q, f->k, f->v, f->scratch, f->d);
    attention_backward(ex, dq, dk, dv, f->r, out, lse, f->q, f->k, f->v, f->scratch, f->d);
}

static void test_threads(void **state) {
    (void)state;
    const struct attention_case c = {NULL, 2, 150, 4, 2, 9, false};
    struct fixture f;
    init(&f, &c);
    size_t n = f.n_out + f.n_lse + f.n_q + 2 * f.n_kv;
    f.out = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.out, n);
    blocks_free(&f.mem);
}

int main(void) {
    blas_init();
    struct CMUnitTest tests[3 * COUNT(small) + 2 * COUNT(large) + 4] = {
        cmocka_unit_test(test_causal), cmocka_unit_test(test_nan_shows),
        cmocka_unit_test(test_flops), cmocka_unit_test(test_threads)};
    size_t n = 4;
    for (size_t i = 0; i < COUNT(small) + COUNT(large); i++) {
        bool is_small = i < COUNT(small);
        const struct attention_case *c = is_small ? &small[i] : &large[i - COUNT(small)];
        void *p = (void *)c;
        tests[n++] = (struct CMUnitTest){c->name, test_forward, NULL, NULL, p};
        tests[n++] = (struct CMUnitTest){c->name, test_backward, NULL, NULL, p};
        if (is_small) tests[n++] = (struct CMUnitTest){c->name, test_gradient, NULL, NULL, p};
    }
    return cmocka_run_group_tests_name("op_attention", tests, NULL, NULL);
}
