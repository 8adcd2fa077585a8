/* tokenizer_parts.h - what a tokenizer is made of: for the files of this folder only.
 * Both kinds are one list of tokens and one list of merges. They differ in the symbols that a
 * text starts as (bytes of a pre-token, or characters of the whole text) and in how a file
 * spells them. */
#ifndef THAW_ENGINE_DATA_TOKENIZER_PARTS_H
#define THAW_ENGINE_DATA_TOKENIZER_PARTS_H
#include "engine/data/bytes_map.h"
#include "engine/data/pretoken.h"
#include "engine/data/tokenizer.h"

enum { TOKENIZER_MAX_VOCAB = 1000000, TOKENIZER_ENDS_MAX = 8 };

enum tokenizer_kind { TOKENIZER_BYTE_LEVEL, TOKENIZER_SENTENCEPIECE };

/* What sentencepiece puts in front of a text: a space, one unless the text begins with one, none. */
enum sentencepiece_front { FRONT_SPACE, FRONT_SPACE_ONCE, FRONT_NOTHING };

/* How text becomes symbols. */
struct tokenizer_steps {
    enum tokenizer_kind kind;
    /* byte level only: */
    enum pretoken_kind pretoken;
    bool nfc;           /* text is composed first */
    bool ignore_merges; /* a pre-token that is a token needs no merges to become it */
    enum sentencepiece_front front; /* sentencepiece only */
};

struct token {
    size_t offset; /* into tokenizer.bytes */
    uint32_t length;
    bool special;
};

struct merge {
    int32_t left, right, result;
    uint32_t rank; /* lowest first; among equals the leftmost place */
};

/* A symbol of the text under merging: a token, linked to its neighbours. */
struct symbol {
    int32_t id; /* -1: swallowed by the symbol on its left */
    uint32_t prev, next;
};

struct candidate { /* a place where a merge may happen; ordered by key */
    uint64_t key;  /* rank << 32 | index of the left symbol */
    uint32_t merge;
};

struct span {
    size_t start;
    uint32_t n;
};

struct tokenizer {
    struct tokenizer_steps steps;
    struct buf bytes;
    struct token *tokens; /* [capacity], n_tokens used */
    int n_tokens, capacity, eot;
    int32_t byte_id[256];   /* token of a single byte; -1: none */
    struct bytes_map pairs; /* key: ids of left and right */
    struct merge *merges;   /* [merges_capacity], pairs.n used */
    uint32_t merges_capacity;
    struct bytes_map pieces;   /* sentencepiece, ignore_merges: token's bytes ... */
    int32_t *piece_ids;        /* ... to its id, [n_tokens] */
    struct pretoken *pretoken; /* byte level */

    int32_t *specials; /* [n_specials] ids */
    int n_specials;
    int32_t ends[TOKENIZER_ENDS_MAX]; /* what ends a text, an answer's end first; eot may be missing */
    int n_ends;
    const struct chat_template *chat; /* NULL: not known */
    bool given_chat;                  /* tokenizer_set_chat() chose another than the folder's */
    bool foreign_chat;                /* the folder has one that chat.h does not */

    struct bytes_map cache; /* pre-token ... */
    struct span *spans;     /* ... to its place in cached, [MAX_CACHED] */
    struct ids cached;

    struct symbol *symbols; /* scratch of encode, [symbols_capacity] */
    size_t n_symbols, symbols_capacity;
    struct candidate *heap; /* [heap_capacity] */
    size_t n_heap, heap_capacity;
};

/* Making one: create, put every token in the order of ids, put every merge, finish.
 * tokenizer_put_token: bytes are copied; empty is refused. tokenizer_put_merge: ids must exist.
 */
struct tokenizer *tokenizer_create(const struct tokenizer_steps *steps, struct err *err);
bool tokenizer_put_token(struct tokenizer *t, const char *bytes, size_t n, bool special,
                         struct err *err);
bool tokenizer_put_merge(struct tokenizer *t, struct merge m, struct err *err);
/* Fill the look-ups, find end-of-text. */
bool tokenizer_finish(struct tokenizer *t, struct err *err);

/* One more token that ends a text; known ones, ids out of range and those too many are passed over. */
void tokenizer_add_end(struct tokenizer *t, int64_t id);
/* What the files beside a tokenizer.json say (tokenizer_folder.c). */
bool tokenizer_read_folder(struct tokenizer *t, const char *dir, struct err *err);

/* What a tokenizer.json asks for around its merges, both ways (tokenizer_steps.c). */
struct json;
struct json_writer;
bool tokenizer_steps_read(const struct json *root, struct tokenizer_steps *out, struct err *err);
void tokenizer_steps_write(struct json_writer *w, const struct tokenizer_steps *s);

/* How sentencepiece files spell a space, and a byte that no piece covers: the number of
 * "<0x41>", or -1. */
#define SENTENCEPIECE_SPACE "\xe2\x96\x81"
int sentencepiece_byte(const char *spelling, size_t n);

extern const char tokenizer_eot_word[]; /* "<|endoftext|>" */
#endif
