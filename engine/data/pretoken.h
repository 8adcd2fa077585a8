/* pretoken.h - pre-tokenisers, and PCRE2's door: text is cut into words, numbers, runs
 * of punctuation and of spaces, and no merge ever reaches across a cut. A stretch of bytes that
 * are not UTF-8 is a piece of its own. The pieces, joined, are the text. */
#ifndef THAW_ENGINE_DATA_PRETOKEN_H
#define THAW_ENGINE_DATA_PRETOKEN_H
#include <stddef.h>

#include "engine/core/err.h"

/* Whose cuts. */
enum pretoken_kind {
    PRETOKEN_GPT2,
    PRETOKEN_DIGITS, /* SmolLM's: as GPT-2, but each digit alone */
    PRETOKEN_QWEN2,
    PRETOKEN_LLAMA3,
    PRETOKEN_COUNT
};
struct pretoken_info {
    const char *split; /* the pattern that stands for it in a tokenizer.json; NULL: other words do */
    const char *gguf;  /* its name in GGUF files */
};
extern const struct pretoken_info pretoken_infos[PRETOKEN_COUNT];

struct pretoken; /* opaque; one thread at a time */

struct pretoken *pretoken_create(enum pretoken_kind kind, struct err *err); /* NULL with ERR_NOMEM. Owner: the caller. */
void pretoken_destroy(struct pretoken *p);         /* NULL is fine */

/* Where a walk over text[0..n) stands; start with {.text = text, .n = n}. */
struct pretoken_walk {
    const char *text;
    size_t n, at, valid_to; /* text[at..valid_to) is valid UTF-8 */
};

/* Length in bytes of the piece at w->at, which moves past it; 0 at the end. */
size_t pretoken_next(struct pretoken *p, struct pretoken_walk *w);
/* The same by the patterns alone: what pretoken_next() is held against, which looks at ASCII by itself. */
size_t pretoken_next_pattern(struct pretoken *p, struct pretoken_walk *w);
#endif
