/* settings_check.c - what only several keys together can get wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/tree.h"
#include "engine/data/source.h"
#include "engine/data/tokens_file.h"
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"

/* The key at fault, for the caller; always false. */
static bool at(char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool at(char *path, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(path, TEXT_MAX_BYTES, fmt, args);
    va_end(args);
    return false;
}

static bool check_sources(const struct text_list *list, struct err *err) {
    for (int i = 0; i < list->n; i++) {
        if (!source_check(list->text[i], err)) return false;
        if (list->n > 1 && tokens_path(list->text[i]))
            return err_set(err, ERR_RANGE,
                           "%s is a corpus of its own and cannot be joined with other sources: "
                           "turn all of them into one, `thaw data SOURCE... --tokenize FILE`",
                           list->text[i]);
    }
    return true;
}

static bool name_taken(const struct settings *s, int stage) {
    for (int i = 0; i < stage; i++)
        if (strcmp(s->stages[i].name, s->stages[stage].name) == 0) return true;
    return false;
}

/* Shards, and what is computed of them at a time. */
static bool check_parts(const struct settings *s, int i, char *path, struct err *err) {
    const struct stage_settings *st = &s->stages[i];
    if (st->batch % s->shards != 0) {
        err_set(err, ERR_RANGE, "shards must divide batch: %d sequences make no %d equal parts",
                st->batch, s->shards);
        return at(path, "stages.%d.batch", i);
    }
    int shard = settings_shard(s, i);
    if (st->batch % (st->micro_batch > 0 ? st->micro_batch : 1) == 0 &&
        shard % settings_micro_batch(s, i) == 0)
        return true;
    err_set(err, ERR_RANGE,
            "micro_batch must divide batch%s: %d sequences make no whole number of parts of %d",
            s->shards > 1 ? " / shards" : "", shard, st->micro_batch);
    return at(path, "stages.%d.micro_batch", i);
}

static bool check_stage(const struct settings *s, int i, char *path, struct err *err) {
    const struct stage_settings *st = &s->stages[i];
    if (name_taken(s, i)) {
        err_set(err, ERR_RANGE, "two stages are called \"%s\": give each its own name",
                st->name);
        return at(path, "stages.%d.name", i);
    }
    if (st->data.n == 0) {
        err_set(err, ERR_RANGE, "stage \"%s\" has no data: give it a source, e.g. text:PATH",
                st->name);
        return at(path, "stages.%d.data", i);
    }
    if (!check_sources(&st->data, err)) return at(path, "stages.%d.data", i);
    if (st->replay.share > 0 && st->replay.data.n == 0) {
        err_set(err, ERR_RANGE, "replay.share is above 0, but replay.data names no source");
        return at(path, "stages.%d.replay.share", i);
    }
    if (!check_sources(&st->replay.data, err)) return at(path, "stages.%d.replay.data", i);
    if (!check_parts(s, i, path, err)) return false;
    if (st->l2_sp > 0 && i != s->n_stages - 1) {
        err_set(err, ERR_RANGE,
                "l2_sp pulls towards the weights that a stage began with, and these are kept "
                "in the last stage only (as its base): leave it out of stage \"%s\"",
                st->name);
        return at(path, "stages.%d.l2_sp", i);
    }
    if (st->thaw.every > 0 && st->thaw.at.n > 0) {
        err_set(err, ERR_RANGE,
                "thaw is either every so many steps or a list of steps, not both");
        return at(path, "stages.%d.thaw", i);
    }
    return true;
}

static bool check_sets(const struct settings *s, struct err *err) {
    for (int i = 0; i < s->eval.n_sets; i++) {
        const struct eval_set *set = &s->eval.sets[i];
        if (!set->name[0]) return err_set(err, ERR_RANGE, "a set's name must not be empty");
        if (!source_check(set->source, err)) return err_prefix(err, "set \"%s\"", set->name);
        for (int j = 0; j < i; j++)
            if (strcmp(set->name, s->eval.sets[j].name) == 0)
                return err_set(err, ERR_RANGE, "two sets are called \"%s\"", set->name);
    }
    return true;
}

static bool check_keep(const struct settings *s, struct err *err) {
    return !s->checkpoint.keep.best || s->eval.n_sets > 0 ||
           err_set(err, ERR_RANGE,
                   "keep.best needs a validation loss: name a set in eval.sets, e.g. {domain: "
                   "text:PATH}");
}

/* A stage that ends early needs a set that tells it to. */
static bool check_early_stop(const struct settings *s, int i, char *path, struct err *err) {
    const struct stage_settings *st = &s->stages[i];
    if (st->early_stop.patience == 0) return true;
    if (s->eval.n_sets == 0) {
        err_set(err, ERR_RANGE,
                "early_stop needs a validation loss: name a set in eval.sets, e.g. {domain: "
                "text:PATH}");
        return at(path, "stages.%d.early_stop", i);
    }
    int set = settings_early_set(s, i);
    if (!st->early_stop.set[0] || strcmp(s->eval.sets[set].name, st->early_stop.set) == 0)
        return true;
    err_set(err, ERR_RANGE, "there is no set \"%s\" in eval.sets; the last is \"%s\"",
            st->early_stop.set, s->eval.sets[s->eval.n_sets - 1].name);
    return at(path, "stages.%d.early_stop.set", i);
}

static int count_words(const char *text) {
    static const char blanks[] = " \t\n\r";
    int n = 0;
    for (const char *at = text + strspn(text, blanks); *at; n++) {
        at += strcspn(at, blanks);
        at += strspn(at, blanks);
    }
    return n;
}

/* A word takes a token at least; the end-of-text in front and what is to be predicted one each.
 */
static bool check_prompts(const struct settings *s, struct err *err) {
    for (int i = 0; i < s->compare.prompts.n && !s->model.from[0]; i++) {
        const char *prompt = s->compare.prompts.text[i];
        int n = count_words(prompt), room = s->model.context - 2;
        if (n > room)
            return err_set(
                err, ERR_RANGE,
                "the prompt \"%.60s\" has %d words; with model.context %d at most %d fit",
                prompt, n, s->model.context, room);
    }
    return true;
}

static bool check_numbered(const struct param_table *t, const struct group_numbers *list,
                           bool *mask, int stage, const char *key, char *path,
                           struct err *err) {
    for (int i = 0; i < list->n; i++)
        if (!groups_select(t, list->at[i].groups, mask, err))
            return at(path, "stages.%d.%s", stage, key);
    return true;
}

static bool check_groups(const struct settings *s, const struct param_table *t, char *path,
                         struct err *err) {
    bool *mask = calloc((size_t)t->n_groups, sizeof *mask);
    if (!mask) return err_set(err, ERR_NOMEM, "not enough memory to check the groups");
    bool ok = true;
    for (int i = 0; ok && i < s->n_stages; i++) {
        const struct stage_settings *st = &s->stages[i];
        const struct text_list *freeze = &st->freeze;
        for (int j = 0; ok && j < freeze->n; j++)
            ok = groups_select(t, freeze->text[j], mask, err);
        if (!ok) at(path, "stages.%d.freeze", i);
        ok = ok && check_numbered(t, &st->optimizer.lr_scale, mask, i, "optimizer.lr_scale",
                                  path, err);
        ok = ok && check_numbered(t, &st->thaw.at, mask, i, "thaw.at", path, err);
    }
    free(mask);
    return ok;
}

/* The shape of a model that starts from a folder stands in that folder. */
static bool check_model(const struct settings *s, char *path, struct err *err) {
    if (s->model.from[0]) return true;
    struct model_config config = settings_model(s);
    struct param_table table;
    if (!model_config_complete(&config, err)) return at(path, "model");
    if (!settings_adapter(s, &config, err))
        return at(path, "stages.%d.adapter", (int)(settings_adapted_stage(s) - s->stages));
    if (!param_table_create(&config, &table, err)) return at(path, "model");
    bool ok = check_groups(s, &table, path, err);
    param_table_destroy(&table);
    return ok;
}

static bool same_texts(const struct text_list *a, const struct text_list *b) {
    for (int i = 0; i < a->n && i < b->n; i++)
        if (strcmp(a->text[i], b->text[i]) != 0) return false;
    return a->n == b->n;
}

static bool same_adapters(const struct stage_settings *a, const struct stage_settings *b) {
    return a->adapter.rank == b->adapter.rank && a->adapter.alpha == b->adapter.alpha &&
           a->adapter.dropout == b->adapter.dropout && a->adapter.rs == b->adapter.rs &&
           same_texts(&a->adapter.targets, &b->adapter.targets) &&
           same_texts(&a->adapter.blocks, &b->adapter.blocks);
}

/* The stages' adapters are parts of one model. */
static bool check_adapters(const struct settings *s, char *path, struct err *err) {
    const struct stage_settings *first = NULL;
    for (int i = 0; i < s->n_stages; i++) {
        const struct stage_settings *st = &s->stages[i];
        if (st->adapter.rank == 0) continue;
        if (!first) first = st;
        if (same_adapters(st, first)) continue;
        err_set(
            err, ERR_RANGE,
            "the stages \"%s\" and \"%s\" have different adapters: a run's stages share one",
            first->name, st->name);
        return at(path, "stages.%d.adapter", i);
    }
    return true;
}

bool settings_check(const struct settings *s, char *path, struct err *err) {
    path[0] = '\0';
    if (!run_name_ok(s->name, err)) return at(path, "name");
    if (s->n_stages == 0) {
        err_set(err, ERR_RANGE, "a run needs at least one stage");
        return at(path, "stages");
    }
    if (!tree_is_whole(s->shards)) {
        err_set(err, ERR_RANGE, "shards must be a power of two (1, 2, 4, 8 ...), not %d",
                s->shards);
        return at(path, "shards");
    }
    for (int i = 0; i < s->n_stages; i++)
        if (!check_stage(s, i, path, err)) return false;
    if (!check_sets(s, err)) return at(path, "eval.sets");
    for (int i = 0; i < s->n_stages; i++)
        if (!check_early_stop(s, i, path, err)) return false;
    if (!check_prompts(s, err)) return at(path, "compare.prompts");
    if (!check_keep(s, err)) return at(path, "checkpoint.keep.best");
    return check_adapters(s, path, err) && check_model(s, path, err);
}
