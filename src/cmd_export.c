/* cmd_export.c - `thaw export`: a model as a folder that other programs read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/formats/gguf.h"
#include "engine/formats/peft.h"
#include "engine/run/checkpoint.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"

static const char about[] =
    "Write MODEL as a Hugging Face folder (config.json, model.safetensors, tokenizer.json), as "
    "one\n"
    "GGUF file, which llama.cpp and Ollama read, or its adapters alone as a PEFT folder\n"
    "(adapter_config.json, adapter_model.safetensors). With --merge the model takes its "
    "adapters\n"
    "in. A model that came from a Hugging Face folder gets its names, number types and small\n"
    "files again; what was not trained is the same bytes. OUT must not exist, the folder that "
    "it is\n"
    "in must; it is there as a whole, or not at all.";

enum export_form { EXPORT_HF, EXPORT_GGUF, EXPORT_PEFT, EXPORT_FORMS };
static const char *const form_words[EXPORT_FORMS] = {"hf", "gguf", "peft"};

struct export_options {
    struct model_options model;
    const char *to, *type_word, *dtype_word;
    enum export_form form;
    enum gguf_type type;     /* of a GGUF file's matrices */
    enum dtype dtype_of_all; /* of a folder's tensors, where dtype_word is given */
    bool merge;
};

/* What was given as OUT as a path without slashes at its end, in *out. Whether a folder can be
 * made there: it is named, not there, and in a folder that is. */
static bool find_out(const char *given, char out[PATH_MAX], struct err *err) {
    char parent[PATH_MAX];
    if (!*given) return err_set(err, ERR_USAGE, "OUT must not be empty: name a new folder");
    if (files_exists(given))
        return err_set(err, ERR_USAGE, "%s is there already: choose another name", given);
    if (!files_join(out, PATH_MAX, "", given, err)) return false;
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--) out[n - 1] = '\0';
    memcpy(parent, out, sizeof parent);
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = '\0'; /* the root keeps its slash */
    if (!slash || files_is_dir(parent)) return true;
    return err_set(err, ERR_USAGE, "%s: there is no folder %s; make it first", out, parent);
}

/* The last part of a path, for general.name. */
static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* ---- adapters alone ---- */

static bool same_bytes(const char *a, const char *b) {
    struct mapping x = {0}, y = {0};
    bool same = files_map(a, &x, NULL) && files_map(b, &y, NULL) && x.size == y.size &&
                memcmp(x.data, y.data, x.size) == 0;
    files_unmap(&x);
    files_unmap(&y);
    return same;
}

/* Where the adapters' model is: a run's base where the checkpoint's own weights are still the
 * same, since that stays; else where it was loaded from. */
static bool find_base(const struct model *m, char out[PATH_MAX], struct err *err) {
    char base[PATH_MAX], ours[PATH_MAX], theirs[PATH_MAX];
    if (!realpath(m->base, out)) return err_errno(err, "%s: cannot be found again", m->base);
    bool run = files_join(base, sizeof base, out, "../../base", NULL) &&
               files_join(ours, sizeof ours, out, "model.safetensors", NULL) &&
               files_join(theirs, sizeof theirs, base, "model.safetensors", NULL);
    if (run && same_bytes(ours, theirs) && !realpath(base, out))
        return err_errno(err, "%s: cannot be found again", base);
    return true;
}

/* Made aside, and renamed when it is whole. */
static bool save_adapters(const struct model *m, const char *out, struct err *err) {
    char aside[PATH_MAX], base[PATH_MAX];
    int n = snprintf(aside, sizeof aside, "%s.new", out);
    if (n < 0 || (size_t)n >= sizeof aside)
        return err_set(err, ERR_RANGE, "%s: the path is too long", out);
    bool ok = find_base(m, base, err) && files_remove_tree(aside, err) &&
              files_make_dirs(aside, 0700, err) &&
              peft_save(aside, &m->hf.weights, base, NULL, err) && files_sync_dir(aside, err) &&
              files_replace_dir(aside, out, err);
    if (!ok) files_remove_tree(aside, NULL);
    return ok;
}

/* ---- the whole model ---- */

/* A folder knows what its model was; a .bin is no folder. What is as it came is copied. */
static bool export_folder(struct model *m, const char *out, const struct export_options *o,
                          struct err *err) {
    bool folder = files_is_dir(m->path), changed = o->dtype_word || o->merge;
    struct imported *was = NULL;
    if (folder && (changed || imported_is_kept(m->base)) &&
        !(was = imported_open(m->base, &m->hf.table, err)))
        return false;
    m->hf.table.imported = was;
    bool ok =
        model_folder_export(out, folder && !o->merge ? m->base : NULL, &m->hf.weights,
                            m->hf.tokenizer, o->dtype_word ? &o->dtype_of_all : NULL, err);
    m->hf.table.imported = NULL;
    imported_destroy(was);
    return ok;
}

