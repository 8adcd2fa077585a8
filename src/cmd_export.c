/* cmd_export.c - `thaw export`: a model as a folder that other programs read. */
#include <string.h>

#include "engine/core/files.h"
#include "engine/run/checkpoint.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"

static const char about[] =
    "Write MODEL as a Hugging Face folder: config.json, "
    "model.safetensors, tokenizer.json. OUT must not\n"
    "exist, the folder that it is in must; it is there as a whole, or not at all.";

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

static bool run_export(const char *word, const struct model_options *o, const char *given,
                       struct err *err) {
    struct model m;
    char out[PATH_MAX];
    if (!find_out(given, out, err) || !model_open(word, o, &m, err)) return false;
    bool ok = model_folder_save(out, &m.hf.weights, m.hf.tokenizer, err);
    if (ok) cli_print("thaw: %s is now also in %s", m.path, out);
    model_close(&m);
    return ok && cli_flush(err);
}

int cmd_export(int argc, char **argv) {
    struct model_options model = {.tokenizer = NULL};
    const char *to = NULL;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--to", "hf", "the format: hf is a Hugging Face folder", CLI_TEXT, &to, 0, 0},
        MODEL_OPTIONS(model),
    };
    const struct cli_spec spec = {"thaw export MODEL --to hf OUT",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  2,
                                  2,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!to || strcmp(to, "hf") != 0)
        return cli_usage("export needs --to hf, the one format there is");
    return run_export(words.at[0], &model, words.at[1], &err) ? CLI_OK : cli_fail(&err);
}
