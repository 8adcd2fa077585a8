/* tokenize.h - a source as a tokens file (tokens_file.h): read in pieces (source_pieces.h), each turned into tokens by
 * one thread of a pool, and written in their order: the same bytes for any number of threads, and memory that does not
 * grow with the text. What comes out is what corpus_build() makes of the whole. */
#ifndef THAW_ENGINE_DATA_TOKENIZE_H
#define THAW_ENGINE_DATA_TOKENIZE_H
#include "engine/data/tokens_file.h"

/* A vocabulary is learned from so many bytes of training text; from all where there are fewer, as for a run. */
enum { TOKENIZE_TEACH_BYTES = 1 << 28 };

struct tokenize_plan {
    const char *const *specs; /* [n_specs] sources, one text as in a stage's data */
    int n_specs;
    struct tokenizer *tokenizer; /* borrowed; NULL: a vocabulary of `vocab` is learned first */
    int vocab;
    struct corpus_form form; /* as for corpus_build_as() */
    int threads;             /* 0: one a core */
    /* What is being done, and how far it is; false: give it up with ERR_STOPPED. NULL: nobody asks. */
    bool (*progress)(void *ctx, const char *what, double done, double total);
    void *ctx;
};

struct tokenize_result {
    int vocab;
    uint64_t units, tokens, held_out; /* held_out: tokens for validation, which are among them */
    uint64_t text_bytes, file_bytes;
    double seconds; /* of turning text into tokens, on so many threads */
    int threads;
};

/* Write `path`. Errors as for source_read(); ERR_RANGE where there is no text, or none to train on. */
bool tokenize(const struct tokenize_plan *plan, const char *path, struct tokenize_result *out, struct err *err);
#endif
