/* trainer_create.c - what a trainer is made of: a shape, text as tokens, weights, memory. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/formats/hf_model.h"
#include "engine/formats/peft.h"
#include "engine/nn/blas.h"
#include "engine/run/sample.h"
#include "engine/run/trainer.h"

static int larger(int a, int b) { return a > b ? a : b; }

/* The most sequences of a step, and the most that are computed at a time. */
static int most_sequences(const struct settings *s) {
    int most = 1;
    for (int i = 0; i < s->n_stages; i++) most = larger(most, s->stages[i].batch);
    return most;
}

/* One window's stream: what the cache of the frozen prefix keeps for it. */
static size_t window_reals(const struct trainer *t) {
    return (size_t)t->time * (size_t)t->table.config.width;
}

/* The most windows of a stage in which windows come back; 0 before the data is there. */
static size_t returning_windows(const struct trainer *t) {
    size_t most = 0;
    for (int i = 0; i < t->settings->n_stages; i++) {
        const struct batcher *b = t->stages[i].batcher;
        bool returning = b && batcher_repeats(b, t->settings->stages[i].steps);
        size_t windows = returning ? batcher_distinct(b) : 0;
        if (windows > most) most = windows;
    }
    return most;
}

static const double usable_share = 0.95; /* of the machine's memory */

