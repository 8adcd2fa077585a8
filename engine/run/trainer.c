/* trainer.c - one step, what is looked at beside the steps, and the loop over stages. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "engine/core/clock.h"
#include "engine/run/together.h"

/* Shares of training time that looking may take, and the start that it gets for free, in
 * seconds. */
static const double sampling_share = 0.02, sampling_start_s = 0.5;
static const double layers_share = 0.003, layers_least_s = 0.5;

/* ---- one step ---- */

static const struct stage_settings *stage_of(const struct trainer *t) {
    return &t->settings->stages[t->state.stage];
}

/* What to type: on the screen behind `:`, else in a shell. */
static void tell_choices(const struct trainer *t, struct buf *out) {
    char path[PATH_MAX], run[PATH_MAX];
    int64_t saved = checkpoint_newest(t->paths->checkpoints, path, NULL, 0);
    struct schedule s = settings_schedule(stage_of(t));
    double half = schedule_lr(&s, t->state.stage_step) * t->state.lr_scale / 2;
    run_dir_word(t->paths, run);
    if (saved < 0)
        buf_printf(out,
                   "There is no checkpoint to go back to: end it with :stop (in a shell: thaw "
                   "send %s stop), and begin anew with a lower learning rate",
                   run);
    else
        buf_printf(out,
                   "Go back to the last checkpoint (step %" PRId64 ") with a lower learning "
                   "rate, :rollback --lr %.1g, or end it, :stop (in a shell: thaw send %s "
                   "rollback --lr %.1g)",
                   saved, half, run, half);
}

/* Numbers going bad: nothing was changed yet, and nothing will be until somebody decides. The
 * same weights would meet the same batch again, so the way on is an older checkpoint. */
static void stop_for_number(struct trainer *t, const char *what) {
    if (ranks_number(t->ranks) > 0) return; /* rank 0 says so, and decides */
    struct buf text = {0};
    buf_printf(&text,
               "step %" PRId64
               ": the %s is not finite; nothing was changed and the run is paused. ",
               t->state.step + 1, what);
    tell_choices(t, &text);
    report_problem(t, true, buf_text(&text));
    buf_deinit(&text);
    t->gone_bad = t->paused = true;
    t->single_steps = 0;
    report_control(t, "pause", "", "engine");
}

/* What a step found out. */
struct findings {
    struct gradient of;
    double norm;
};

/* Gradients of one batch. False when loss or gradient norm is not finite. */
static bool gradients(struct trainer *t, struct findings *f) {
    struct err why = {0};
    if (!trainer_gradient(t, &f->of, &why)) return together_lost(t, &why);
    if (!isfinite(f->of.loss)) {
        stop_for_number(t, "loss");
        return false;
    }
    f->norm = grads_norm(&t->ex, &t->grads, t->learn, t->optim.share, t->group_norms);
    if (t->together.lost.code) return false;
    if (!isfinite(f->norm)) stop_for_number(t, "gradient");
    return isfinite(f->norm);
}

static void tell_measured(struct trainer *t) {
    if (!t->freeze_told.waiting || !cost_settled(&t->cost, t->learn, t->freeze_told.kept))
        return;
    t->freeze_told.waiting = false;
    report_freeze(t, t->freeze_told.group, t->freeze_told.frozen, t->freeze_told.by,
                  t->freeze_told.predicted_s, cost_step(&t->cost), t->freeze_told.step);
}

static bool all_finite(const double *x, int n) {
    bool all = true;
    for (int i = 0; i < n; i++) all = all && isfinite(x[i]);
    return all;
}

static void record_cost(struct trainer *t, const struct findings *f, double update,
                        double total) {
    double known = (double)f->of.known / f->of.sequences;
    struct cost_sample sample = {.times = f->of.times,
                                 .work = cost_forward(&t->cost.shape, t->learn, known),
                                 .update = update,
                                 .total = total};
    cost_record(&t->cost, &sample);
}

