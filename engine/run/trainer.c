/* trainer.c - the trainer as a whole: what it is made of, one step, and the loop over stages.
 */
#include "engine/run/trainer.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/formats/hf_model.h"
#include "engine/run/sample.h"

/* Shares of training time that looking may take, and the start that it gets for free, in
 * seconds. */
static const double sampling_share = 0.02, sampling_start_s = 0.5;
static const double layers_share = 0.003, layers_least_s = 0.5;

/* ---- making ---- */

static int most_rows(const struct settings *s) {
    int rows = 1;
    for (int i = 0; i < s->n_stages; i++)
        if (s->stages[i].batch > rows) rows = s->stages[i].batch;
    return rows;
}

/* The model's shape: from the checkpoint or folder that it starts from, else from the settings.
 */
static bool find_shape(const struct settings *s, const char *folder, struct model_config *c,
                       struct err *err) {
    if (!*folder) {
        *c = settings_model(s);
        return model_config_complete(c, err);
    }
    char path[PATH_MAX];
    struct buf text = {0};
    bool ok =
        files_join(path, sizeof path, folder, "config.json", err) &&
        files_read(path, 1u << 20, &text, err) &&
        (model_config_parse(buf_text(&text), text.len, c, err) || err_prefix(err, "%s", path));
    buf_deinit(&text);
    return ok;
}

struct memory_plan trainer_memory(const struct trainer *t) {
    struct model_config c = t->table.config;
    struct memory_plan plan = {0};
    size_t threads = (size_t)pool_threads(t->ex.pool);
    c.context = t->time; /* no text is made longer than that */
    for (int g = 0; g < t->table.n_groups; g++)
        plan.weights += 5 * t->table.groups[g].reals * sizeof(real);
    plan.activations =
        transformer_bytes(&c, most_rows(t->settings), t->time, true, (int)threads) +
        decoder_bytes(&c) + threads * muon_scratch(&t->table) * sizeof(real);
    return plan;
}

static bool fits_in_memory(const struct trainer *t, struct err *err) {
    const double gib = 1073741824.0;
    int rows = most_rows(t->settings);
    if (rows > INT_MAX / t->time)
        return err_set(err, ERR_RANGE, "a batch of %d times %d tokens is too large", rows,
                       t->time);
    struct memory_plan plan = trainer_memory(t);
    double weights = (double)plan.weights, activations = (double)plan.activations;
    double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (weights + activations < 0.95 * there) return true;
    return err_set(
        err, ERR_NOMEM,
        "the run needs %.1f GiB (weights and moments %.1f, activations %.1f) and this "
        "machine has %.1f: take a smaller batch, context or model",
        (weights + activations) / gib, weights / gib, activations / gib, there / gib);
}

static bool take_memory(struct trainer *t, struct err *err) {
    const struct settings *s = t->settings;
    int rows = most_rows(s);
    size_t n = (size_t)t->table.n_groups, cells = (size_t)rows * (size_t)t->time;
    if (!fits_in_memory(t, err) || !weights_create(&t->table, &t->weights, err) ||
        !weights_create(&t->table, &t->grads, err) ||
        !optim_create(&t->ex, &t->table, settings_optim(&s->stages[0]), &t->optim, err) ||
        !(t->transformer = transformer_create(&t->table, rows, t->time, true, &t->ex, err)) ||
        !(t->decoder = decoder_create(&t->table, &t->ex, err)))
        return false;
    t->x = calloc(cells, sizeof *t->x);
    t->y = calloc(cells, sizeof *t->y);
    t->learn = calloc(n, sizeof *t->learn);
    t->scratch = calloc(n, sizeof *t->scratch);
    t->base_fingerprint = calloc(n, sizeof *t->base_fingerprint);
    t->group_norms = calloc(n, sizeof *t->group_norms);
    t->group_updates = calloc(n, sizeof *t->group_updates);
    if (t->x && t->y && t->learn && t->scratch && t->base_fingerprint && t->group_norms &&
        t->group_updates)
        return true;
    return err_set(err, ERR_NOMEM, "no memory for a batch of %zu tokens", cells);
}

