#include "engine/run/checkpoint.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/core/sums.h"
#include "engine/formats/hf_model.h"
#include "engine/formats/peft.h"
#include "engine/nn/blas.h"

enum { TRAINER_MAX_BYTES = 16 << 20 }; /* of trainer.json */

static const char *const moment_prefixes[] = {"exp_avg.", "exp_avg_sq."};

/* ---- saving ---- */

/* Bytes of a file in a folder, 0 when there is none. */
static uint64_t size_of(const char *dir, const char *name) {
    char path[PATH_MAX];
    struct stat st;
    bool there = files_join(path, sizeof path, dir, name, NULL) && stat(path, &st) == 0;
    return there ? (uint64_t)st.st_size : 0;
}

/* Readers tell by the sizes whether a checkpoint is whole. */
static void put_sizes(struct json_writer *w, const char *dir) {
    static const char *const names[] = {"model.safetensors", "optimizer.safetensors",
                                        "config.json", "tokenizer.json"};
    static const char adapters[] = "adapter_model.safetensors";
    json_open(w, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_add_integer(w, names[i], (int64_t)size_of(dir, names[i]));
    }
    if (peft_is(dir)) json_add_integer(w, adapters, (int64_t)size_of(dir, adapters));
    json_close(w, '}');
}

static void put_state(struct json_writer *w, const struct trainer_state *s) {
    json_add_integer(w, "version", 1);
    json_add_integer(w, "step", s->step);
    json_add_integer(w, "stage", s->stage);
    json_add_bool(w, "begun", s->begun);
    json_add_integer(w, "stage_step", s->stage_step);
    json_add_integer(w, "tokens", s->tokens);
    json_add_number(w, "lr_scale", s->lr_scale, 17);
    json_add_number(w, "seconds", s->stopwatch, 17);
    json_add_number(w, "validation_loss", s->validation, 17);
    json_add_string(w, "blas", blas_describe());
    if (s->early.step == 0 && s->early.waited == 0) return;
    json_add_open(w, "early_stop", '{');
    json_add_number(w, "loss", s->early.loss, 17);
    json_add_integer(w, "step", s->early.step);
    json_add_integer(w, "waited", s->early.waited);
    json_close(w, '}');
}

static bool write_trainer_json(const char *dir, const struct trainer_state *s,
                               const bool *learn, const struct optim *o, struct err *err) {
    const struct param_table *t = o->m.table;
    struct buf text = {0}, groups = {0};
    struct json_writer w = json_writer_make(&text);
    w.indent = 1;
    json_open(&w, '{');
    put_state(&w, s);
    json_put_key(&w, "learn");
    groups_format(t, learn, &groups);
    json_put_string(&w, buf_text(&groups));
    if (s->by_hand) {
        groups.len = 0;
        groups_format(t, s->by_hand, &groups);
        json_add_string(&w, "by_hand", buf_text(&groups));
    }
    json_add_open(&w, "optimizer_steps", '{');
    for (int g = 0; g < t->n_groups; g++) {
        json_add_integer(&w, t->groups[g].name, o->steps[g]);
    }
    json_close(&w, '}');
    json_put_key(&w, "files");
    put_sizes(&w, dir);
    json_close(&w, '}');
    buf_str(&text, "\n");
    char path[PATH_MAX];
    bool ok = !text.failed && !groups.failed;
    if (!ok) err_set(err, ERR_NOMEM, "no memory for trainer.json");
    ok = ok && files_join(path, sizeof path, dir, "trainer.json", err) &&
         files_write(path, text.data, text.len, err);
    buf_deinit(&text);
    buf_deinit(&groups);
    return ok;
}

/* Groups that were ever updated: the moments of others are zeros, and not kept. Owner: the
 * caller; NULL with ERR_NOMEM. */
