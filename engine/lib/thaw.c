#include "engine/lib/thaw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/data/batcher.h"
#include "engine/formats/hf_model.h"
#include "engine/nn/blas.h"
#include "engine/optim/optim.h"
#include "engine/run/sample.h"

struct thaw_model {
    struct hf_model hf;
    struct exec ex;
};

struct thaw_training {
    struct thaw_model *model; /* borrowed */
    struct schedule schedule;
    double clip;
    int batch;
    int64_t step;
    struct corpus corpus;
    struct batcher *batcher;
    struct transformer *transformer;
    struct weights grads;
    struct optim optim;
    int32_t *x, *y; /* [batch, context] */
    bool *learn;    /* [n_groups] */
    double *norms;  /* [n_groups] */
};

const char *thaw_version(void) { return THAW_VERSION; }

/* What went wrong, as the library tells it. Always false. */
static bool told(struct thaw_error *error, const struct err *err) {
    if (error) memcpy(error->text, err->msg, sizeof err->msg);
    return false;
}

/* ---- texts ---- */

/* Each line a unit. */
static bool read_lines(const char *text, size_t n, struct source_text *out, struct err *err) {
    const char *end = text + n;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        if (!source_add(out, text, length, text, length, err)) return false;
        text += length + 1;
    }
    return out->n_units > 0 || err_set(err, ERR_RANGE, "the text is empty");
}

static struct tokenizer *learn_tokenizer(const char *text, size_t n, int vocab,
                                         struct err *err) {
    struct source_text lines = {.n_units = 0};
    struct tokenizer *t = NULL;
    struct bpe_trainer *trainer = bpe_trainer_create(err);
    bool ok = trainer && read_lines(text, n, &lines, err);
    for (size_t i = 0; ok && i < lines.n_units; i++)
        ok = bpe_trainer_add(trainer, buf_text(&lines.bytes) + lines.units[i].offset,
                             lines.units[i].length, err);
    if (ok) t = bpe_trainer_finish(trainer, vocab, NULL, NULL, err);
    bpe_trainer_destroy(trainer);
    source_deinit(&lines);
    return t;
}

/* ---- models ---- */

static int or_else(int given, int otherwise) { return given ? given : otherwise; }

static bool complete(const struct thaw_shape *s, int vocab, struct model_config *c,
                     struct err *err) {
    const char *family = s->family ? s->family : "qwen3";
    *c = (struct model_config){.family = family_by_word(family),
                               .layers = or_else(s->layers, 4),
                               .heads = or_else(s->heads, 4),
                               .width = or_else(s->width, 128),
                               .context = or_else(s->context, 128),
                               .vocab = vocab,
                               .tied = true};
    if (c->family == FAMILY_COUNT)
        return err_set(err, ERR_RANGE, "there is no family \"%s\"", family);
    return model_config_complete(c, err);
}

static struct thaw_model *begin_model(int threads, struct err *err) {
    struct thaw_model *m = calloc(1, sizeof *m);
    if (!m) err_set(err, ERR_NOMEM, "not enough memory for a model");
    else if (!(m->ex.pool = pool_create(threads, err))) {
        free(m);
        m = NULL;
    }
    blas_init();
    return m;
}

static bool make(struct thaw_model *m, const struct thaw_shape *shape, const char *text,
                 size_t n, uint64_t seed, struct err *err) {
    struct model_config c;
    struct hf_model *hf = &m->hf;
    if (!complete(shape, or_else(shape->vocab, 1024), &c, err)) return false;
    if (!(hf->tokenizer = learn_tokenizer(text, n, c.vocab, err))) return false;
    c.vocab = tokenizer_vocab(hf->tokenizer); /* a short text has fewer to learn */
    if (!param_table_create(&c, &hf->table, err) ||
        !weights_create(&hf->table, &hf->weights, err))
        return false;
    weights_init(&hf->weights, seed);
    return true;
}

