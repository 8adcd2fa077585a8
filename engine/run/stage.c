/* stage.c - what a stage needs before its first step: text as tokens, a freeze plan, the base.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/data/tokens_file.h"
#include "engine/formats/hf_model.h"
#include "engine/run/together.h"
#include "engine/run/training_plan.h"

/* ---- data: every source is read once, however many stages and sets ask for it ---- */

enum { TEXTS_MAX = 2 * STAGES_MAX + SETS_MAX };

struct text_cache {
    struct {
        const struct text_list *list; /* what it was made from */
        struct source_text text;
    } entries[TEXTS_MAX];
    int n;
    bool hinted; /* that text need not be held in memory */
};

static bool same_list(const struct text_list *a, const struct text_list *b) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->text[i], b->text[i]) != 0) return false;
    return true;
}

static const struct source_text *cache_read(struct text_cache *c, const struct text_list *list,
                                            struct err *err) {
    for (int i = 0; i < c->n; i++)
        if (same_list(c->entries[i].list, list)) return &c->entries[i].text;
    struct source_text *text = &c->entries[c->n].text;
    c->entries[c->n++].list = list;
    for (int i = 0; i < list->n; i++)
        if (!source_read(list->text[i], text, err)) return NULL;
    return text;
}

static void cache_deinit(struct text_cache *c) {
    for (int i = 0; i < c->n; i++) source_deinit(&c->entries[i].text);
    free(c);
}

static const double progress_every_s = 0.1;

/* Where progress goes while text is prepared. */
struct progress {
    struct trainer *t;
    const char *what;
    double told; /* clock of the last event */
};

/* False when the run is to stop: preparing text can take minutes. */
static bool tell(void *ctx, size_t done, size_t total) {
    struct progress *p = ctx;
    double now = clock_now();
    if (now - p->told >= progress_every_s || done == total) {
        p->told = now;
        report_progress(p->t, p->what, (double)done, (double)total);
    }
    return !trainer_asked_to_stop(p->t);
}

/* The vocabulary comes from what the first stage trains on: the base knows nothing of what
 * follows. */
static struct tokenizer *learn_vocabulary(struct trainer *t, const struct source_text *text,
                                          struct err *err) {
    struct bpe_trainer *b = bpe_trainer_create(err);
    if (!b) return NULL;
    struct progress p = {.t = t, .what = "counting words"};
    bool ok = true;
    for (size_t i = 0; ok && i < text->n_units; i++) {
        const struct unit *u = &text->units[i];
        if (!u->validation) ok = corpus_teach(b, text, u, err);
        if (ok && i % 1024 == 0 && !tell(&p, i, text->n_units))
            ok = err_set(err, ERR_STOPPED, "counting words was given up");
    }
    p.what = "learning the vocabulary";
    struct tokenizer *made =
        ok ? bpe_trainer_finish(b, t->settings->model.vocab, tell, &p, err) : NULL;
    bpe_trainer_destroy(b);
    return made;
}

/* How conversations are written. The model will answer so, and what is saved of it says so. */
static const struct chat_template *find_chat(struct trainer *t) {
    enum chat_kind kind = t->settings->model.chat;
    const struct chat_template *c =
        kind == CHAT_AUTO ? chat_for(t->tokenizer) : &chat_templates[kind];
    tokenizer_set_chat(t->tokenizer, c);
    return c;
}

/* Of a file of tokens. */
static bool map_tokens(struct trainer *t, const char *path, enum split split, int stage,
                       struct corpus *out, struct err *err) {
    struct tokens_about about;
    if (!tokens_about(path, &about, err)) return false;
    struct progress p = {.t = t, .what = "checking tokens"};
    struct corpus_form form = {.chat = about.chat ? find_chat(t) : NULL,
                               .alone = !t->settings->stages[stage].packing};
    return tokens_corpus(path, split, form, t->tokenizer, tell, &p, out, err);
}

/* A vocabulary that a file of tokens was made with; the config's must have room for it. */
static struct tokenizer *take_vocabulary(const struct trainer *t, const char *path,
                                         struct err *err) {
    struct tokenizer *made = tokens_tokenizer(path, err);
    int room = t->settings->model.vocab;
    if (!made || tokenizer_vocab(made) <= room) return made;
    err_set(
        err, ERR_RANGE,
        "%s was made with a vocabulary of %d, and model.vocab is %d: set model.vocab to %d, "
        "or make it again with --vocab %d",
        path, tokenizer_vocab(made), room, tokenizer_vocab(made), room);
    tokenizer_destroy(made);
    return NULL;
}

enum { LARGE_TEXT = 300 << 20 }; /* bytes */

