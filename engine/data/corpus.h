/* corpus.h - sources, tokenised: one flat list of ids, cut into units, each ended by end-of-text, which
 * stands between texts that are packed into one window.
 * Of a unit that has parts (source.h) only answers are learned, with the token that ends them
 * (tokenizer_end()). The end-of-text behind it is then not learned: in a window of its own nothing follows,
 * and a model asked for an answer has stopped before. */
#ifndef THAW_ENGINE_DATA_CORPUS_H
#define THAW_ENGINE_DATA_CORPUS_H
#include <assert.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/data/source.h"
#include "engine/data/tokenizer.h"

struct corpus {
    int32_t *tokens; /* [n_tokens]; NULL where they are in `narrow` */
    const uint16_t *narrow; /* [n_tokens] instead, of a file with a small vocabulary (tokens_file.h) */
    size_t n_tokens; /* end-of-text tokens included */
    size_t *starts;  /* [n_units + 1] first token of each unit; starts[n_units] == n_tokens */
    size_t *answers; /* [n_units] first token of a unit's answer; starts[i + 1] when it asks nothing, or
                        when the answer begins inside a token; NULL: no unit asks */
    size_t n_units;
    uint8_t *learned; /* [n_tokens] 1: counts in the loss when it is predicted; NULL: all do (never
                         where units stand alone) */
    size_t n_learned; /* how many do */
    bool alone;       /* not packed: a unit is a window, or the beginning of one, and has in front the
                         end-of-text (not learned) of which it would be the next text; a conversation in a
                         format that has a beginning of its own does not */
    uint64_t n_bytes; /* of text, end-of-text not counted */
    uint64_t n_lines;
    struct mapping map; /* of a file, in which all lists are then; empty: they are memory of the corpus's own */
};

static inline int32_t corpus_token(const struct corpus *c, size_t i) {
    if (c->narrow) return c->narrow[i];
    assert(c->tokens);
    return c->tokens[i];
}
static inline size_t corpus_answer(const struct corpus *c, size_t unit) {
    return c->answers ? c->answers[unit] : c->starts[unit + 1];
}
/* Tokens [at, at + n), into out. */
static inline void corpus_copy(const struct corpus *c, size_t at, size_t n, int32_t *out) {
    if (!c->narrow) memcpy(out, c->tokens + at, n * sizeof *out);
    else for (size_t i = 0; i < n; i++) out[i] = c->narrow[at + i];
}

/* Tokenise the units of `split`. `progress` may be NULL; it is called at least every 50 ms, and when
 * it returns false the work is given up with ERR_STOPPED.
 * ERR_RANGE when no unit is in the split. Owner: the caller. */
bool corpus_build(const struct source_text *text, enum split split, struct tokenizer *t,
                  bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                  struct corpus *out, struct err *err);
/* The same with a say in how. */
struct corpus_form {
    const struct chat_template *chat; /* of conversations; NULL: chat_for(t) */
    bool alone;                       /* units are not to be packed */
};
bool corpus_build_as(const struct source_text *text, enum split split, struct corpus_form form,
                     struct tokenizer *t, bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                     struct corpus *out, struct err *err);
/* Count the words of a unit for a vocabulary. */
bool corpus_teach(struct bpe_trainer *b, const struct source_text *text, const struct unit *u,
                  struct err *err);
/* Of all tokens: the same in memory and in a file. */
uint64_t corpus_hash(const struct corpus *c);
void corpus_deinit(struct corpus *c); /* leaves it empty */
#endif
