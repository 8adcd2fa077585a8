/* corpus.h - sources, tokenised: one flat list of ids, cut into units, each ended by
 * end-of-text. */
#ifndef THAW_ENGINE_DATA_CORPUS_H
#define THAW_ENGINE_DATA_CORPUS_H
#include "engine/data/source.h"
#include "engine/data/tokenizer.h"

struct corpus {
    int32_t *tokens; /* [n_tokens] */
    size_t n_tokens; /* end-of-text tokens included */
    size_t *starts;  /* [n_units + 1] first token of each unit; starts[n_units] == n_tokens */
    size_t *answers; /* [n_units] first token of a unit's answer; starts[i + 1] when it asks nothing, or
                        when the answer begins inside a token */
    size_t n_units;
    uint64_t n_bytes; /* of text, end-of-text not counted */
    uint64_t n_lines;
};

/* Tokenise the units of `split`. `progress` may be NULL; it is called at least every 50 ms, and when
 * it returns false the work is given up with ERR_STOPPED.
 * ERR_RANGE when no unit is in the split. Owner: the caller. */
bool corpus_build(const struct source_text *text, enum split split, struct tokenizer *t,
                  bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                  struct corpus *out, struct err *err);
void corpus_deinit(struct corpus *c); /* leaves it empty */
#endif