static bool load_weights(struct trainer *t, const char *folder, struct err *err) {
    struct hf_model m = {0};
    if (!hf_model_load(folder, &m, err)) return false;
    for (int g = 0; g < t->table.n_groups; g++)
        memcpy(t->weights.group[g], m.weights.group[g],
               t->table.groups[g].reals * sizeof(real));
    hf_model_destroy(&m);
    return true;
}

static bool load_checkpoint(struct trainer *t, const char *folder, struct err *err) {
    if (!checkpoint_load(folder, &t->state, t->learn, &t->weights, &t->optim, err))
        return false;
    int n = t->settings->n_stages;
    return t->state.stage <= n ||
           err_set(err, ERR_PARSE,
                   "%s is of stage %d, but the run has %d: its config was changed", folder,
                   t->state.stage + 1, n);
}

static bool fill_weights(struct trainer *t, const char *resume_from, struct err *err) {
    const char *from = t->settings->model.from;
    t->state = (struct trainer_state){.lr_scale = 1};
    if (*resume_from) return load_checkpoint(t, resume_from, err);
    if (*from) return load_weights(t, from, err);
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
    return param_table_create(&c, &t->table, err) && report_run(t, err);
}

/* Freeze texts and prompts can only be checked against the real model: all, before training. */
static bool check_texts(struct trainer *t, struct err *err) {
    const struct text_list *prompts = &t->settings->compare.prompts;
    for (int i = 0; i < t->settings->n_stages; i++)
        if (!stage_plan(t, i, t->scratch, err)) return false;
    for (int i = 0; i < prompts->n; i++) {
        struct ids ids = {0};
        bool fits = prompt_encode_within(t->tokenizer, prompts->text[i], t->time, &ids, err);
        ids_deinit(&ids);
        if (!fits) return err_prefix(err, "compare.prompts");
    }
    return true;
}

/* The first fact is the run itself, at the step that it goes on from: later ones are made
 * again. */
static bool create(struct trainer *t, const char *resume_from, struct err *err) {
    const char *folder = *resume_from ? resume_from : t->settings->model.from;
    struct model_config c = {0};
    t->ex.pool = pool_create(t->settings->threads, err);
    if (!t->ex.pool || !find_shape(t->settings, folder, &c, err) ||
        !param_table_create(&c, &t->table, err))
        return false;
    int wanted = t->settings->model.context;
    t->time =
        wanted < c.context ? wanted : c.context; /* a foreign model may look back further */
    if (!report_run(t, err)) return false;
    if (*folder && !(t->tokenizer = tokenizer_load(folder, err))) return false;
    return stage_data_load(t, err) && fit_vocabulary(t, !*folder, err) && take_memory(t, err) &&
           fill_weights(t, resume_from, err) && check_texts(t, err);
}

bool trainer_create(struct trainer *t, const struct trainer_plan *plan, struct err *err) {
    *t = (struct trainer){.settings = plan->settings,
                          .paths = plan->paths,
                          .log = plan->log,
                          .control = plan->control,
                          .stop_signal = plan->stop_signal,
                          .scored_step = -1};
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
    decoder_destroy(t->decoder);
    transformer_destroy(t->transformer);
    optim_destroy(&t->optim);
    weights_destroy(&t->base);
    weights_destroy(&t->grads);
    weights_destroy(&t->weights);
    param_table_destroy(&t->table);
    tokenizer_destroy(t->tokenizer);
    pool_destroy(t->ex.pool);
    free(t->x);
    free(t->y);
    free(t->learn);
    free(t->scratch);
    free(t->base_fingerprint);
    free(t->group_norms);
    free(t->group_updates);
    *t = (struct trainer){0};
}

/* ---- one step ---- */

static const struct stage_settings *stage_of(const struct trainer *t) {
    return &t->settings->stages[t->state.stage];
}