static bool *updated_groups(const struct optim *o, struct err *err) {
    int n = o->m.table->n_groups;
    bool *groups = calloc((size_t)n, sizeof *groups);
    for (int g = 0; groups && g < n; g++) groups[g] = o->steps[g] > 0;
    if (!groups) err_set(err, ERR_NOMEM, "no memory for a list of %d groups", n);
    return groups;
}

/* A model's folder needs its weights' bytes; a checkpoint (o not NULL) twice as many more of
 * what was updated. A MiB for the rest. */
static bool has_room(const char *where, const struct weights *w, const struct optim *o,
                     struct err *err) {
    uint64_t parameters = w->table->parameters;
    for (int g = 0; o && g < w->table->n_groups; g++)
        parameters += o->steps[g] > 0 ? 2 * w->table->groups[g].parameters : 0;
    uint64_t need = parameters * sizeof(float) + (1u << 20);
    uint64_t free_bytes = files_free_bytes(where);
    if (free_bytes >= need) return true;
    return err_set(err, ERR_FULL,
                   "%s: %.1f MiB are needed and %.1f MiB are free: make room on this disk",
                   where, (double)need / 1048576.0, (double)free_bytes / 1048576.0);
}

static bool save_moments(const char *dir, const struct optim *o, uint64_t *bytes,
                         struct err *err) {
    char path[PATH_MAX];
    const struct weights *const moments[] = {o->share ? o->share->whole[0] : &o->m,
                                             o->share ? o->share->whole[1] : &o->v};
    bool *groups = updated_groups(o, err);
    bool ok = groups && files_join(path, sizeof path, dir, "optimizer.safetensors", err) &&
              weights_save(path, moments, moment_prefixes, 2, groups, bytes, err);
    free(groups);
    return ok;
}

static bool fill_checkpoint(const char *dir, const struct trainer_state *s, const bool *learn,
                            const struct weights *w, const struct optim *o,
                            const struct tokenizer *t, uint64_t *bytes, struct err *err) {
    struct weights all = *w; /* adapters that are off as well */
    uint64_t model_bytes = 0, moment_bytes = 0;
    all.plain = false;
    if (!files_make_dirs(dir, 0700, err) || !hf_model_save(dir, &all, t, &model_bytes, err) ||
        !save_moments(dir, o, &moment_bytes, err) ||
        !write_trainer_json(dir, s, learn, o, err) || !sums_write(dir, err) ||
        !files_sync_dir(dir, err))
        return false;
    *bytes =
        model_bytes + moment_bytes + size_of(dir, "trainer.json") + size_of(dir, SUMS_NAME);
    return true;
}

/* The folder beside `checkpoints`' own in which a save of step N is made, and the final one. */
static bool name_folders(const char *checkpoints, int64_t step, char aside[PATH_MAX],
                         char path[PATH_MAX], struct err *err) {
    char name[64];
    snprintf(name, sizeof name, ".step-%" PRId64 ".new", step);
    if (!files_join(aside, PATH_MAX, checkpoints, name, err)) return false;
    snprintf(name, sizeof name, "step-%" PRId64, step);
    return files_join(path, PATH_MAX, checkpoints, name, err);
}

/* Remove what interrupted saves have left, as far as it can be, before the room is measured. */
static void sweep(const char *checkpoints) {
    DIR *folder = opendir(checkpoints);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[PATH_MAX];
        const char *end = strrchr(e->d_name, '.');
        if (strncmp(e->d_name, ".step-", 6) == 0 && strcmp(end, ".new") == 0 &&
            files_join(path, sizeof path, checkpoints, e->d_name, NULL))
            files_remove_tree(path, NULL);
    }
    if (folder) closedir(folder);
}

