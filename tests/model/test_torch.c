/* test_torch.c - a tiny model of each family against what PyTorch computed for it: logits,
 * loss, every gradient tensor, and a curve of 20 steps; of two with adapters, which alone
 * learn. Formats and formulas: tests/fixtures/make_torch.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"
#include "engine/optim/optim.h"

enum { BATCH = 2, TIME = 12, ROWS = BATCH * TIME, STEPS = 20 };

/* ---- the formula that both sides make weights and tokens by ---- */

static uint64_t fnv1a64(const char *text) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++) h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* Element i of the stream `name`: 24 bits. */
static uint64_t bits(const char *name, uint64_t i) {
    uint64_t z = fnv1a64(name) + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) >> 40;
}

/* Where element (row, col) of our matrix stands in the file's order. */
static size_t file_index(const struct param *p, size_t row, size_t col) {
    return p->transposed ? col * (size_t)p->rows + row : row * (size_t)p->cols + col;
}

static void make_weights(struct weights *w) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        real *x = weights_param(w, i);
        for (size_t r = 0; r < (size_t)p->rows; r++)
            for (size_t c = 0; c < (size_t)p->cols; c++) {
                double unit = (double)bits(p->name, file_index(p, r, c)) / (1 << 24);
                x[r * (size_t)p->cols + c] = (real)(p->init_value + 0.5 * (unit - 0.5));
            }
    }
}

static void make_batch(int step, int vocab, int32_t *tokens, int32_t *targets) {
    char name[32];
    snprintf(name, sizeof name, "tokens.%d", step);
    for (int r = 0; r < ROWS; r++) {
        uint64_t at = (uint64_t)(r / TIME * (TIME + 1) + r % TIME);
        tokens[r] = (int32_t)(bits(name, at) % (uint64_t)vocab);
        targets[r] = r % 7 == 3 ? -1 : (int32_t)(bits(name, at + 1) % (uint64_t)vocab);
    }
}

/* ---- the file ---- */

struct record {
    const char *data;
    size_t n;
};

static struct record find(const struct buf *file, const char *name) {
    for (size_t at = 0; at < file->len;) {
        char word[128], type;
        int skip = 0;
        size_t n;
        assert_int_equal(sscanf(file->data + at, "%127s %c %zu%n", word, &type, &n, &skip), 3);
        at += (size_t)skip + 1;
        if (strcmp(word, name) == 0) return (struct record){file->data + at, n};
        at += n * (type == 'f' ? sizeof(float) : 1);
    }
    fail_msg("no %s in the fixture", name);
    return (struct record){0};
}

static double number(struct record r, size_t i) {
    float x;
    assert_true(i < r.n);
    memcpy(&x, r.data + i * sizeof x, sizeof x);
    return (double)x;
}

/* ---- the models ---- */

struct reference {
    struct buf file;
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    const bool *learn; /* NULL: all */
    struct transformer *tf;
    int32_t tokens[ROWS], targets[ROWS];
};

/* The adapters of make_torch.py. */
static struct adapter adapter_of(const struct model_config *c) {
    bool gpt2 = c->family == FAMILY_GPT2;
    const char *const words[] = {gpt2 ? "all" : "q", "v", gpt2 ? "o" : "gate", "down"};
    struct adapter a = {.rank = 3, .alpha = 6, .rs = !gpt2};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        uint8_t bits = 0;
        assert_true(adapter_word(c, words[i], &bits, NULL));
        for (int l = 0; l < c->layers; l++) a.targets[l] |= bits;
    }
    return a;
}

static void open_reference(struct reference *f, const char *path) {
    struct err err = {0};
    struct model_config config;
    *f = (struct reference){0};
    blas_init();
    if (!files_read(path, 1 << 20, &f->file, &err)) fail_msg("%s", err.msg);
    struct record text = find(&f->file, "config.json");
    if (!model_config_parse(text.data, text.n, &config, &err)) fail_msg("%s", err.msg);
    if (strstr(path, "_lora")) config.adapter = adapter_of(&config);
    f->ex.pool = pool_create(2, &err);
    assert_non_null(f->ex.pool);
    assert_true(param_table_create(&config, &f->table, &err));
    assert_true(weights_create(&f->table, &f->w, &err));
    assert_true(weights_create(&f->table, &f->g, &err));
    f->learn = config.adapter.rank > 0 ? f->table.lora : NULL;
    f->tf = transformer_create(
        &f->table, (struct transformer_plan){.batch = BATCH, .time = TIME, .backward = true},
        &f->ex, &err);
    assert_non_null(f->tf);
    make_weights(&f->w);
    make_batch(0, config.vocab, f->tokens, f->targets);
}

static void close_reference(struct reference *f) {
    transformer_destroy(f->tf);
    weights_destroy(&f->w);
    weights_destroy(&f->g);
    param_table_destroy(&f->table);
    pool_destroy(f->ex.pool);
    buf_deinit(&f->file);
}

