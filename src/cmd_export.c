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
                            "one GGUF file, which llama.cpp and Ollama read. OUT must not "
                            "exist, the folder that it is in\n"
                            "must; it is there as a whole, or not at all.";

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

/* type NULL: a folder. */
static bool run_export(const char *word, const struct model_options *o, const char *given,
                       const enum gguf_type *type, struct err *err) {
    struct model m;
    char out[PATH_MAX];
    if (!find_out(given, out, err) || !model_open(word, o, &m, err)) return false;
    bool ok = type ? gguf_save(out, &m.hf.weights, m.hf.tokenizer, last_part(word), *type, err)
                   : model_folder_save(out, &m.hf.weights, m.hf.tokenizer, err);
    if (ok) cli_print("thaw: %s is now also in %s", m.path, out);
    model_close(&m);
    return ok && cli_flush(err);
}

int cmd_export(int argc, char **argv) {
    struct model_options model = {.tokenizer = NULL};
    const char *to = NULL, *type_word = NULL;
    enum gguf_type type;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--to", "FORMAT", "hf (a Hugging Face folder) or gguf (one file)", CLI_TEXT, &to, 0,
         0},
        {"--type", "TYPE", "of gguf's matrices: f32, f16 (default), bf16 or q8_0", CLI_TEXT,
         &type_word, 0, 0},
        MODEL_OPTIONS(model),
    };
    const struct cli_spec spec = {"thaw export MODEL --to hf|gguf OUT [--type TYPE]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  2,
                                  2,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    bool gguf = to && strcmp(to, "gguf") == 0;
    if (!gguf && (!to || strcmp(to, "hf") != 0))
        return cli_usage("export needs --to hf or --to gguf");
    if (type_word && !gguf) return cli_usage("--type is for --to gguf; a folder holds F32");
    if (!gguf_type_by_word(type_word ? type_word : "f16", &type))
        return cli_usage("--type must be f32, f16, bf16 or q8_0, not \"%s\"", type_word);
    return run_export(words.at[0], &model, words.at[1], gguf ? &type : NULL, &err)
               ? CLI_OK
               : cli_fail(&err);
}