struct thaw_model *thaw_model_new(const struct thaw_shape *shape, const char *text, size_t n,
                                  uint64_t seed, int threads, struct thaw_error *error) {
    static const struct thaw_shape defaults;
    struct err err = {0};
    struct thaw_model *m = begin_model(threads, &err);
    if (m && make(m, shape ? shape : &defaults, text, n, seed, &err)) return m;
    thaw_model_free(m);
    told(error, &err);
    return NULL;
}

struct thaw_model *thaw_model_load(const char *folder, int threads, struct thaw_error *error) {
    struct err err = {0};
    struct thaw_model *m = begin_model(threads, &err);
    bool ok = m && hf_model_load(folder, &m->hf, &err);
    if (ok && !m->hf.tokenizer) ok = err_set(&err, ERR_IO, "%s has no tokenizer.json", folder);
    if (ok) return m;
    thaw_model_free(m);
    told(error, &err);
    return NULL;
}

bool thaw_model_save(const struct thaw_model *model, const char *folder,
                     struct thaw_error *error) {
    struct err err = {0};
    if (files_make_dirs(folder, 0777, &err) &&
        hf_model_save(folder, &model->hf.weights, model->hf.tokenizer, NULL, &err))
        return true;
    return told(error, &err);
}

void thaw_model_free(struct thaw_model *model) {
    if (!model) return;
    hf_model_destroy(&model->hf);
    pool_destroy(model->ex.pool);
    free(model);
}

size_t thaw_model_parameters(const struct thaw_model *model) {
    return model->hf.table.parameters;
}

int thaw_model_context(const struct thaw_model *model) {
    return model->hf.table.config.context;
}

/* ---- texts out of a model ---- */

static bool text_of(const struct tokenizer *t, const struct ids *ids, struct buf *out,
                    struct err *err) {
    struct token_text state = {.n_pending = 0};
    for (size_t i = 0; i < ids->n; i++)
        token_text_push(&state, t, ids->data[i], i + 1 == ids->n, out);
    return !out->failed || err_set(err, ERR_NOMEM, "not enough memory for a text");
}

char *thaw_generate(struct thaw_model *model, const char *prompt, int tokens,
                    double temperature, uint64_t seed, struct thaw_error *error) {
    struct err err = {0};
    struct ids begun = {0}, made = {0};
    struct buf text = {0};
    struct decoder *d = decoder_create(&model->hf.table, 1, &model->ex, &err);
    bool ok = d && prompt_encode(model->hf.tokenizer, prompt, &begun, &err);
    struct generate_plan plan = {
        .prompt = begun.data,
        .n_prompt = begun.n,
        .tokens = tokens,
        .sampler = {.temperature = temperature, .rng = rng_make(seed, 0, 0)},
        .out = &made};
    ok = ok && generate(d, &model->hf.weights, model->hf.tokenizer, &plan, 1, &err) &&
         text_of(model->hf.tokenizer, &made, &text, &err);
    char *copy = ok ? strdup(buf_text(&text)) : NULL;
    if (ok && !copy) err_set(&err, ERR_NOMEM, "not enough memory for a text");
    if (!copy) told(error, &err);
    decoder_destroy(d);
    ids_deinit(&begun);
    ids_deinit(&made);
    buf_deinit(&text);
    return copy;
}

static double mean_loss(struct thaw_model *m, const struct ids *ids, struct err *err) {
    struct model_config *c = &m->hf.table.config;
    struct transformer_plan plan = {.batch = 1, .time = c->context};
    struct transformer *tf = transformer_create(&m->hf.table, plan, &m->ex, err);
    double *logprob = calloc(ids->n, sizeof *logprob), sum = 0;
    bool ok =
        tf && logprob &&
        score_ids(tf, &m->hf.weights, ids->data, ids->n, c->context, logprob, NULL, NULL, err);
    for (size_t i = 1; ok && i < ids->n; i++) sum -= logprob[i];
    if (!logprob) err_set(err, ERR_NOMEM, "not enough memory for a text's score");
    free(logprob);
    transformer_destroy(tf);
    return ok ? sum / (double)(ids->n - 1) : (double)NAN;
}