static void hint_of_tokens(struct trainer *t, struct text_cache *cache,
                           const struct source_text *text) {
    char words[240];
    if (cache->hinted || text->bytes.len < LARGE_TEXT) return;
    cache->hinted = true;
    snprintf(
        words, sizeof words,
        "%.0f MB of text are held in memory: `thaw data SOURCE --tokenize FILE` turns "
        "them into tokens once, and `data: [\"tokens:FILE\"]` trains on them from the disk",
        (double)text->bytes.len / 1e6);
    report_problem(t, false, words);
}

/* `stage` says how sequences are made of it. */
static bool build(struct trainer *t, struct text_cache *cache, const struct text_list *list,
                  enum split split, int stage, struct corpus *out, struct err *err) {
    const char *tokens = tokens_path(list->text[0]);
    if (tokens) return map_tokens(t, tokens, split, stage, out, err);
    const struct source_text *text = cache_read(cache, list, err);
    if (!text) return false;
    hint_of_tokens(t, cache, text);
    struct progress p = {.t = t, .what = "turning text into tokens"};
    struct corpus_form form = {.chat = source_has_turns(text) ? find_chat(t) : NULL,
                               .alone = !t->settings->stages[stage].packing};
    return corpus_build_as(text, split, form, t->tokenizer, tell, &p, out, err) ||
           err_prefix(err, "%s", list->text[0]);
}

/* What does not fit into a sequence of its own is said, once a stage. */
static void tell_losses(struct trainer *t, int i) {
    struct batcher_losses lost = batcher_losses(t->stages[i].batcher);
    char text[320];
    size_t units = t->stages[i].data.n_units + t->stages[i].replay.n_units;
    if (lost.cut + lost.left_out == 0) return;
    snprintf(text, sizeof text,
             "stage %s: of %zu texts %zu %s longer than the %d tokens of a sequence and cut "
             "there, and %zu have nothing to learn within and are left out: a larger "
             "model.context keeps more",
             t->settings->stages[i].name, units, lost.cut, lost.cut == 1 ? "is" : "are",
             t->time, lost.left_out);
    report_problem(t, false, text);
}

static bool load_stage(struct trainer *t, struct text_cache *cache, int i, struct err *err) {
    const struct stage_settings *s = &t->settings->stages[i];
    struct stage_data *d = &t->stages[i];
    if (!build(t, cache, &s->data, SPLIT_TRAIN, i, &d->data, err) ||
        (s->replay.share > 0 &&
         !build(t, cache, &s->replay.data, SPLIT_TRAIN, i, &d->replay, err)))
        return err_prefix(err, "stage %s", s->name);
    struct batcher_plan plan = {.batch = s->batch,
                                .context = t->time,
                                .seed = t->settings->seed,
                                .stage = i,
                                .data = &d->data,
                                .replay = s->replay.share > 0 ? &d->replay : NULL,
                                .replay_share = s->replay.share};
    d->batcher = batcher_create(&plan, err);
    if (d->batcher) tell_losses(t, i);
    bool of_main = s->replay.share == 0 || d->data.n_tokens <= (size_t)t->time;
    return d->batcher || err_prefix(err, "stage %s (%s)", s->name,
                                    (of_main ? &s->data : &s->replay.data)->text[0]);
}

static bool load_set(struct trainer *t, struct text_cache *cache, int i, struct text_list *list,
                     struct err *err) {
    const struct eval_set *set = &t->settings->eval.sets[i];
    list->n = 1;
    memcpy(list->text[0], set->source, sizeof set->source);
    struct corpus held_out = {0};
    int stage = settings_stage_of(t->settings, set->source);
    bool ok = build(t, cache, list, SPLIT_VAL, stage, &held_out, err) &&
              eval_windows_make(&held_out, t->tokenizer, t->time, t->settings->eval.tokens,
                                set->source, &t->eval_sets[i], err);
    corpus_deinit(&held_out);
    return ok || err_prefix(err, "eval set %s", set->name);
}

static bool find_vocabulary(struct trainer *t, struct text_cache *cache, struct err *err) {
    const struct text_list *list = &t->settings->stages[0].data;
    const char *tokens = tokens_path(list->text[0]);
    const struct source_text *text = tokens ? NULL : cache_read(cache, list, err);
    t->tokenizer = tokens ? take_vocabulary(t, tokens, err)
                   : text ? learn_vocabulary(t, text, err)
                          : NULL;
    return t->tokenizer != NULL;
}