/* Numbers going bad: nothing was changed yet, and nothing will be until somebody decides. The
 * same weights would meet the same batch again, so the way on is an older checkpoint. */
static void stop_for_number(struct trainer *t, const char *what) {
    char text[320];
    snprintf(text, sizeof text,
             "step %" PRId64
             ": the %s is not finite; nothing was changed and the run is paused. "
             "Stop it, go on from its last checkpoint (thaw run --resume %s) and lower the "
             "learning rate there (lr 1e-4)",
             t->state.step + 1, what, t->settings->name);
    report_problem(t, true, text);
    t->gone_bad = t->paused = true;
    t->single_steps = 0;
    report_control(t, "pause", "", "engine");
}

/* Gradients of one batch. False when loss or gradient norm is not finite. */
static bool gradients(struct trainer *t, double *loss, double *norm, struct step_times *times) {
    int rows = stage_of(t)->batch;
    batcher_fill(t->stages[t->state.stage].batcher, t->state.stage_step, t->x, t->y);
    grads_zero(&t->ex, &t->grads, t->learn);
    *loss = transformer_train(t->transformer, &t->weights, &t->grads, t->learn, t->x, t->y,
                              rows, t->time, 1, times);
    if (!isfinite(*loss)) {
        stop_for_number(t, "loss");
        return false;
    }
    *norm = grads_norm(&t->ex, &t->grads, t->learn, t->group_norms);
    if (!isfinite(*norm)) stop_for_number(t, "gradient");
    return isfinite(*norm);
}

static void tell_measured(struct trainer *t) {
    if (!t->freeze_told.waiting || t->cost.n < COST_STEPS) return;
    t->freeze_told.waiting = false;
    report_freeze(t, t->freeze_told.group, t->freeze_told.frozen, t->freeze_told.by,
                  t->freeze_told.predicted_s, cost_step(&t->cost), t->freeze_told.step);
}

static bool trainer_step(struct trainer *t) {
    double start = clock_now(), loss = 0, norm = 0;
    struct step_times times = {0};
    const struct stage_settings *s = stage_of(t);
    if (!gradients(t, &loss, &norm, &times)) return false;
    double update_start = clock_now();
    struct schedule schedule = settings_schedule(s);
    double lr = schedule_lr(&schedule, t->state.stage_step) * t->state.lr_scale;
    double clip = s->optimizer.clip;
    double scale = clip > 0 && norm > clip ? clip / norm : 1;
    optim_step(&t->ex, &t->optim, &t->weights, &t->grads, t->learn, lr, scale,
               t->group_updates);
    double end = clock_now();
    t->state.step++;
    t->state.stage_step++;
    t->state.tokens += (int64_t)s->batch * t->time;
    t->state.stopwatch += end - start;
    t->training_s += end - start;
    t->gone_bad = false;
    cost_record(&t->cost, times.backward, end - update_start, end - start);
    report_step(t, loss, lr, norm, &times, end - update_start, end - start);
    return true;
}

/* ---- what happens beside the steps ---- */

static bool save(struct trainer *t, char path[PATH_MAX], uint64_t *bytes, struct err *err) {
    event_log_sync(t->log, NULL);
    if (t->gone_bad)
        return err_set(err, ERR_NUMERIC,
                       "the weights after step %" PRId64 " give no finite numbers",
                       t->state.step);
    return stage_save_base(t, err) &&
           checkpoint_save(t->paths->checkpoints, &t->state, t->learn, &t->weights, &t->optim,
                           t->tokenizer, path, bytes, err);
}

bool trainer_save(struct trainer *t, struct err *err) {
    struct err why = {0};
    char path[PATH_MAX];
    uint64_t bytes = 0;
    double start = clock_now();
    if (!save(t, path, &bytes, &why)) {
        err_set(err, why.code, "%s", why.msg);
        err_prefix(&why, "checkpoint skipped, the older ones are kept");
        report_problem(t, false, why.msg);
        return false;
    }
    report_checkpoint(t, path, bytes, clock_now() - start);
    if (!checkpoint_prune(t->paths->checkpoints, t->settings->checkpoint.keep, &why)) {
        err_prefix(&why, "an old checkpoint stays");
        report_problem(t, false, why.msg);
    }
    return true;
}