bool checkpoint_save(const char *checkpoints, const struct trainer_state *s, const bool *learn,
                     const struct weights *w, const struct optim *o, const struct tokenizer *t,
                     char path[PATH_MAX], uint64_t *bytes, struct err *err) {
    char aside[PATH_MAX];
    if (!name_folders(checkpoints, s->step, aside, path, err) ||
        !files_make_dirs(checkpoints, 0700, err))
        return false;
    sweep(checkpoints);
    if (!files_remove_tree(aside, err)) return false; /* then it is in the way */
    if (!has_room(checkpoints, w, o, err)) return false;
    bool ok = fill_checkpoint(aside, s, learn, w, o, t, bytes, err) &&
              files_replace_dir(aside, path, err);
    if (!ok) files_remove_tree(aside, NULL);
    return ok;
}

/* What goes into a model's folder. */
struct folder {
    const struct weights *w;
    const struct tokenizer *t;
    bool for_others;         /* hf_model_save_as(), else hf_model_save() */
    const enum dtype *type;  /* may be NULL */
    const char *copied_from; /* NULL: it is written */
};

static bool fill_folder(const char *dir, const struct folder *f, struct err *err) {
    char tokenizer[PATH_MAX];
    if (!f->for_others) return hf_model_save(dir, f->w, f->t, NULL, err);
    if (!f->copied_from) return hf_model_save_as(dir, f->w, f->t, f->type, err);
    return imported_copy(f->copied_from, dir, err) &&
           files_join(tokenizer, sizeof tokenizer, dir, "tokenizer.json", err) &&
           (!f->t || files_exists(tokenizer) || tokenizer_save(f->t, tokenizer, err));
}

static bool save_folder(const char *path, const struct folder *f, struct err *err) {
    char aside[PATH_MAX], parent[PATH_MAX];
    int n = snprintf(aside, sizeof aside, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof aside)
        return err_set(err, ERR_RANGE, "%s: the path is too long", path);
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash) *slash = '\0';
    bool ok = files_remove_tree(aside, err) &&
              has_room(slash ? parent : ".", f->w, NULL, err) &&
              files_make_dirs(aside, 0700, err) && fill_folder(aside, f, err) &&
              sums_write(aside, err) && files_sync_dir(aside, err) &&
              files_replace_dir(aside, path, err);
    if (!ok) files_remove_tree(aside, NULL);
    return ok;
}

bool model_folder_save(const char *path, const struct weights *w, const struct tokenizer *t,
                       struct err *err) {
    return save_folder(path, &(struct folder){.w = w, .t = t}, err);
}

bool model_folder_export(const char *path, const char *from, const struct weights *w,
                         const struct tokenizer *t, const enum dtype *type, struct err *err) {
    bool as_it_is = from && !type && !imported_is_kept(from);
    struct folder f = {.w = w,
                       .t = t,
                       .for_others = true,
                       .type = type,
                       .copied_from = as_it_is ? from : NULL};
    return save_folder(path, &f, err);
}

/* ---- loading ---- */

static struct early_stop read_early_stop(const struct json *v) {
    int64_t step = json_int(json_get(v, "step"), 0),
            waited = json_int(json_get(v, "waited"), 0);
    return (struct early_stop){.loss = json_number(json_get(v, "loss"), (double)NAN),
                               .step = step > 0 ? step : 0,
                               .waited = waited > 0 && waited < INT_MAX ? (int)waited : 0};
}

static bool read_state(const struct json *root, struct trainer_state *s) {
    int64_t stage = json_int(json_get(root, "stage"), -1);
    *s = (struct trainer_state){
        .by_hand = s->by_hand,
        .early = read_early_stop(json_get(root, "early_stop")),
        .stage = (int)stage,
        .step = json_int(json_get(root, "step"), -1),
        .stage_step = json_int(json_get(root, "stage_step"), -1),
        .tokens = json_int(json_get(root, "tokens"), -1),
        .lr_scale = json_number(json_get(root, "lr_scale"), -1),
        .stopwatch = json_number(json_get(root, "seconds"), -1),
        .validation = json_number(json_get(root, "validation_loss"), (double)NAN)};
    snprintf(s->kernels, sizeof s->kernels, "%s", json_str(json_get(root, "blas"), ""));
    s->begun = json_bool(json_get(root, "begun"), s->stage_step > 0);
    return stage >= 0 && stage <= INT_MAX && s->step >= 0 && s->stage_step >= 0 &&
           s->tokens >= 0 && s->lr_scale > 0 && isfinite(s->lr_scale) && s->stopwatch >= 0;
}