bool trainer_step(struct trainer *t) {
    double start = clock_now();
    struct findings f = {0};
    const struct stage_settings *s = stage_of(t);
    if (!together_lead(t) || !gradients(t, &f)) return false;
    double update_start = clock_now();
    struct schedule schedule = settings_schedule(s);
    double lr = schedule_lr(&schedule, t->state.stage_step) * t->state.lr_scale;
    double clip = s->optimizer.clip;
    double scale = clip > 0 && f.norm > clip ? clip / f.norm : 1;
    optim_step(&t->ex, &t->optim, &t->weights, &t->grads, t->learn, lr, scale,
               t->group_updates);
    if (!share_hand_out(t)) return false;
    double end = clock_now();
    t->state.step++;
    t->state.stage_step++;
    t->state.tokens += (int64_t)s->batch * t->time;
    t->state.stopwatch += end - start;
    t->training_s += end - start;
    t->gone_bad = !all_finite(t->group_updates, t->table.n_groups);
    record_cost(t, &f, end - update_start, end - start);
    report_step(t, f.of.loss, lr, f.norm, &f.of.times, end - update_start, end - start);
    return true;
}

/* ---- what happens beside the steps ---- */

/* The loss that tells the best checkpoint: evaluated for it where it is asked for, else told
 * where it is known. */
static double validation_loss(struct trainer *t) {
    int set = settings_best_set(t->settings);
    bool known = t->scored_step == t->state.step;
    bool asked = t->settings->checkpoint.keep.best && t->state.stage < t->settings->n_stages;
    return set >= 0 && (known || asked) ? report_scores(t)[set].loss : (double)NAN;
}

static bool save(struct trainer *t, char path[PATH_MAX], uint64_t *bytes, struct err *err) {
    event_log_sync(t->log, NULL);
    if (t->gone_bad)
        return err_set(err, ERR_NUMERIC,
                       "the weights after step %" PRId64 " give no finite numbers",
                       t->state.step);
    t->state.validation = validation_loss(t);
    report_busy(t, "saving");
    return stage_save_base(t, err) &&
           checkpoint_save(t->paths->checkpoints, &t->state, t->learn, &t->weights, &t->optim,
                           t->tokenizer, path, bytes, err);
}

bool trainer_try_save(struct trainer *t, struct err *err) {
    struct err why = {0};
    char path[PATH_MAX];
    uint64_t bytes = 0;
    double start = clock_now();
    if (!save(t, path, &bytes, err)) return false;
    report_checkpoint(t, path, bytes, clock_now() - start);
    if (!checkpoint_prune(t->paths->checkpoints, &t->settings->checkpoint.keep, &why)) {
        err_prefix(&why, "an old checkpoint stays");
        report_problem(t, false, why.msg);
    }
    return true;
}

bool trainer_save(struct trainer *t, struct err *err) {
    struct err why = {0};
    if (trainer_try_save(t, &why)) return true;
    err_set(err, why.code, "%s", why.msg);
    err_prefix(&why, "checkpoint skipped, the older ones are kept");
    report_problem(t, false, why.msg);
    return false;
}

/* Prompts in turn, as many as fit into their share of the time; one is made before there was
 * any. */
static void sample_some(struct trainer *t) {
    int n = t->settings->compare.prompts.n;
    for (int i = 0; i < n; i++) {
        if (t->sampling_s > sampling_share * t->training_s + sampling_start_s) return;
        if (i > 0 && t->sampling_s > sampling_share * t->training_s) return;
        report_prompts(t, t->next_prompt++ % n, 1);
    }
}

static bool due(int64_t step, int every) { return every > 0 && step % every == 0; }