/* learn NULL: all. */
static double train_those(struct reference *f, const bool *learn) {
    struct train_part part = {.tokens = f->tokens,
                              .targets = f->targets,
                              .batch = BATCH,
                              .time = TIME,
                              .weight = 1,
                              .first = true};
    return transformer_train(f->tf, &f->w, &f->g, learn, &part, NULL);
}

static double train(struct reference *f) { return train_those(f, f->learn); }

static void test_logits_and_loss(void **state) {
    struct reference f;
    open_reference(&f, *state);
    size_t n = (size_t)ROWS * (size_t)f.table.config.vocab;
    struct record logits = find(&f.file, "logits"), loss = find(&f.file, "loss");
    real *ours = calloc(n, sizeof *ours);
    assert_non_null(ours);
    assert_int_equal(logits.n, n);
    transformer_logits(f.tf, &f.w, f.tokens, BATCH, TIME, ours);
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)ours[i] - number(logits, i)));
    assert_true(worst <= 1e-4);
    double read_only =
        transformer_loss(f.tf, &f.w, f.tokens, f.targets, BATCH, TIME, NULL, NULL);
    assert_true(fabs(read_only - number(loss, 0)) <= 1e-5);
    assert_true(fabs(train(&f) - number(loss, 0)) <= 1e-5);
    free(ours);
    close_reference(&f);
}

/* Norm of the difference by norm of the reference, for each tensor. */
static void assert_gradients_within(struct reference *f, double tolerance) {
    for (int i = 0; i < f->table.n_params; i++) {
        const struct param *p = &f->table.params[i];
        const real *g = weights_param(&f->g, i);
        if (f->learn && !f->learn[p->group]) continue;
        char name[128];
        double off = 0, size = 0;
        snprintf(name, sizeof name, "grad.%s", p->name);
        struct record theirs = find(&f->file, name);
        assert_int_equal(theirs.n, p->rows * p->cols);
        for (size_t r = 0; r < (size_t)p->rows; r++)
            for (size_t c = 0; c < (size_t)p->cols; c++) {
                double x = number(theirs, file_index(p, r, c));
                double d = (double)g[r * (size_t)p->cols + c] - x;
                off += d * d;
                size += x * x;
            }
        assert_true(size > 0);
        if (!(sqrt(off / size) <= tolerance))
            fail_msg("%s: off by %g", p->name, sqrt(off / size));
    }
}

static void test_gradients(void **state) {
    struct reference f;
    open_reference(&f, *state);
    train(&f);
    assert_gradients_within(&f, 1e-4);
    close_reference(&f);
}

/* What learns at a step. */
enum variant { ALL_LEARN, BLOCKS_FROZEN, BLOCK_0_PLANNED };

static bool learns(enum variant v, int layer, int step) {
    if (v == BLOCKS_FROZEN) return layer < 0;
    return v == ALL_LEARN || layer != 0 || step >= STEPS / 2;
}

/* 20 steps of AdamW; of a frozen group neither a share in the norm, nor a moment. */
static void check_curve(const char *path, enum variant v, const char *prefix) {
    struct reference f;
    struct optim optim;
    double norms[16];
    bool learn[16];
    char names[2][32];
    open_reference(&f, path);
    snprintf(names[0], sizeof names[0], "%scurve", prefix);
    snprintf(names[1], sizeof names[1], "%snorm", prefix);
    struct record curve = find(&f.file, names[0]), norm = find(&f.file, names[1]);
    struct optim_settings settings = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1};
    struct schedule schedule = {
        .kind = SCHEDULE_COSINE, .steps = STEPS, .warmup = 4, .lr = 0.01, .final_share = 0.1};
    assert_true(f.table.n_groups <= 16);
    assert_true(optim_create(&f.ex, &f.table, settings, &optim, NULL));
    for (int g = 0; g < f.table.n_groups; g++)
        if (v == BLOCK_0_PLANNED && f.table.groups[g].layer == 0) optim.lr_scale[g] = 0.5;
    for (int s = 0; s < STEPS; s++) {
        for (int g = 0; g < f.table.n_groups; g++)
            learn[g] = (!f.learn || f.learn[g]) && learns(v, f.table.groups[g].layer, s);
        make_batch(s, f.table.config.vocab, f.tokens, f.targets);
        double loss = train_those(&f, learn), all = grads_norm(&f.ex, &f.g, learn, NULL, norms);
        double off = fabs(loss - number(curve, (size_t)s));
        double norm_off = fabs(all - number(norm, (size_t)s)) / all;
        if (!(off <= 1e-4 && norm_off <= 1e-3))
            fail_msg("step %d: loss off by %g, gradient norm by %g", s, off, norm_off);
        optim_step(&f.ex, &optim, &f.w, &f.g, learn, schedule_lr(&schedule, s),
                   all > 1 ? 1 / all : 1, NULL);
    }
    optim_destroy(&optim);
    close_reference(&f);
}