bool stage_data_load(struct trainer *t, struct err *err) {
    const struct settings *s = t->settings;
    struct text_cache *cache = calloc(1, sizeof *cache);
    struct text_list *lists = calloc(SETS_MAX, sizeof *lists);
    bool ok = cache && lists;
    if (!ok) err_set(err, ERR_NOMEM, "no memory to read the text");
    if (ok && !t->tokenizer) ok = find_vocabulary(t, cache, err);
    for (int i = 0; ok && i < s->n_stages; i++) ok = load_stage(t, cache, i, err);
    for (int i = 0; ok && i < s->eval.n_sets; i++) ok = load_set(t, cache, i, &lists[i], err);
    if (cache) cache_deinit(cache);
    free(lists);
    return ok;
}

/* ---- the freeze plan and the base ---- */

bool stage_plan(const struct trainer *t, int stage, bool *learn, struct err *err) {
    const struct stage_settings *s = &t->settings->stages[stage];
    int64_t *steps = calloc((size_t)t->table.n_groups, sizeof *steps);
    bool ok = steps ? plan_thaw_steps(&t->table, s, steps, err)
                    : err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    for (int g = 0; ok && g < t->table.n_groups; g++) learn[g] = steps[g] == PLAN_START;
    free(steps);
    return ok || err_prefix(err, "stage %s", s->name);
}

bool stage_rates(const struct trainer *t, int stage, double *scale, struct err *err) {
    const struct stage_settings *s = &t->settings->stages[stage];
    return plan_lr_scale(&t->table, s, scale, err) ||
           err_prefix(err, "stage %s: lr_scale", s->name);
}

double stage_lr_scale(const struct trainer *t, int stage, int64_t stage_step, double lr) {
    struct schedule s = settings_schedule(&t->settings->stages[stage]);
    double planned = schedule_lr(&s, stage_step < s.warmup ? s.warmup : stage_step);
    return planned > 0 ? lr / planned : (double)NAN;
}

/* The base's own copy of a group, aside where the model is large; in memory where the disk does
 * not take it, for which *why says why. */
static void keep_base(struct trainer *t, int g, struct err *why) {
    bool pulled = t->settings->stages[t->state.stage].l2_sp > 0;
    if (!pulled && memory_shelves_base(t->settings, &t->table) &&
        weights_shelve(&t->base, g, t->paths->dir, why))
        return;
    weights_unshare(&t->base, g);
    if (pulled) weights_widen(&t->base, g); /* the update reads it */
}

void stage_thaw_base(struct trainer *t) {
    bool adapting = false;
    struct err why = {0};
    for (int g = 0; g < t->table.n_groups; g++) {
        if (!t->learn[g]) continue;
        if (t->has_base) keep_base(t, g, &why);
        weights_widen(&t->weights, g);
        adapting |= t->table.lora[g];
    }
    t->weights.plain = !adapting && weights_adapters_blank(&t->weights);
    if (!why.code) return;
    err_prefix(&why, "the base stays in memory");
    report_problem(t, false, why.msg);
}

bool stage_has_room(const struct trainer *t, const bool *learn, uint64_t available,
                    struct err *err) {
    const double mib = 1048576.0;
    struct memory_ask ask = trainer_ask(t);
    uint64_t bytes = 0;
    for (int g = 0; g < t->table.n_groups; g++) {
        uint64_t reals = group_bytes(&t->table.groups[g], NARROW_NONE);
        if (!learn[g] || t->learn[g]) continue;
        if (t->optim.steps[g] == 0) /* gradients and moments */
            bytes +=
                (uint64_t)ask.half_sets * reals / 2 + 2 * reals / (uint64_t)ask.moment_parts;
        bool copied =
            t->has_base && t->base.shared[g] && !memory_shelves_base(t->settings, &t->table);
        if (copied || t->weights.narrow[g]) bytes += reals; /* a base of its own, or reals */
    }
    if (bytes <= available) return true;
    return err_set(err, ERR_NOMEM,
                   "learning that takes %.1f MiB more (gradients, moments, a copy of the base) "
                   "and %.1f are available: unfreeze less at once, or freeze something before",
                   (double)bytes / mib, (double)available / mib);
}

double stage_kept_share(const struct trainer *t) {
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    double left = (double)(s->steps - t->state.stage_step) * s->batch;
    double windows = (double)batcher_windows(t->stages[t->state.stage].batcher);
    double slots = (double)prefix_cache_slots(t->prefixes), once = 1 - s->replay.share;
    if (left * once < 2 * windows) return 0;
    return once * (slots < windows ? slots / windows : 1);
}

bool stage_save_base(struct trainer *t, struct err *err) {
    if (!t->has_base || t->base_saved) return true;
    report_busy(t, "saving the base");
    t->base_saved = model_folder_save(t->paths->base, &t->base, t->tokenizer, err);
    weights_leave_all(&t->base);
    return t->base_saved || err_prefix(err, "the base was not saved");
}