static void look(struct trainer *t) {
    int64_t step = t->state.stage_step;
    tell_measured(t);
    report_ranks(t);
    double start = clock_now(), since = start - t->last_layers;
    if (since >= layers_least_s && since >= t->layers_cost_s / layers_share) {
        report_layers(t);
        t->layers_cost_s = clock_now() - start;
    }
    bool last_step = step == stage_of(t)->steps;
    /* The run's first curve point comes after its first step, so that the step itself comes
     * sooner. */
    bool first = t->state.step == 1;
    bool evaluated = due(step, t->settings->eval.every) && !last_step;
    if (evaluated || (first && !last_step)) report_eval(t);
    bool best = evaluated && early_stop_watch(t);
    if (due(step, t->settings->compare.every) && !last_step) sample_some(t);
    if ((due(step, t->settings->checkpoint.every) || best) && !last_step) trainer_save(t, NULL);
}

/* ---- the loop ---- */

bool trainer_asked_to_stop(const struct trainer *t) {
    return t->stopping || (t->stop_signal && *t->stop_signal);
}

/* Wait while paused; true when a step may be made. */
static bool may_step(struct trainer *t) {
    obey_waiting(t);
    if (trainer_asked_to_stop(t) || t->skip_stage || t->went_back) return false;
    if (!t->paused) return true;
    if (t->single_steps > 0) {
        t->single_steps--;
        return true;
    }
    if (t->control) control_wait(t->control, 0.2);
    else t->stopping = true; /* nobody could ever resume it */
    return false;
}

static bool planned_step(struct trainer *t) {
    trainer_thaw_planned(t);
    return trainer_step(t);
}

/* What is saved stands at the beginning of the next stage, however this one came to its end. A
 * later stage can still save what an earlier one learned; the last cannot. */
static bool finish_stage(struct trainer *t, struct err *err) {
    const struct text_list *prompts = &t->settings->compare.prompts;
    bool last = t->state.stage == t->settings->n_stages - 1;
    report_layers(t);
    report_eval(t);
    if (last) report_prompts(t, 0, prompts->n);
    else if (prompts->n > 0) report_prompts(t, t->next_prompt++ % prompts->n, 1);
    report_stage(t, true);
    t->skip_stage = false;
    t->state.stage++;
    t->state.stage_step = 0;
    t->state.begun = false;
    t->state.lr_scale = 1;
    t->state.early = (struct early_stop){.step = 0};
    if (last) return trainer_save_last(t, err);
    trainer_save(t, NULL);
    return true;
}

/* By its steps, by hand, or since it learns no more. */
static bool is_over(const struct trainer *t) {
    return t->state.stage_step >= stage_of(t)->steps || t->skip_stage || early_stop_due(t);
}

static bool run_stage(struct trainer *t, struct err *err) {
    bool fresh = !t->state.begun;
    t->went_back = false;
    if (!stage_begin(t, err)) return false;
    if (fresh) sample_some(t);
    while (!is_over(t) && !trainer_asked_to_stop(t) && !t->went_back)
        if (may_step(t) && planned_step(t)) look(t);
    if (!is_over(t) || t->went_back) return true;
    return (t->skip_stage || !early_stop_due(t) || early_stop_end(t, err)) &&
           finish_stage(t, err);
}

/* Where a rank is lost there may be little time: what stands on the disk already is left alone;
 * and where moments were lost with it there is nothing whole to save. */
static bool nothing_to_save(const struct trainer *t) {
    char path[PATH_MAX];
    return t->together.lost.code &&
           (t->state.step == 0 || t->together.share ||
            checkpoint_newest(t->paths->checkpoints, path, NULL, 0) == t->state.step);
}

bool trainer_run(struct trainer *t, struct err *err) {
    report_tensorboard(t);
    while (t->state.stage < t->settings->n_stages && !trainer_asked_to_stop(t))
        if (!run_stage(t, err)) return false;
    bool finished = t->state.stage >= t->settings->n_stages;
    if (!finished && !t->gone_bad && !nothing_to_save(t) && !trainer_save_last(t, err))
        return false;
    if (t->together.lost.code) return err_set(err, ERR_IO, "%s", t->together.lost.msg);
    return report_end(t, finished ? "finished" : "stopped", err) && event_log_sync(t->log, err);
}
