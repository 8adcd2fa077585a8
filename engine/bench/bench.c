/* bench.c - a model that trains on random text, and the rounds in which its steps are measured.
 */
#include "engine/bench/bench.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/bench/parts.h"
#include "engine/core/clock.h"
#include "engine/model/factored.h"
#include "engine/nn/blas.h"

/* Text to cut sequences from, in batches; steps that only warm up. */
enum { TEXT_BATCHES = 4, WARM_STEPS = 2 };

/* Small enough that the weights stay of the size that they start with. */
static const double learning_rate = 1e-4;

/* ---- making ---- */

bool bench_model_init(struct bench_model *m, const struct bench_options *o, struct err *err) {
    blas_init();
    m->ex.pool = pool_create(o->threads, err);
    return m->ex.pool && param_table_create(&o->config, &m->table, err);
}

bool bench_model_fill(struct bench_model *m, struct err *err) {
    if (!weights_create(&m->table, &m->w, err)) return false;
    weights_init(&m->w, 1);
    return true;
}

void bench_model_deinit(struct bench_model *m) {
    weights_destroy(&m->w);
    param_table_destroy(&m->table);
    pool_destroy(m->ex.pool);
}

bool bench_fits(double bytes, struct err *err) {
    const double gib = 1073741824.0;
    double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (bytes < 0.95 * there) return true;
    return err_set(err, ERR_NOMEM,
                   "this needs %.1f GiB and the machine has %.1f: take a smaller batch, block "
                   "or model",
                   bytes / gib, there / gib);
}

struct transformer_plan bench_transformer_plan(const struct bench_options *o) {
    size_t rows = (size_t)o->batch * (size_t)o->block;
    return (struct transformer_plan){.batch = o->batch,
                                     .time = o->block,
                                     .backward = true,
                                     .factors = factored_pays(&o->config, rows),
                                     .in_grads = true};
}

/* Weights, gradients and two moments; activations; operands of the limits. */
static bool check_memory(const struct bench *b, struct err *err) {
    const struct bench_options *o = &b->options;
    const struct param_table *t = &b->model.table;
    int threads = bench_threads(b);
    double reals = 4.0 * (double)t->parameters + 2.0 * (double)limits_operand_reals(o);
    if (o->optim.kind == OPTIMIZER_MUON) reals += (double)muon_scratch(t) * threads;
    double bytes = reals * sizeof(real);
    bytes += (double)transformer_bytes(&o->config, bench_transformer_plan(o), threads);
    return bench_fits(bytes, err);
}

static bool take_lists(struct bench *b, struct err *err) {
    size_t groups = (size_t)b->model.table.n_groups;
    size_t cells = (size_t)b->options.batch * (size_t)b->options.block;
    b->learn = calloc(groups, sizeof *b->learn);
    b->norms = calloc(groups, sizeof *b->norms);
    b->updates = calloc(groups, sizeof *b->updates);
    b->text = calloc(TEXT_BATCHES * cells + 1, sizeof *b->text);
    b->x = calloc(cells, sizeof *b->x);
    b->y = calloc(cells, sizeof *b->y);
    if (b->learn && b->norms && b->updates && b->text && b->x && b->y) return true;
    return err_set(err, ERR_NOMEM, "not enough memory for batches of %zu tokens", cells);
}

static bool take_operands(struct bench *b, struct err *err) {
    b->operand_reals = limits_operand_reals(&b->options);
    b->memory = arena_create(2 * arena_round(b->operand_reals * sizeof(real)), err);
    if (!b->memory) return false;
    b->in = arena_take_reals(b->memory, b->operand_reals, err);
    b->out = arena_take_reals(b->memory, b->operand_reals, err);
    return b->in && b->out;
}

