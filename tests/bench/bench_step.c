/* bench_step.c - where the time of a training step goes, for one shape.
 *   bench_step [--family qwen3] [--layers 6] [--heads 6] [--kv-heads H] [--width 192] [--ffn F]
 *              [--vocab 4096] [--batch 32] [--block 128] [--freeze GROUPS] [--iters 10]
 *              [--threads 0] [--recompute 0]
 * Prints medians in milliseconds, GFLOP/s of the step, and its share of what sgemm alone gives
 * here. Run with OPENBLAS_NUM_THREADS=1, and OPENBLAS_CORETYPE where the library mistakes the
 * CPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/rng.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"
#include "engine/optim/optim.h"

struct shape {
    struct model_config config;
    int batch, block, iters, threads, recompute;
    const char *freeze;
};

struct bench {
    struct shape shape;
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    struct optim optim;
    struct transformer *tf;
    bool *learn;
    double *norms;
    int32_t *tokens; /* [batch * block + 1] */
};

static void fail(const struct err *err) {
    fprintf(stderr, "bench_step: %s\n", err->msg);
    exit(1);
}

static int *int_option(struct shape *s, const char *name) {
    const struct {
        const char *name;
        int *value;
    } options[] = {{"--layers", &s->config.layers},
                   {"--heads", &s->config.heads},
                   {"--kv-heads", &s->config.kv_heads},
                   {"--width", &s->config.width},
                   {"--ffn", &s->config.ffn},
                   {"--vocab", &s->config.vocab},
                   {"--batch", &s->batch},
                   {"--block", &s->block},
                   {"--iters", &s->iters},
                   {"--threads", &s->threads},
                   {"--recompute", &s->recompute}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, name) == 0) return options[i].value;
    return NULL;
}

static struct shape parse(int argc, char **argv) {
    struct shape s = {.config = {.family = FAMILY_QWEN3,
                                 .layers = 6,
                                 .heads = 6,
                                 .width = 192,
                                 .vocab = 4096},
                      .batch = 32,
                      .block = 128,
                      .iters = 10,
                      .freeze = ""};
    for (int i = 1; i + 1 < argc; i += 2) {
        int *number = int_option(&s, argv[i]);
        if (number) *number = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--freeze") == 0) s.freeze = argv[i + 1];
        else if (strcmp(argv[i], "--family") == 0)
            s.config.family = family_by_word(argv[i + 1]);
        else s.config.family = FAMILY_COUNT;
    }
    if (s.config.family == FAMILY_COUNT || s.batch < 1 || s.block < 1 || s.iters < 1 ||
        s.threads < 0 || argc % 2 == 0) {
        fprintf(stderr,
                "bench_step: unknown or incomplete option; see the top of bench_step.c\n");
        exit(2);
    }
    s.config.context = s.block;
    s.config.tied = true;
    return s;
}

static struct transformer_plan plan_of(const struct shape *s) {
    return (struct transformer_plan){
        .batch = s->batch, .time = s->block, .backward = true, .recompute = s->recompute};
}

static void set_up(struct bench *b) {
    struct err err = {0};
    struct shape *s = &b->shape;
    struct optim_settings adamw = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = 0.1};
    blas_init();
    b->ex.pool = pool_create(s->threads, &err);
    if (!b->ex.pool || !model_config_complete(&s->config, &err) ||
        !param_table_create(&s->config, &b->table, &err) ||
        !weights_create(&b->table, &b->w, &err) || !weights_create(&b->table, &b->g, &err) ||
        !optim_create(&b->ex, &b->table, adamw, &b->optim, &err))
        fail(&err);
    b->tf = transformer_create(&b->table, plan_of(s), &b->ex, &err);
    if (!b->tf) fail(&err);
    size_t groups = (size_t)b->table.n_groups, n = (size_t)s->batch * (size_t)s->block + 1;
    bool *frozen = calloc(groups, sizeof *frozen);
    b->learn = calloc(groups, sizeof *b->learn);
    b->norms = calloc(groups, sizeof *b->norms);
    b->tokens = calloc(n, sizeof *b->tokens);
    if (!frozen || !b->learn || !b->norms || !b->tokens) abort();
    if (!groups_select(&b->table, s->freeze, frozen, &err)) fail(&err);
    for (size_t g = 0; g < groups; g++) b->learn[g] = !frozen[g];
    free(frozen);
    weights_init(&b->w, 1);
    struct rng rng = rng_make(1, 2, 3);
    for (size_t i = 0; i < n; i++)
        b->tokens[i] = (int32_t)rng_below(&rng, (uint64_t)s->config.vocab);
}

