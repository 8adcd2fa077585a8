#include "src/model_arg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/shipped.h"
#include "engine/formats/peft.h"
#include "engine/nn/blas.h"
#include "engine/run/run_dir.h"

/* ---- finding ---- */

static bool is_model_folder(const char *path) {
    char config[PATH_MAX];
    return peft_is(path) || (files_join(config, sizeof config, path, "config.json", NULL) &&
                             files_exists(config));
}

/* The newest whole checkpoint of a run, or its base. */
static bool newest_of(const struct run_paths *run, char out[PATH_MAX], struct err *err) {
    if (checkpoint_newest(run->checkpoints, out, NULL, 0) >= 0) return true;
    if (is_model_folder(run->base)) return files_join(out, PATH_MAX, "", run->base, err);
    return err_set(err, ERR_IO,
                   "%s has no checkpoint yet; `thaw send RUN checkpoint` writes one", run->dir);
}

/* One that came with thaw, from whatever folder it is asked for. */
static bool is_shipped(const char *word, char out[PATH_MAX]) {
    static const char assets[] = "assets/";
    return strncmp(word, assets, sizeof assets - 1) == 0 && !strstr(word, "..") &&
           shipped_path(out, PATH_MAX, word, NULL) && is_model_folder(out);
}

bool model_find(const char *word, const char *runs_dir_given, char out[PATH_MAX],
                struct err *err) {
    char runs[PATH_MAX];
    struct run_paths run;
    if (!*word) return err_set(err, ERR_USAGE, "which model? a run, a folder or a .bin file");
    bool folder = files_is_dir(word);
    if (files_exists(word) && (!folder || is_model_folder(word)))
        return files_join(out, PATH_MAX, "", word, err);
    if (is_shipped(word, out)) return true;
    if (!runs_dir(runs_dir_given, runs, err)) return false;
    struct err why = {0};
    if (run_dir_find(runs, word, &run, &why)) return newest_of(&run, out, err);
    if (why.code == ERR_IO) return err_set(err, why.code, "%s", why.msg);
    if (folder)
        return err_set(err, ERR_USAGE, "%s is no model: there is no config.json in it", word);
    if (strchr(word, '/') && files_join(out, PATH_MAX, runs, word, NULL) &&
        is_model_folder(out))
        return true;
    return err_set(
        err, ERR_USAGE,
        "there is no model \"%s\": give a run (`thaw runs` lists them), a Hugging Face "
        "folder or a llama2.c .bin",
        word);
}

bool model_find_folder(const char *key, const char *word, const char *runs_dir,
                       char out[PATH_MAX], struct err *err) {
    char path[PATH_MAX];
    struct model_config shape;
    if (!model_find(word, runs_dir, path, err)) return err_prefix(err, "%s", key);
    if (!realpath(path, out)) return err_errno(err, "%s: %s", key, path);
    if (!files_is_dir(out))
        return err_set(err, ERR_USAGE,
                       "%s: %s is a file: give a run, a checkpoint or a Hugging Face folder",
                       key, out);
    return hf_model_shape(out, &shape, err) || err_prefix(err, "%s", key);
}

/* ---- loading ---- */

static bool load_file(const char *path, const struct model_options *o, struct model *out,
                      struct err *err) {
    size_t n = strlen(path);
    if (n > 12 && strcmp(path + n - 12, ".safetensors") == 0)
        return err_set(err, ERR_USAGE, "%s: give the folder that it is in, with config.json",
                       path);
    if (!o->tokenizer)
        return err_set(err, ERR_USAGE, "%s: a llama2.c model needs --tokenizer FILE", path);
    out->sentencepiece = true;
    return llama2c_load(path, o->tokenizer, &out->hf, err);
}

static bool load_folder(const char *path, const struct model_options *o, struct model *out,
                        struct err *err) {
    char given[PATH_MAX];
    if (o->tokenizer)
        return err_set(err, ERR_USAGE, "%s has its own tokenizer: leave out --tokenizer", path);
    if (o->base && !peft_is(path))
        return err_set(err, ERR_USAGE, "%s is no folder of adapters: leave out --base", path);
    if (o->base && !model_find(o->base, o->runs_dir, given, err)) return false;
    if (!peft_base(path, o->base ? given : NULL, out->base, err) ||
        !hf_model_load_on(path, out->base, &out->hf, err))
        return false;
    return out->hf.tokenizer || err_set(err, ERR_IO, "%s has no tokenizer.json", path);
}

bool model_open_path(const char *path, const struct model_options *o, struct model *out,
                     struct err *err) {
    *out = (struct model){.sentencepiece = false};
    blas_init();
    bool ok =
        files_join(out->path, sizeof out->path, "", path, err) &&
        (files_is_dir(path) ? load_folder(path, o, out, err) : load_file(path, o, out, err));
    if (ok && !(out->ex.pool = pool_create(0, err))) ok = false;
    if (!ok) model_close(out);
    return ok;
}

bool model_open(const char *word, const struct model_options *o, struct model *out,
                struct err *err) {
    char path[PATH_MAX];
    *out = (struct model){.sentencepiece = false};
    return model_find(word, o->runs_dir, path, err) && model_open_path(path, o, out, err);
}

void model_close(struct model *m) {
    hf_model_destroy(&m->hf);
    pool_destroy(m->ex.pool);
    *m = (struct model){.sentencepiece = false};
}

/* ---- texts ---- */

bool model_encode(struct model *m, const char *text, size_t n, struct ids *out,
                  struct err *err) {
    if (m->sentencepiece && !ids_push(out, tokenizer_eot(m->hf.tokenizer), err)) return false;
    return tokenizer_encode(m->hf.tokenizer, text, n, out, err);
}

void model_token_text(const struct model *m, struct token_text *state, const int32_t *ids,
                      size_t n, size_t i, struct buf *out) {
    size_t before = out->len;
    if (m->sentencepiece && ids[i] == tokenizer_eot(m->hf.tokenizer)) return;
    token_text_push(state, m->hf.tokenizer, ids[i], i + 1 == n, out);
    bool first = i == 0 || (i == 1 && ids[0] == tokenizer_eot(m->hf.tokenizer));
    if (!m->sentencepiece || !first || out->len == before || out->data[before] != ' ') return;
    memmove(out->data + before, out->data + before + 1, out->len - before); /* and the NUL */
    out->len--;
}
