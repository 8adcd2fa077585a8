/* tokens_format.h - the bytes of a tokens file: for the files of this folder only; what it is for stands in
 * tokens_file.h. Little-endian. In this order, each beginning at a multiple of 64, with zeros between:
 *
 *   64 bytes                            TOKENS_MAGIC, then zeros
 *   u16 or u32 [tokens]                 ids: of the training units, then of those of validation
 *   u64        [units + 1]              the first token of each unit, and their number; of both as well
 *   u64        [units]                  the first token of its answer; only with TOKENS_ASK
 *   u8         [tokens]                 1: it is learned; only with TOKENS_MASKED
 *   bytes                               the tokenizer.json with which it was made
 *   struct tokens_tail                  all counts, and a checksum of each list
 *
 * Nowhere is a position: all follow from the counts, so that lists cannot overlap or lie outside, and the size
 * of the file has to be exactly what follows from them. */
#ifndef THAW_ENGINE_DATA_TOKENS_FORMAT_H
#define THAW_ENGINE_DATA_TOKENS_FORMAT_H
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/err.h"
#include "engine/data/source.h"
#include "engine/data/tokenizer_parts.h"

#define TOKENS_MAGIC "thawtok"                  /* 8 bytes with its NUL; the file ends with it, too */
#define TOKENS_COUNT_MAX ((uint64_t)1 << 40)    /* of tokens and of units: no size can wrap */
enum { TOKENS_VERSION = 1, TOKENS_ALIGN = 64, TOKENS_NARROW_VOCAB = 1 << 16, TOKENS_BLOCK = 1 << 18 };

enum tokens_flag {
    TOKENS_ALONE = 1,  /* units are not packed (corpus.h) */
    TOKENS_TURNS = 2,  /* there are conversations, written as `chat` says */
    TOKENS_ASK = 4,    /* some unit asks */
    TOKENS_MASKED = 8, /* some tokens are not learned */
    TOKENS_FLAGS = 15
};

enum tokens_list { LIST_IDS, LIST_STARTS, LIST_ANSWERS, LIST_LEARNED, TOKENS_LISTS };
enum { TOKENS_SPLITS = 2 }; /* SPLIT_TRAIN, SPLIT_VAL */

struct tokens_counts {
    uint64_t units, tokens, learned; /* learned: of the tokens */
    uint64_t bytes, lines;           /* of the text */
    uint64_t sums[TOKENS_LISTS];     /* tokens_sum(), 0 for a list that is not there */
};

struct tokens_tail {
    uint32_t version, flags;
    uint32_t vocab, n_ends;
    int32_t ends[TOKENIZER_ENDS_MAX]; /* the ids that end a text, as struct tokenizer has them */
    char chat[16];                    /* chat_word() of the template; zeros without TOKENS_TURNS */
    uint64_t fingerprint;             /* tokenizer_fingerprint() */
    uint64_t tokenizer_bytes, tokenizer_sum;
    struct tokens_counts splits[TOKENS_SPLITS];
    uint64_t sum; /* rng_hash() of all above */
    char magic[8];
};
static_assert(sizeof(struct tokens_tail) == 248, "no padding, which would be bytes of no meaning");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(size_t) == 8,
              "lists are used as they are mapped");

/* Where everything lies. */
struct tokens_layout {
    uint64_t at[TOKENS_LISTS][TOKENS_SPLITS], size[TOKENS_LISTS][TOKENS_SPLITS]; /* size 0: not there */
    uint64_t tokenizer, tail; /* where they begin */
};

static inline uint64_t tokens_aligned(uint64_t at) {
    return (at + TOKENS_ALIGN - 1) / TOKENS_ALIGN * TOKENS_ALIGN;
}
static inline uint64_t tokens_id_bytes(uint32_t vocab) { return vocab <= TOKENS_NARROW_VOCAB ? 2 : 4; }
/* False: a count is beyond TOKENS_COUNT_MAX. */
bool tokens_lay_out(const struct tokens_tail *t, struct tokens_layout *out);

/* The sum of a list with one more block: each is TOKENS_BLOCK bytes, the last what is left. */
uint64_t tokens_sum(uint64_t before, const void *block, size_t n);
uint64_t tokens_tail_sum(const struct tokens_tail *t);
#endif