/* A stream of random numbers, of the size that a normed one has. */
static bool take_prefix(struct bench *b, struct err *err) {
    const struct bench_options *o = &b->options;
    size_t batch = (size_t)o->batch, reals = (size_t)o->block * (size_t)o->config.width;
    if (!o->known || transformer_cut(&b->model.table, b->learn) == 0) return true;
    b->prefix_memory = arena_create(batch * arena_round(reals * sizeof(real)), err);
    b->prefix_rows = calloc(batch, sizeof *b->prefix_rows);
    b->prefix_known = calloc(batch, sizeof *b->prefix_known);
    if (!b->prefix_memory) return false;
    if (!b->prefix_rows || !b->prefix_known)
        return err_set(err, ERR_NOMEM, "not enough memory for %d sequences", o->batch);
    struct rng rng = rng_make(4, 5, 6);
    for (size_t i = 0; i < batch; i++) {
        b->prefix_rows[i] = arena_take_reals(b->prefix_memory, reals, err);
        if (!b->prefix_rows[i]) return false;
        for (size_t j = 0; j < reals; j++) b->prefix_rows[i][j] = (real)rng_normal(&rng);
        b->prefix_known[i] = true;
    }
    return true;
}

static bool choose_groups(struct bench *b, struct err *err) {
    const char *freeze = b->options.freeze;
    int n = b->model.table.n_groups;
    if (!groups_select(&b->model.table, freeze, b->learn, err)) return false;
    for (int g = 0; g < n; g++) b->learn[g] = !b->learn[g];
    return plan_make(b, err);
}

static bool create(struct bench *b, struct err *err) {
    const struct bench_options *o = &b->options;
    if (o->batch > INT_MAX / o->block)
        return err_set(err, ERR_RANGE, "a batch of %d times %d tokens is too large", o->batch,
                       o->block);
    if (!bench_model_init(&b->model, o, err) || !check_memory(b, err) || !take_lists(b, err) ||
        !choose_groups(b, err) || !bench_model_fill(&b->model, err) ||
        !weights_create(&b->model.table, &b->g, err) ||
        !optim_create(&b->model.ex, &b->model.table, o->optim, &b->optim, err) ||
        !take_prefix(b, err) || !take_operands(b, err))
        return false;
    b->tf = transformer_create(&b->model.table, bench_transformer_plan(o), &b->model.ex, err);
    b->rng = rng_make(1, 2, 3);
    size_t n = TEXT_BATCHES * (size_t)o->batch * (size_t)o->block + 1;
    for (size_t i = 0; i < n; i++)
        b->text[i] = (int32_t)rng_below(&b->rng, (uint64_t)o->config.vocab);
    return b->tf != NULL;
}

struct bench *bench_create(const struct bench_options *o, struct err *err) {
    struct bench *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(err, ERR_NOMEM, "not enough memory for a bench");
        return NULL;
    }
    *b = (struct bench){.options = *o};
    if (create(b, err)) return b;
    bench_destroy(b);
    return NULL;
}

void bench_destroy(struct bench *b) {
    if (!b) return;
    transformer_destroy(b->tf);
    optim_destroy(&b->optim);
    weights_destroy(&b->g);
    bench_model_deinit(&b->model);
    arena_destroy(b->memory);
    arena_destroy(b->prefix_memory);
    free(b->prefix_rows);
    free(b->prefix_known);
    free(b->blocks);
    free(b->learn);
    free(b->norms);
    free(b->updates);
    free(b->text);
    free(b->x);
    free(b->y);
    free(b);
}

int bench_threads(const struct bench *b) { return pool_threads(b->model.ex.pool); }

void bench_frozen(const struct bench *b, struct buf *out) {
    int n = b->model.table.n_groups;
    bool *frozen = calloc((size_t)n, sizeof *frozen);
    for (int g = 0; frozen && g < n; g++) frozen[g] = !b->learn[g];
    if (frozen) groups_format(&b->model.table, frozen, out);
    else out->failed = true;
    free(frozen);
}

/* ---- a step ---- */

enum { FORWARD, BACKWARD, UPDATE, STEP, PRODUCTS, SQUARE, N_TIMES };

/* Sequences from anywhere in the text. */
static void draw_batch(struct bench *b) {
    size_t block = (size_t)b->options.block, rows = (size_t)b->options.batch;
    uint64_t starts = (TEXT_BATCHES * rows - 1) * block + 1;
    for (size_t r = 0; r < rows; r++) {
        const int32_t *from = b->text + rng_below(&b->rng, starts);
        memcpy(b->x + r * block, from, block * sizeof *b->x);
        memcpy(b->y + r * block, from + 1, block * sizeof *b->y);
    }
}