static double machine_bytes(void) {
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

/* What is kept saves time, but is not needed: no more than asked for, and than half of what the
 * rest of the plan leaves. */
static size_t kept_windows(const struct trainer *t, const struct memory_plan *rest) {
    double window = (double)(window_reals(t) * sizeof(real));
    double needed = (double)(rest->weights + rest->activations);
    double left = (usable_share * machine_bytes() - needed) / 2;
    double asked = (double)t->settings->cache_frozen_prefix * (1 << 20);
    double fit = (left < asked ? left : asked) / window;
    size_t windows = returning_windows(t);
    return (double)windows <= fit ? windows : fit > 0 ? (size_t)fit : 0;
}

struct memory_ask trainer_ask(const struct trainer *t) {
    struct memory_ask a = memory_ask(t->settings, &t->table, t->time, pool_threads(t->ex.pool));
    a.kind = t->kind;
    memory_among(&a, ranks_count(t->ranks));
    a.beside += t->third_memory.weights + t->third_memory.work;
    return a;
}

struct memory_plan trainer_memory(const struct trainer *t) {
    struct memory_ask a = trainer_ask(t);
    struct memory_plan plan = {0};
    struct memory_needs needs;
    if (!memory_needs(&a, &needs, NULL)) return plan; /* check_texts() says why */
    const struct memory_stage *last = &needs.stages[needs.n - 1];
    plan.weights =
        needs.weights + t->third_memory.weights + last->gradients + last->moments + last->base;
    plan.activations = last->activations + needs.beside - t->third_memory.weights;
    plan.prefixes = kept_windows(t, &plan) * window_reals(t) * sizeof(real);
    plan.total = plan.weights + plan.activations + plan.prefixes;
    return plan;
}

static bool fits_in_memory(const struct trainer *t, struct err *err) {
    struct memory_ask a = trainer_ask(t);
    if (a.sequences > INT_MAX / t->time)
        return err_set(err, ERR_RANGE,
                       "a batch of %d times %d tokens is too large: set micro_batch",
                       a.sequences, t->time);
    return memory_fits(&a, (uint64_t)(usable_share * (double)memory_available()), err);
}

/* What the weights that never learn may stay as; what is thawed later all the same becomes
 * reals then. */
static bool plan_kinds(struct trainer *t, const char *folder, struct err *err) {
    struct memory_ask a = trainer_ask(t);
    t->kind = calloc((size_t)t->table.n_groups, sizeof *t->kind);
    if (!t->kind) return err_set(err, ERR_NOMEM, "no memory to plan the memory");
    return memory_kinds(&a, folder, t->kind, err);
}

/* Of a step, and of the shards that wait for others meanwhile. */
static bool take_gradients(struct trainer *t, struct err *err) {
    int waiting = tree_levels(t->settings->shards / ranks_count(t->ranks));
    bool ok = weights_create(&t->table, &t->grads, err);
    for (int i = 0; ok && i < waiting; i++) ok = weights_create(&t->table, &t->waiting[i], err);
    return ok;
}

static bool take_memory(struct trainer *t, struct err *err) {
    const struct settings *s = t->settings;
    size_t n = (size_t)t->table.n_groups;
    struct memory_ask a = trainer_ask(t);
    int sequences = most_sequences(s);
    size_t cells = (size_t)sequences * (size_t)t->time, window = window_reals(t);
    size_t kept = (size_t)trainer_memory(t).prefixes / sizeof(real) / window;
    if (!fits_in_memory(t, err) ||
        !weights_create_narrow(&t->table, t->kind, &t->weights, err) ||
        !take_gradients(t, err) || !together_create(t, err) ||
        !optim_create(&t->ex, &t->table, settings_optim(&s->stages[0]), &t->optim, err) ||
        !(t->transformer =
              transformer_create(&t->table, memory_transformer(&a), &t->ex, err)) ||
        !(t->decoder = decoder_create_short(&t->table, generate_together(s->compare.prompts.n),
                                            t->time, &t->ex, err)) ||
        !(t->prefixes = prefix_cache_create(kept, window, sequences, err)))
        return false;
    t->x = calloc(cells, sizeof *t->x);
    t->y = calloc(cells, sizeof *t->y);
    t->ids = calloc((size_t)sequences, sizeof *t->ids);
    t->learn = calloc(n, sizeof *t->learn);
    t->by_hand = calloc(n, sizeof *t->by_hand);
    t->thaw_steps = calloc(n, sizeof *t->thaw_steps);
    t->scratch = calloc(n, sizeof *t->scratch);
    t->base_fingerprint = calloc(n, sizeof *t->base_fingerprint);
    t->group_norms = calloc(n, sizeof *t->group_norms);
    t->group_updates = calloc(n, sizeof *t->group_updates);
    if (t->x && t->y && t->ids && t->learn && t->by_hand && t->thaw_steps && t->scratch &&
        t->base_fingerprint && t->group_norms && t->group_updates)
        return true;
    return err_set(err, ERR_NOMEM, "no memory for a batch of %zu tokens", cells);
}

/* Sums of products come in another order from other kernels: still sound, no longer the same
 * bits. */
static void compare_kernels(struct trainer *t) {
    char text[480];
    const char *then = t->state.kernels, *now = blas_describe();
    if (!*then || strcmp(then, now) == 0) return;
    snprintf(
        text, sizeof text,
        "the checkpoint was made by other kernels (%s) than compute now (%s): training goes "
        "on well, but not to the same bits",
        then, now);
    report_problem(t, false, text);
}

static bool load_checkpoint(struct trainer *t, const char *folder, struct err *err) {
    if (!checkpoint_load(folder, &t->state, t->learn, &t->weights, &t->optim, err))
        return false;
    compare_kernels(t);
    int n = t->settings->n_stages;
    if (!t->state.begun) t->state.lr_scale = 1; /* the one saved was the stage's before */
    return t->state.stage <= n ||
           err_set(err, ERR_PARSE,
                   "%s is of stage %d, but the run has %d: its config was changed", folder,
                   t->state.stage + 1, n);
}

static bool fill_weights(struct trainer *t, const char *resume_from, struct err *err) {
    const char *from = t->settings->model.from;
    t->state = (struct trainer_state){.lr_scale = 1, .by_hand = t->by_hand};
    bool made = !*resume_from && (!*from || t->settings->model.fresh);
    report_busy(t, made ? "drawing the first weights" : "reading the model");
    if (*resume_from) return load_checkpoint(t, resume_from, err);
    if (!made) { /* it may have adapters already */
        weights_init_adapters(&t->weights, t->settings->seed);
        return hf_model_weights(from, &t->weights, err);
    }
    weights_init(&t->weights, t->settings->seed);
    return true;
}

/* The vocabulary that was learned may be smaller than asked for: a new model follows it. */
static bool fit_vocabulary(struct trainer *t, bool new_model, struct err *err) {
    struct model_config c = t->table.config;
    int tokens = tokenizer_vocab(t->tokenizer);
    if (tokens > c.vocab)
        return err_set(
            err, ERR_RANGE,
            "the tokenizer has %d tokens, the model only %d; take both from the same model",
            tokens, c.vocab);
    if (!new_model || tokens == c.vocab) return true;
    param_table_destroy(&t->table);
    c.vocab = tokens;
    return param_table_create(&c, &t->table, err);
}

/* Texts that name groups, and prompts, can only be checked against the real model: all, before
 * training. */
static bool check_texts(struct trainer *t, struct err *err) {
    const struct text_list *prompts = &t->settings->compare.prompts;
    for (int i = 0; i < t->settings->n_stages; i++)
        if (!stage_plan(t, i, t->scratch, err) || !stage_rates(t, i, t->group_norms, err))
            return false;
    for (int i = 0; i < prompts->n; i++) {
        struct ids ids = {0};
        bool fits = report_encode(t, prompts->text[i], &ids, err);
        ids_deinit(&ids);
        if (!fits) return err_prefix(err, "compare.prompts");
    }
    return true;
}

/* The model of compare.third, before (planned) or after its folder is read. A run that goes on
 * does so without it where it cannot be had any more: it changes nothing that is learned. */
static bool third_step(struct trainer *t, bool planned, bool resumed, struct err *err) {
    const char *folder = t->settings->compare.third;
    int n = t->settings->compare.prompts.n;
    struct err why = {0};
    if (!*folder) return true;
    bool ok = planned ? third_plan(folder, n, t->time, pool_threads(t->ex.pool),
                                   &t->third_memory, &why)
                      : third_load(&t->third, folder, n, t->time, t->table.config.vocab,
                                   t->tokenizer, &t->ex, &why);
    if (ok) return true;
    if (!resumed) return err_set(err, why.code, "%s", why.msg);
    if (!planned) report_problem(t, false, why.msg);
    return true;
}

/* An adapter's folder leaves it to its model's. */
static bool load_tokenizer(struct trainer *t, const char *folder, struct err *err) {
    char base[PATH_MAX];
    return peft_base(folder, NULL, base, err) && (t->tokenizer = tokenizer_load(base, err));
}

/* What the model was elsewhere goes with it from save to save. */
static bool keep_imported(struct trainer *t, const char *folder, bool resumed,
                          struct err *err) {
    char base[PATH_MAX];
    if (!*folder || (resumed && !imported_is_kept(folder))) return true;
    if (!peft_base(folder, NULL, base, err)) return false;
    t->imported = imported_open(base, &t->table, err);
    t->table.imported = t->imported;
    return t->imported != NULL;
}

/* The first fact is the run itself, at the step that it goes on from: later ones are made
 * again. */
static bool create(struct trainer *t, const char *resume_from, struct err *err) {
    const char *folder = *resume_from ? resume_from : t->settings->model.from;
    struct model_config c = {0};
    t->ex.pool = pool_create(t->settings->threads, err);
    if (!t->ex.pool || !memory_shape(t->settings, folder, &c, err) ||
        !param_table_create(&c, &t->table, err) || !keep_imported(t, folder, *resume_from, err))
        return false;
    int wanted = t->settings->model.context;
    t->time =
        wanted < c.context ? wanted : c.context; /* a foreign model may look back further */
    if (!third_step(t, true, *resume_from, err) || !plan_kinds(t, folder, err)) return false;
    uint64_t told = trainer_memory(t).total;
    if (!report_run(t, err)) return false;
    if (*folder && !load_tokenizer(t, folder, err)) return false;
    if (!stage_data_load(t, err) || !fit_vocabulary(t, !*folder, err)) return false;
    bool changed =
        trainer_memory(t).total != told; /* by the vocabulary, or the text's length */
    return (!changed || report_run(t, err)) && take_memory(t, err) &&
           third_step(t, false, *resume_from, err) && fill_weights(t, resume_from, err) &&
           check_texts(t, err);
}

bool trainer_create(struct trainer *t, const struct trainer_plan *plan, struct err *err) {
    *t = (struct trainer){.settings = plan->settings,
                          .paths = plan->paths,
                          .log = plan->log,
                          .control = plan->control,
                          .stop_signal = plan->stop_signal,
                          .ranks = plan->ranks,
                          .scored_step = -1,
                          .together.loaded = true};
    t->state.step = plan->resume_step;
    if (create(t, plan->resume_from, err)) return true;
    trainer_destroy(t);
    return false;
}

void trainer_destroy(struct trainer *t) {
    for (int i = 0; i < STAGES_MAX; i++) {
        batcher_destroy(t->stages[i].batcher);
        corpus_deinit(&t->stages[i].data);
        corpus_deinit(&t->stages[i].replay);
    }
    for (int i = 0; i < SETS_MAX; i++) eval_windows_deinit(&t->eval_sets[i]);
    tensorboard_destroy(t->tensorboard);
    together_destroy(t);
    prefix_cache_destroy(t->prefixes);
    third_destroy(&t->third);
    decoder_destroy(t->decoder);
    transformer_destroy(t->transformer);
    optim_destroy(&t->optim);
    weights_destroy(&t->base);
    weights_destroy(&t->grads);
    for (int i = 0; i < TREE_LEVELS; i++) weights_destroy(&t->waiting[i]);
    weights_destroy(&t->weights);
    param_table_destroy(&t->table);
    imported_destroy(t->imported);
    free(t->kind);
    tokenizer_destroy(t->tokenizer);
    pool_destroy(t->ex.pool);
    free(t->x);
    free(t->y);
    free(t->ids);
    free(t->learn);
    free(t->by_hand);
    free(t->thaw_steps);
    free(t->scratch);
    free(t->base_fingerprint);
    free(t->group_norms);
    free(t->group_updates);
    *t = (struct trainer){0};
}
