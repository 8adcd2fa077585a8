/* data_tokenize.h - `thaw data SOURCE --tokenize FILE`: progress, and what became of it. */
#ifndef THAW_SRC_DATA_TOKENIZE_H
#define THAW_SRC_DATA_TOKENIZE_H
#include "engine/core/pool.h"
#include "engine/data/tokenize.h"
#include "src/cli.h"

struct data_tokenize {
    struct cli_texts sources;
    const char *out;
    const char *tokenizer; /* MODEL or a file; NULL: a vocabulary is learned */
    int64_t vocab, threads;
    bool alone;
    const struct chat_template *chat; /* NULL: as the model has it, else plain */
};

/* Returns the exit status. Ctrl-C ends it, and leaves nothing of it behind. */
int data_tokenize(const struct data_tokenize *o);
#endif
