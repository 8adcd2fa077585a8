/* cmd_export.c - `thaw export`: a model as a folder that other programs read. */
#include <string.h>

#include "engine/core/files.h"
#include "engine/formats/gguf.h"
#include "engine/run/checkpoint.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"

static const char about[] = "Write MODEL as a Hugging Face folder (config.json, "
                            "model.safetensors, tokenizer.json), or as\n"
                            "one GGUF file, which llama.cpp and Ollama read. A model that came "
                            "from such a folder gets its\n"
                            "names, number types and small files again; what was not trained "
                            "is the same bytes. OUT must\n"
                            "not exist, the folder that it is in must; it is there as a whole, "
                            "or not at all.";

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

/* What is asked for. */
struct export {
    bool gguf;             /* else a folder */
    enum gguf_type type;   /* of a GGUF file's matrices */
    const enum dtype *all; /* of a folder's tensors; NULL: as they came */
};

/* A folder knows what its model was; a .bin is no folder. */
static bool export_folder(struct model *m, const char *out, const struct export *e,
                          struct err *err) {
    bool folder = files_is_dir(m->path);
    struct imported *was = NULL;
    if (folder && (e->all || imported_is_kept(m->path)) &&
        !(was = imported_open(m->path, &m->hf.table, err)))
        return false;
    m->hf.table.imported = was;
    bool ok = model_folder_export(out, folder ? m->path : NULL, &m->hf.weights, m->hf.tokenizer,
                                  e->all, err);
    m->hf.table.imported = NULL;
    imported_destroy(was);
    return ok;
}

static bool run_export(const char *word, const struct model_options *o, const char *given,
                       const struct export *e, struct err *err) {
    struct model m;
    char out[PATH_MAX];
    if (!find_out(given, out, err) || !model_open(word, o, &m, err)) return false;
    bool ok = e->gguf
                  ? gguf_save(out, &m.hf.weights, m.hf.tokenizer, last_part(word), e->type, err)
                  : export_folder(&m, out, e, err);
    if (ok) cli_print("thaw: %s is now also in %s", m.path, out);
    model_close(&m);
    return ok && cli_flush(err);
}

/* The words of --to, --type and --dtype. False: the use was wrong, and *status says so. */
static bool read_export(const char *to, const char *type, const char *dtype, struct export *out,
                        enum dtype *all, int *status) {
    static const char *const words[] = {"f32", "f16", "bf16"};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    *out = (struct export){.gguf = to && strcmp(to, "gguf") == 0};
    if (!out->gguf && (!to || strcmp(to, "hf") != 0))
        *status = cli_usage("export needs --to hf or --to gguf");
    else if (type && !out->gguf)
        *status = cli_usage("--type is for --to gguf; a folder takes --dtype");
    else if (dtype && out->gguf)
        *status = cli_usage("--dtype is for --to hf; a GGUF file takes --type");
    else if (!gguf_type_by_word(type ? type : "f16", &out->type))
        *status = cli_usage("--type must be f32, f16, bf16 or q8_0, not \"%s\"", type);
    else if (dtype) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            if (strcmp(dtype, words[i]) != 0) continue;
            *all = dtypes[i];
            out->all = all;
            return true;
        }
        *status = cli_usage("--dtype must be f32, f16 or bf16, not \"%s\"", dtype);
    } else return true;
    return false;
}

int cmd_export(int argc, char **argv) {
    struct model_options model = {.tokenizer = NULL};
    const char *to = NULL, *type = NULL, *dtype = NULL;
    struct export wanted;
    enum dtype all;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--to", "FORMAT", "hf (a Hugging Face folder) or gguf (one file)", CLI_TEXT, &to, 0,
         0},
        {"--type", "TYPE", "of gguf's matrices: f32, f16 (default), bf16 or q8_0", CLI_TEXT,
         &type, 0, 0},
        {"--dtype", "TYPE", "of hf's tensors: f32, f16 or bf16 (default: as they came)",
         CLI_TEXT, &dtype, 0, 0},
        MODEL_OPTIONS(model),
    };
    const struct cli_spec spec = {
        "thaw export MODEL --to hf|gguf OUT [--dtype TYPE] [--type TYPE]",
        about,
        options,
        sizeof options / sizeof options[0],
        2,
        2,
        0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!read_export(to, type, dtype, &wanted, &all, &status)) return status;
    return run_export(words.at[0], &model, words.at[1], &wanted, &err) ? CLI_OK
                                                                       : cli_fail(&err);
}