/* The lines as a training sees them: one after the other, between end-of-text tokens. */
static bool ids_of_lines(struct thaw_model *m, const char *text, size_t n, struct ids *out,
                         struct err *err) {
    struct source_text lines = {.n_units = 0};
    struct corpus corpus = {.n_units = 0};
    int32_t eot = tokenizer_eot(m->hf.tokenizer);
    bool ok = read_lines(text, n, &lines, err) &&
              corpus_build(&lines, SPLIT_ALL, m->hf.tokenizer, NULL, NULL, &corpus, err) &&
              (eot < 0 || ids_push(out, eot, err));
    for (size_t i = 0; ok && i < corpus.n_tokens; i++)
        ok = ids_push(out, corpus_token(&corpus, i), err);
    corpus_deinit(&corpus);
    source_deinit(&lines);
    return ok && (out->n > 1 || err_set(err, ERR_RANGE, "one token alone has no loss"));
}

double thaw_score(struct thaw_model *model, const char *text, size_t n,
                  struct thaw_error *error) {
    struct err err = {0};
    struct ids ids = {0};
    double loss = NAN;
    if (ids_of_lines(model, text, n, &ids, &err)) loss = mean_loss(model, &ids, &err);
    if (isnan(loss)) told(error, &err);
    ids_deinit(&ids);
    return loss;
}

/* ---- training ---- */

static bool read_recipe(const struct thaw_recipe *r, struct thaw_training *t,
                        struct optim_settings *optim, struct err *err) {
    const char *word = r->optimizer ? r->optimizer : optimizer_words[OPTIMIZER_ADAMW];
    int64_t steps = r->steps ? r->steps : 1000;
    *optim = (struct optim_settings){.kind = OPTIMIZER_COUNT,
                                     .beta1 = 0.9,
                                     .beta2 = 0.95,
                                     .eps = 1e-8,
                                     .decay = 0.1,
                                     .momentum = 0.95};
    for (int k = 0; k < OPTIMIZER_COUNT; k++)
        if (strcmp(word, optimizer_words[k]) == 0) optim->kind = (enum optimizer_kind)k;
    if (optim->kind == OPTIMIZER_COUNT)
        return err_set(err, ERR_RANGE, "there is no optimizer \"%s\"", word);
    t->schedule = (struct schedule){.kind = SCHEDULE_COSINE,
                                    .steps = steps,
                                    .warmup = r->warmup ? r->warmup : steps / 20,
                                    .lr = r->lr > 0 ? r->lr : 1e-3,
                                    .final_share = 0.1};
    t->batch = or_else(r->batch, 8);
    t->clip = r->clip > 0 ? r->clip : 1;
    return (steps > 0 && t->batch > 0 && t->batch <= 1 << 20) ||
           err_set(err, ERR_RANGE, "steps and batch must be above 0");
}

static bool take_memory(struct thaw_training *t, struct optim_settings optim, struct err *err) {
    struct thaw_model *m = t->model;
    struct param_table *table = &m->hf.table;
    struct transformer_plan plan = {
        .batch = t->batch, .time = table->config.context, .backward = true};
    size_t cells = (size_t)t->batch * (size_t)plan.time, groups = (size_t)table->n_groups;
    t->x = calloc(cells, sizeof *t->x);
    t->y = calloc(cells, sizeof *t->y);
    t->learn = calloc(groups, sizeof *t->learn);
    t->norms = calloc(groups, sizeof *t->norms);
    if (!t->x || !t->y || !t->learn || !t->norms)
        return err_set(err, ERR_NOMEM, "not enough memory for a batch");
    for (size_t g = 0; g < groups; g++) t->learn[g] = true;
    return weights_create(table, &t->grads, err) &&
           optim_create(&m->ex, table, optim, &t->optim, err) &&
           (t->transformer = transformer_create(table, plan, &m->ex, err));
}

