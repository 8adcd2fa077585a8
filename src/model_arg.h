/* model_arg.h - MODEL on the command line: a run, a checkpoint, a Hugging Face folder, a PEFT folder
 * of adapters, or a llama2.c .bin with its tokenizer. */
#ifndef THAW_SRC_MODEL_ARG_H
#define THAW_SRC_MODEL_ARG_H
#include <limits.h>

#include "engine/formats/hf_model.h"

/* What a model's words may come with. */
struct model_options {
    const char *tokenizer; /* of a llama2.c .bin; NULL: none given */
    const char *runs_dir;  /* NULL: the usual place */
    const char *base;      /* the model that a folder of adapters belongs to; NULL: as it says */
};

/* The options for a command's table (cli.h). */
#define MODEL_OPTIONS(o)                                                                       \
    {"--tokenizer",                                                                            \
     "FILE",                                                                                   \
     "the tokenizer.bin of a llama2.c model",                                                  \
     CLI_TEXT,                                                                                 \
     &(o).tokenizer,                                                                           \
     0,                                                                                        \
     0},                                                                                       \
    {"--base",                                                                                 \
     "MODEL",                                                                                  \
     "the model of a PEFT folder's adapters (default: what it names)",                         \
     CLI_TEXT,                                                                                 \
     &(o).base,                                                                                \
     0,                                                                                        \
     0},                                                                                       \
    {                                                                                          \
        "--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,  \
            &(o).runs_dir, 0, 0                                                                \
    }

/* A model in memory with what it takes to run it. Stays where it was opened. */
struct model {
    struct hf_model hf;
    struct exec ex;
    char path[PATH_MAX]; /* what was loaded: a folder or a file */
    char base[PATH_MAX]; /* where the model itself is: another folder under adapters alone */
    bool sentencepiece; /* a llama2.c model: texts begin with BOS, and lose a blank at the front
                         */
};

/* The folder (or .bin) that a word stands for: the path itself, a model that came with thaw
 * ("assets/base", from any folder), a run's newest whole checkpoint (its base when there is
 * none yet), or "RUN/base". */
bool model_find(const char *word, const char *runs_dir, char out[PATH_MAX], struct err *err);

/* The same where only a folder will do: training starts from one, and a run's config holds its
 * path, which is absolute. `key` stands in front of what is said. */
bool model_find_folder(const char *key, const char *word, const char *runs_dir,
                       char out[PATH_MAX], struct err *err);

/* Find and load, tokenizer included. */
bool model_open(const char *word, const struct model_options *o, struct model *out,
                struct err *err);
/* The same from a path that model_find() gave. */
bool model_open_path(const char *path, const struct model_options *o, struct model *out,
                     struct err *err);
void model_close(struct model *m); /* an empty one is fine */

/* Append the ids of a text as the model reads it: BOS first for llama2.c's, nothing for others.
 */
bool model_encode(struct model *m, const char *text, size_t n, struct ids *out,
                  struct err *err);

/* The texts of a list of ids, token by token. Append to out what ids[i] completes; `state`
 * begins zeroed. The blank that llama2.c's tokenizer puts in front of a text is taken away
 * again. */
void model_token_text(const struct model *m, struct token_text *state, const int32_t *ids,
                      size_t n, size_t i, struct buf *out);
#endif