/* ---- the command ---- */

/* Whether the form takes the model as it is. */
static bool check_adapters(const struct model *m, const struct export_options *o,
                           struct err *err) {
    bool has = m->hf.table.config.adapter.rank > 0, peft = o->form == EXPORT_PEFT;
    if (peft && !has) return err_set(err, ERR_USAGE, "%s has no adapters to export", m->path);
    if (o->merge && !has)
        return err_set(err, ERR_USAGE, "%s has no adapters to merge", m->path);
    if (peft || o->merge || !has || m->hf.weights.plain) return true;
    return err_set(
        err, ERR_USAGE,
        "%s has adapters: --merge puts them into the model, --to peft exports them alone",
        m->path);
}

static bool write_out(struct model *m, const struct export_options *o, const char *word,
                      const char *out, struct err *err) {
    if (!check_adapters(m, o, err)) return false;
    if (o->merge) weights_merge(&m->ex, &m->hf.weights);
    if (o->form == EXPORT_PEFT) return save_adapters(m, out, err);
    if (o->form == EXPORT_HF) return export_folder(m, out, o, err);
    return gguf_save(out, &m->hf.weights, m->hf.tokenizer, last_part(word), o->type, err);
}

static bool run_export(const char *word, const char *given, const struct export_options *o,
                       struct err *err) {
    struct model m;
    char out[PATH_MAX];
    if (!find_out(given, out, err) || !model_open(word, &o->model, &m, err)) return false;
    bool ok = write_out(&m, o, word, out, err);
    if (ok) cli_print("thaw: %s is now also in %s", m.path, out);
    model_close(&m);
    return ok && cli_flush(err);
}

static bool dtype_of(const char *word, enum dtype *out) {
    static const char *const words[] = {"f32", "f16", "bf16"};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *out = dtypes[i];
        return true;
    }
    return false;
}

/* What only several options together can get wrong; CLI_OK, or the status to leave with. */
static int check_options(struct export_options *o) {
    while (o->form < EXPORT_FORMS && (!o->to || strcmp(o->to, form_words[o->form]) != 0))
        o->form++;
    if (o->form == EXPORT_FORMS)
        return cli_usage("export needs --to hf, --to gguf or --to peft");
    if (o->type_word && o->form != EXPORT_GGUF)
        return cli_usage("--type is for --to gguf; a folder takes --dtype");
    if (o->dtype_word && o->form != EXPORT_HF)
        return cli_usage("--dtype is for --to hf; a GGUF file takes --type");
    if (!gguf_type_by_word(o->type_word ? o->type_word : "f16", &o->type))
        return cli_usage("--type must be f32, f16, bf16 or q8_0, not \"%s\"", o->type_word);
    if (o->dtype_word && !dtype_of(o->dtype_word, &o->dtype_of_all))
        return cli_usage("--dtype must be f32, f16 or bf16, not \"%s\"", o->dtype_word);
    if (o->merge && o->form == EXPORT_PEFT)
        return cli_usage("--merge is for --to hf and --to gguf: what is merged is no adapter");
    return CLI_OK;
}

int cmd_export(int argc, char **argv) {
    struct export_options o = {.to = NULL};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--to", "FORMAT", "hf (a Hugging Face folder), gguf (one file) or peft (adapters)",
         CLI_TEXT, &o.to, 0, 0},
        {"--type", "TYPE", "of gguf's matrices: f32, f16 (default), bf16 or q8_0", CLI_TEXT,
         &o.type_word, 0, 0},
        {"--dtype", "TYPE", "of hf's tensors: f32, f16 or bf16 (default: as they came)",
         CLI_TEXT, &o.dtype_word, 0, 0},
        {"--merge", NULL, "put the model's adapters into its matrices", CLI_FLAG, &o.merge, 0,
         0},
        MODEL_OPTIONS(o.model),
    };
    const struct cli_spec spec = {
        "thaw export MODEL --to hf|gguf|peft OUT [--dtype TYPE] [--type TYPE] [--merge]",
        about,
        options,
        sizeof options / sizeof options[0],
        2,
        2,
        0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    status = check_options(&o);
    if (status != CLI_OK) return status;
    return run_export(words.at[0], words.at[1], &o, &err) ? CLI_OK : cli_fail(&err);
}