/* Prompts in turn, as many as fit into their share of the time; the first one of a stage does.
 */
static void sample_some(struct trainer *t) {
    int n = t->settings->compare.prompts.n;
    for (int i = 0; i < n; i++) {
        if (t->sampling_s > sampling_share * t->training_s + sampling_start_s) return;
        if (i > 0 && t->sampling_s > sampling_share * t->training_s) return;
        report_prompt(t, t->next_prompt++ % n);
    }
}

static bool due(int64_t step, int every) { return every > 0 && step % every == 0; }

static void look(struct trainer *t) {
    int64_t step = t->state.stage_step;
    tell_measured(t);
    double start = clock_now(), since = start - t->last_layers;
    if (since >= layers_least_s && since >= t->layers_cost_s / layers_share) {
        report_layers(t);
        t->layers_cost_s = clock_now() - start;
    }
    bool last_step = step == stage_of(t)->steps;
    /* The run's first curve point comes after its first step, so that the step itself comes
     * sooner. */
    bool first = t->state.step == 1;
    if ((due(step, t->settings->eval.every) || first) && !last_step) report_eval(t);
    if (due(step, t->settings->compare.every) && !last_step) sample_some(t);
    if (due(step, t->settings->checkpoint.every) && !last_step) trainer_save(t, NULL);
}

/* ---- the loop ---- */

bool trainer_asked_to_stop(const struct trainer *t) {
    return t->stopping || (t->stop_signal && *t->stop_signal);
}

/* Wait while paused; true when a step may be made. */
static bool may_step(struct trainer *t) {
    obey_waiting(t);
    if (trainer_asked_to_stop(t) || t->skip_stage) return false;
    if (!t->paused) return true;
    if (t->single_steps > 0) {
        t->single_steps--;
        return true;
    }
    if (t->control) control_wait(t->control, 0.2);
    else t->stopping = true; /* nobody could ever resume it */
    return false;
}

/* What is saved stands at the beginning of the next stage, however this one came to its end. A
 * later stage can still save what an earlier one learned; the last cannot. */
static bool finish_stage(struct trainer *t, struct err *err) {
    const struct text_list *prompts = &t->settings->compare.prompts;
    bool last = t->state.stage == t->settings->n_stages - 1;
    report_layers(t);
    report_eval(t);
    for (int i = 0; i < prompts->n && (last || i == 0); i++)
        report_prompt(t, last ? i : t->next_prompt++ % prompts->n);
    report_stage(t, true);
    t->skip_stage = false;
    t->state.stage++;
    t->state.stage_step = 0;
    t->state.begun = false;
    return trainer_save(t, err) || !last;
}

static bool run_stage(struct trainer *t, struct err *err) {
    bool fresh = !t->state.begun;
    if (!stage_begin(t, err)) return false;
    if (fresh) sample_some(t);
    while (t->state.stage_step < stage_of(t)->steps && !trainer_asked_to_stop(t) &&
           !t->skip_stage)
        if (may_step(t) && trainer_step(t)) look(t);
    bool over = t->state.stage_step >= stage_of(t)->steps || t->skip_stage;
    return !over || finish_stage(t, err);
}

bool trainer_run(struct trainer *t, struct err *err) {
    while (t->state.stage < t->settings->n_stages && !trainer_asked_to_stop(t))
        if (!run_stage(t, err)) return false;
    bool finished = t->state.stage >= t->settings->n_stages;
    if (!finished && !t->gone_bad && !trainer_save(t, err)) return false;
    return report_end(t, finished ? "finished" : "stopped", err) && event_log_sync(t->log, err);
}