static void test_curve(void **state) { check_curve(*state, ALL_LEARN, ""); }

static void test_frozen_curve(void **state) { check_curve(*state, BLOCKS_FROZEN, "frozen."); }

static void test_planned_curve(void **state) { check_curve(*state, BLOCK_0_PLANNED, "plan."); }
/* ---- prompts and padding ---- */

enum { MASKED_ROWS = 3, MASKED_CELLS = MASKED_ROWS * TIME };

static void make_masked(int vocab, int32_t *tokens, int32_t *targets) {
    static const int prompts[MASKED_ROWS] = {4, 9, 1}, lengths[MASKED_ROWS] = {TIME, 10, 5};
    for (int r = 0; r < MASKED_CELLS; r++) {
        int row = r / TIME, t = r % TIME;
        uint64_t at = (uint64_t)(row * (TIME + 1) + t);
        bool counts = t >= prompts[row] - 1 && t < lengths[row] - 1;
        tokens[r] =
            t < lengths[row] ? (int32_t)(bits("tokens.masked", at) % (uint64_t)vocab) : 0;
        targets[r] = counts ? (int32_t)(bits("tokens.masked", at + 1) % (uint64_t)vocab) : -1;
    }
}

/* The whole batch at once, and a row at a time: each weighs as many targets as it has. */
static void test_masked(void **state) {
    struct reference f;
    struct err err = {0};
    int32_t tokens[MASKED_CELLS], targets[MASKED_CELLS];
    open_reference(&f, *state);
    make_masked(f.table.config.vocab, tokens, targets);
    double want = number(find(&f.file, "loss"), 0);
    double all = (double)targets_counted(targets, MASKED_CELLS);
    for (int rows = 1; rows <= MASKED_ROWS; rows += MASKED_ROWS - 1) {
        struct transformer_plan plan = {.batch = rows, .time = TIME, .backward = true};
        struct transformer *tf = transformer_create(&f.table, plan, &f.ex, &err);
        assert_non_null(tf);
        double loss = 0;
        for (int at = 0; at < MASKED_CELLS; at += rows * TIME) {
            double here = (double)targets_counted(targets + at, (size_t)(rows * TIME));
            struct train_part part = {.tokens = tokens + at,
                                      .targets = targets + at,
                                      .batch = rows,
                                      .time = TIME,
                                      .weight = here / all,
                                      .first = at == 0};
            loss += part.weight * transformer_train(tf, &f.w, &f.g, NULL, &part, NULL);
        }
        if (!(fabs(loss - want) <= 1e-5)) fail_msg("loss %.9g, not %.9g", loss, want);
        assert_gradients_within(&f, 1e-5);
        transformer_destroy(tf);
    }
    close_reference(&f);
}

int main(void) {
    static const struct {
        const char *name;
        void (*test)(void **state);
    } parts[] = {{"logits and loss", test_logits_and_loss},
                 {"gradients", test_gradients},
                 {"curve of 20 steps", test_curve},
                 {"curve with all blocks frozen", test_frozen_curve},
                 {"curve with block 0 thawed at half the rate", test_planned_curve}};
    static const char *const models[] = {"gpt2",  "llama",     "qwen2",
                                         "qwen3", "gpt2_lora", "qwen3_lora"};
    /* The variants are of the models themselves. */
    enum { PARTS = sizeof parts / sizeof *parts, OF_ADAPTERS = 3, MODELS = 6, ADAPTED = 2 };
    enum { TESTS = PARTS * (MODELS - ADAPTED) + OF_ADAPTERS * ADAPTED };
    static char names[TESTS][64], paths[MODELS][512];
    static char masked[] = THAW_SOURCE_DIR "/tests/fixtures/torch_masked.bin";
    struct CMUnitTest tests[TESTS + 1];
    int n = 0;
    for (int m = 0; m < MODELS; m++) {
        snprintf(paths[m], sizeof paths[m], "%s/tests/fixtures/torch_%s.bin", THAW_SOURCE_DIR,
                 models[m]);
        for (int i = 0; i < (m < MODELS - ADAPTED ? PARTS : OF_ADAPTERS); i++, n++) {
            snprintf(names[n], sizeof names[n], "%s: %s", models[m], parts[i].name);
            tests[n] = (struct CMUnitTest){names[n], parts[i].test, NULL, NULL, paths[m]};
        }
    }
    tests[n] =
        (struct CMUnitTest){"qwen3: prompts and padding", test_masked, NULL, NULL, masked};
    return cmocka_run_group_tests_name("against PyTorch", tests, NULL, NULL);
}