/* As trainer_step() does it. */
static void step(struct bench *b, double times[N_TIMES]) {
    struct exec *ex = &b->model.ex;
    struct step_times passes = {0};
    double start = clock_now();
    draw_batch(b);
    struct prefix prefix = {b->prefix_rows, b->prefix_known};
    struct train_part whole = {.tokens = b->x,
                               .targets = b->y,
                               .batch = b->options.batch,
                               .time = b->options.block,
                               .weight = 1,
                               .first = true,
                               .whole = true,
                               .prefix = b->prefix_rows ? &prefix : NULL};
    transformer_train(b->tf, &b->model.w, &b->g, b->learn, &whole, &passes);
    double trained = clock_now();
    double norm = grads_norm(ex, &b->g, b->learn, NULL, b->norms);
    optim_step(ex, &b->optim, &b->model.w, &b->g, b->learn, learning_rate,
               norm > 1 ? 1 / norm : 1, b->updates);
    double end = clock_now();
    times[FORWARD] = passes.forward;
    times[BACKWARD] = passes.backward;
    times[UPDATE] = end - trained;
    times[STEP] = end - start;
}

/* The limits, then a step. */
static void measure_round(struct bench *b, double times[N_TIMES]) {
    double start = clock_now();
    limits_products(b);
    times[PRODUCTS] = clock_now() - start;
    times[SQUARE] = limits_square(b);
    step(b, times);
}

/* Everything once, so that memory is there and caches and clocks are warm; tells what a step
 * costs in memory before the limits take theirs. Returns the seconds of a round. */
static double warm_up(struct bench *b, struct bench_step *out) {
    double times[N_TIMES];
    for (int i = 0; i < WARM_STEPS; i++) step(b, times);
    out->peak_rss_bytes = rounds_peak_rss();
    limits_fill(b);
    uint64_t before = b->model.ex.flops;
    measure_round(b, times);
    double start = clock_now();
    measure_round(b, times);
    double seconds = clock_now() - start;
    b->model.ex.flops = before;
    limits_products(b);
    out->linear_flops = b->model.ex.flops - before;
    before = b->model.ex.flops;
    step(b, times);
    out->flops = b->model.ex.flops - before;
    return seconds;
}

static void sum_up(double *times, int n, struct bench_step *out) {
    struct bench_time all[N_TIMES];
    for (int k = 0; k < N_TIMES; k++) all[k] = rounds_sum_up(times + (size_t)k * (size_t)n, n);
    out->step = all[STEP];
    out->forward = all[FORWARD].median;
    out->backward = all[BACKWARD].median;
    out->update = all[UPDATE].median;
    out->linear_seconds = all[PRODUCTS].median;
    out->square_gflops = 1e-9 * limits_square_flops() / all[SQUARE].median;
}

bool bench_train(struct bench *b, struct bench_step *out, struct err *err) {
    const struct bench_options *o = &b->options;
    const struct param_table *t = &b->model.table;
    *out = (struct bench_step){.parameters = t->parameters};
    for (int g = 0; g < t->n_groups; g++)
        out->learning += b->learn[g] ? t->groups[g].parameters : 0;
    out->activations_bytes =
        transformer_bytes(&o->config, bench_transformer_plan(o), bench_threads(b)) -
        transformer_bytes_in_grads(t, bench_transformer_plan(o), b->learn);
    int n = out->iters = rounds_for(o, warm_up(b, out));
    double *times = calloc((size_t)N_TIMES * (size_t)n, sizeof *times), one[N_TIMES];
    if (!times) return err_set(err, ERR_NOMEM, "not enough memory for %d times", n);
    for (int i = 0; i < n; i++) {
        rounds_tell(o, i, n);
        measure_round(b, one);
        for (int k = 0; k < N_TIMES; k++) times[k * n + i] = one[k];
    }
    rounds_tell(o, n, n);
    sum_up(times, n, out);
    free(times);
    return true;
}