/* by_hand may be NULL. A checkpoint that is older than plans of groups has none. */
static bool read_groups(const struct json *root, const struct param_table *t, bool *learn,
                        bool *by_hand, int64_t *steps, struct err *err) {
    const struct json *counts = json_get(root, "optimizer_steps");
    const char *groups = json_str(json_get(root, "learn"), NULL);
    bool ok = groups != NULL;
    for (int g = 0; g < t->n_groups; g++) {
        learn[g] = false;
        if (by_hand) by_hand[g] = false;
        steps[g] = json_int(json_get(counts, t->groups[g].name), -1);
        ok &= steps[g] >= 0;
    }
    if (!ok) return err_set(err, ERR_PARSE, "learn or optimizer_steps is missing or wrong");
    return groups_select(t, groups, learn, err) &&
           (!by_hand ||
            groups_select(t, json_str(json_get(root, "by_hand"), ""), by_hand, err));
}

static bool read_trainer_json(const char *dir, struct trainer_state *s, bool *learn,
                              struct optim *o, struct err *err) {
    char path[PATH_MAX];
    struct buf text = {0};
    if (!files_join(path, sizeof path, dir, "trainer.json", err) ||
        !files_read(path, TRAINER_MAX_BYTES, &text, err)) {
        buf_deinit(&text);
        return false;
    }
    struct json *root = json_parse(buf_text(&text), text.len, err);
    bool ok =
        root && (read_state(root, s) ||
                 err_set(err, ERR_PARSE, "a number of step or stage is missing or wrong"));
    ok = ok && read_groups(root, o->m.table, learn, s->by_hand, o->steps, err);
    json_destroy(root);
    buf_deinit(&text);
    return ok || err_prefix(err, "%s", path);
}

static bool load_tensors(const char *dir, const char *file, const char *const *prefixes,
                         struct weights *const *sets, int n_sets, const bool *groups,
                         struct err *err) {
    char path[PATH_MAX];
    if (!files_join(path, sizeof path, dir, file, err)) return false;
    struct safetensors *s = safetensors_open(path, err);
    if (!s) return false;
    bool ok = true;
    for (int i = 0; ok && i < n_sets; i++)
        ok = weights_load(s, prefixes[i], groups, sets[i], err);
    safetensors_close(s);
    return ok;
}

/* Writes only where it must: pages that were never touched are not paid for. */
static void clear(real *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0) x[i] = 0;
}

/* Moments of groups that were never updated are zeros, whatever stood there. */
static bool load_moments(const char *dir, struct optim *o, struct err *err) {
    struct weights *const moments[] = {&o->m, &o->v};
    bool *groups = updated_groups(o, err);
    bool ok = groups && load_tensors(dir, "optimizer.safetensors", moment_prefixes, moments, 2,
                                     groups, err);
    for (int g = 0; ok && g < o->m.table->n_groups; g++)
        for (int k = 0; k < 2 && !groups[g]; k++)
            clear(moments[k]->group[g], o->m.table->groups[g].reals);
    free(groups);
    return ok;
}

bool checkpoint_load(const char *path, struct trainer_state *s, bool *learn, struct weights *w,
                     struct optim *o, struct err *err) {
    static const char *const plain[] = {""};
    struct weights *const model[] = {w};
    bool adapters = w->table->config.adapter.rank > 0;
    return read_trainer_json(path, s, learn, o, err) &&
           load_tensors(path, "model.safetensors", plain, model, 1, w->table->own, err) &&
           (!adapters || peft_load(path, w, err)) && load_moments(path, o, err);
}