/* GFLOP/s of square products on the pool: the machine's limit for us. */
static double sgemm_gflops(struct exec *ex) {
    enum { SIDE = 1024, REPEATS = 8 };
    real *m = calloc((size_t)3 * SIDE * SIDE, sizeof *m);
    if (!m) abort();
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = clock_now();
        blas_gemm(ex, &(struct gemm){.m = SIDE,
                                     .n = SIDE,
                                     .k = SIDE,
                                     .A = m,
                                     .lda = SIDE,
                                     .B = m + SIDE * SIDE,
                                     .ldb = SIDE,
                                     .C = m + 2 * SIDE * SIDE,
                                     .ldc = SIDE});
        double speed = 2e-9 * SIDE * SIDE * SIDE / (clock_now() - start);
        if (speed > best) best = speed;
    }
    free(m);
    return best;
}

enum { FORWARD, BACKWARD, UPDATE, TOTAL, N_TIMES };

static void step(struct bench *b, double times[N_TIMES]) {
    struct step_times t;
    double start = clock_now();
    grads_zero(&b->ex, &b->g, b->learn);
    double zeroed = clock_now() - start;
    struct train_part part = {.tokens = b->tokens,
                              .targets = b->tokens + 1,
                              .batch = b->shape.batch,
                              .time = b->shape.block,
                              .weight = 1};
    transformer_train(b->tf, &b->w, &b->g, b->learn, &part, &t);
    double turn = clock_now();
    double norm = grads_norm(&b->ex, &b->g, b->learn, b->norms);
    optim_step(&b->ex, &b->optim, &b->w, &b->g, b->learn, 1e-4, norm > 1 ? 1 / norm : 1,
               b->norms);
    double end = clock_now();
    times[FORWARD] = t.forward;
    times[BACKWARD] = t.backward;
    times[UPDATE] = end - turn + zeroed;
    times[TOTAL] = end - start;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static const char *const words[N_TIMES] = {"forward", "backward", "update", "step"};
    struct bench b = {.shape = parse(argc, argv)};
    set_up(&b);
    size_t iters = (size_t)b.shape.iters;
    double *times = calloc(N_TIMES * iters, sizeof *times), one[N_TIMES], total = 0;
    if (!times) abort();
    step(&b, one); /* touches the memory */
    b.ex.flops = 0;
    for (size_t i = 0; i < iters; i++) {
        step(&b, one);
        for (size_t k = 0; k < N_TIMES; k++) times[k * iters + i] = one[k];
    }
    double gflop = (double)b.ex.flops / b.shape.iters * 1e-9;
    printf("%s, %zu parameters, %d threads\n", blas_describe(), b.table.parameters,
           pool_threads(b.ex.pool));
    for (size_t k = 0; k < N_TIMES; k++) {
        qsort(times + k * iters, iters, sizeof *times, compare);
        total = times[k * iters + iters / 2];
        printf("%-9s %9.2f ms  (min %.2f, max %.2f)\n", words[k], 1e3 * total,
               1e3 * times[k * iters], 1e3 * times[k * iters + iters - 1]);
    }
    double limit = sgemm_gflops(&b.ex);
    printf("%.2f GFLOP a step, %.1f GFLOP/s, %.0f%% of sgemm's %.1f; %.0f tokens/s\n", gflop,
           gflop / total, 100 * gflop / total / limit, limit,
           b.shape.batch * b.shape.block / total);
    printf(
        "memory of activations %.1f MiB\n",
        (double)transformer_bytes(&b.table.config, plan_of(&b.shape), pool_threads(b.ex.pool)) /
            (1 << 20));
    return 0;
}