/* The weights as they stand become the base: shared until a group learns, and a folder of their
 * own. Where that fails now it is tried again with each checkpoint. */
static bool take_base(struct trainer *t, struct err *err) {
    struct err why = {0};
    if (!weights_share(&t->weights, &t->base, err)) return false;
    t->has_base = true;
    t->base.plain = weights_adapters_blank(&t->base); /* it runs as if there were none */
    for (int g = 0; g < t->table.n_groups; g++)
        t->base_fingerprint[g] = weights_fingerprint_group(&t->base, g);
    memcpy(t->base_scores, report_scores(t), sizeof t->base_scores);
    if (!stage_save_base(t, &why)) report_problem(t, false, why.msg);
    return true;
}

/* What the base has other than the present weights becomes its own. */
static bool copy_base(struct trainer *t, const struct weights *saved, struct err *err) {
    struct err why = {0}; /* that something stays in memory: stage_thaw_base() says so */
    if (!weights_share(&t->weights, &t->base, err)) return false;
    for (int g = 0; g < t->table.n_groups; g++) {
        t->base_fingerprint[g] = weights_fingerprint_group(saved, g);
        if (t->base_fingerprint[g] == weights_fingerprint_group(&t->weights, g)) continue;
        weights_share_group(&t->base, saved, g);
        keep_base(t, g, &why);
    }
    t->base.plain = weights_adapters_blank(&t->base);
    t->has_base = t->base_saved = true;
    return true;
}

/* After a resume inside the last stage the base comes from its folder, by way of the gradients'
 * memory, which is free before the first step. Adapters that it does not have began to learn
 * with the stage. */
static bool reload_base(struct trainer *t, struct err *err) {
    weights_init_adapters(&t->grads, t->settings->seed);
    report_busy(t, "reading the base");
    bool ok = hf_model_weights(t->paths->base, &t->grads, err) && copy_base(t, &t->grads, err);
    weights_forget(&t->grads);
    for (int i = 0; ok && i < t->settings->eval.n_sets; i++)
        t->base_scores[i] = report_score(t, &t->base, i);
    return ok || err_prefix(err, "the base that the last stage began with");
}

static void report_frozen(struct trainer *t) {
    struct buf groups = {0};
    for (int g = 0; g < t->table.n_groups; g++) t->scratch[g] = !t->learn[g];
    groups_format(&t->table, t->scratch, &groups);
    if (groups.len > 0)
        report_freeze(t, buf_text(&groups), true, "config", (double)NAN, (double)NAN,
                      t->state.step + 1);
    buf_deinit(&groups);
}

/* What holds from a stage's first step on, however often the run is resumed inside it. */
static bool begin_afresh(struct trainer *t, struct err *err) {
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    if (!stage_plan(t, t->state.stage, t->learn, err)) return false;
    memset(t->by_hand, 0, (size_t)t->table.n_groups * sizeof *t->by_hand);
    t->state.early = (struct early_stop){.step = 0};
    /* Moments of one kind of optimizer mean nothing to another. */
    if (t->state.stage > 0 && s[-1].optimizer.kind != s->optimizer.kind) optim_reset(&t->optim);
    t->state.begun = true;
    return true;
}

void stage_measure(struct trainer *t) {
    struct cost_shape shape = {.table = &t->table,
                               .time = t->time,
                               .recompute = t->settings->recompute == RECOMPUTE_BLOCKS};
    cost_begin(&t->cost, shape);
}

bool stage_begin(struct trainer *t, struct err *err) {
    bool fresh = !t->state.begun;
    bool last = t->state.stage == t->settings->n_stages - 1;
    if (fresh && !begin_afresh(t, err)) return false;
    const struct stage_settings *s = &t->settings->stages[t->state.stage];
    t->optim.settings = settings_optim(s);
    share_begin(t);
    if (!stage_rates(t, t->state.stage, t->optim.lr_scale, err) ||
        !plan_thaw_steps(&t->table, s, t->thaw_steps, err))
        return false;
    report_stage(t, false);
    if (last && !t->has_base && !(fresh ? take_base(t, err) : reload_base(t, err)))
        return false;
    stage_thaw_base(t);
    t->optim.start = t->has_base ? &t->base : NULL;
    report_frozen(t);
    stage_measure(t);
    t->together.moved = true;
    t->freeze_told.waiting = false;
    t->sampling_s = t->training_s = 0;
    memset(t->base_told, 0, sizeof t->base_told);
    memset(t->third.told, 0, sizeof t->third.told);
    if (t->state.step > 0) report_eval(t);
    report_layers(t);
    return true;
}