static bool begin_training(struct thaw_training *t, const char *text, size_t n,
                           const struct thaw_recipe *recipe, struct err *err) {
    struct optim_settings optim;
    struct source_text lines = {.n_units = 0};
    struct hf_model *hf = &t->model->hf;
    bool ok = read_recipe(recipe, t, &optim, err) && read_lines(text, n, &lines, err) &&
              corpus_build(&lines, SPLIT_ALL, hf->tokenizer, NULL, NULL, &t->corpus, err);
    source_deinit(&lines);
    struct batcher_plan plan = {.batch = t->batch,
                                .context = hf->table.config.context,
                                .seed = recipe->seed,
                                .data = &t->corpus};
    return ok && take_memory(t, optim, err) && (t->batcher = batcher_create(&plan, err));
}

struct thaw_training *thaw_training_new(struct thaw_model *model, const char *text, size_t n,
                                        const struct thaw_recipe *recipe,
                                        struct thaw_error *error) {
    static const struct thaw_recipe defaults;
    struct err err = {0};
    struct thaw_training *t = calloc(1, sizeof *t);
    if (!t) err_set(&err, ERR_NOMEM, "not enough memory for a training");
    else {
        t->model = model;
        if (begin_training(t, text, n, recipe ? recipe : &defaults, &err)) return t;
    }
    thaw_training_free(t);
    told(error, &err);
    return NULL;
}

void thaw_training_free(struct thaw_training *training) {
    if (!training) return;
    batcher_destroy(training->batcher);
    corpus_deinit(&training->corpus);
    transformer_destroy(training->transformer);
    weights_destroy(&training->grads);
    optim_destroy(&training->optim);
    free(training->x);
    free(training->y);
    free(training->learn);
    free(training->norms);
    free(training);
}

bool thaw_training_freeze(struct thaw_training *training, const char *groups,
                          struct thaw_error *error) {
    struct err err = {0};
    struct param_table *table = &training->model->hf.table;
    bool *frozen = calloc((size_t)table->n_groups, sizeof *frozen);
    bool ok = frozen ? groups_select(table, groups, frozen, &err)
                     : err_set(&err, ERR_NOMEM, "not enough memory for a list of groups");
    for (int g = 0; ok && g < table->n_groups; g++) training->learn[g] = !frozen[g];
    free(frozen);
    return ok || told(error, &err);
}

bool thaw_training_step(struct thaw_training *training, double *loss,
                        struct thaw_error *error) {
    struct thaw_training *t = training;
    struct hf_model *hf = &t->model->hf;
    struct exec *ex = &t->model->ex;
    struct err err = {0};
    batcher_fill(t->batcher, t->step, t->x, t->y, NULL);
    struct train_part part = {.tokens = t->x,
                              .targets = t->y,
                              .batch = t->batch,
                              .time = hf->table.config.context,
                              .weight = 1,
                              .first = true};
    double mean =
        transformer_train(t->transformer, &hf->weights, &t->grads, t->learn, &part, NULL);
    double norm = isfinite(mean) ? grads_norm(ex, &t->grads, t->learn, NULL, t->norms) : mean;
    if (loss) *loss = mean;
    if (!isfinite(norm)) {
        err_set(&err, ERR_NUMERIC,
                "step %lld: loss or gradient is no finite number; take a lower learning rate",
                (long long)t->step + 1);
        return told(error, &err);
    }
    optim_step(ex, &t->optim, &hf->weights, &t->grads, t->learn,
               schedule_lr(&t->schedule, t->step), norm > t->clip ? t->clip / norm : 1, NULL);
    t->step++;
    return true;
}
