#include "engine/data/tokenizer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"
#include "engine/core/text.h"
#include "engine/data/chat.h"
#include "engine/data/tokenizer_parts.h"

const char tokenizer_eot_word[] = "<|endoftext|>";

/* Tokens that end a text, by the names that models in use give them. */
static const char *const eot_words[] = {tokenizer_eot_word, "<|end_of_text|>", "</s>", "<eos>"};
enum { N_EOT_WORDS = sizeof eot_words / sizeof eot_words[0] };

bool ids_push(struct ids *v, int32_t id, struct err *err) {
    if (v->n == v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 64;
        int32_t *data = realloc(v->data, capacity * sizeof *data);
        if (!data) return err_set(err, ERR_NOMEM, "no memory for %zu tokens", capacity);
        v->data = data;
        v->capacity = capacity;
    }
    v->data[v->n++] = id;
    return true;
}

void ids_deinit(struct ids *v) {
    free(v->data);
    *v = (struct ids){0};
}

struct tokenizer *tokenizer_create(const struct tokenizer_steps *steps, struct err *err) {
    struct tokenizer *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(err, ERR_NOMEM, "no memory for a tokenizer");
        return NULL;
    }
    t->steps = *steps;
    t->eot = -1;
    for (int b = 0; b < 256; b++) t->byte_id[b] = -1;
    return t;
}

void tokenizer_destroy(struct tokenizer *t) {
    if (!t) return;
    buf_deinit(&t->bytes);
    bytes_map_deinit(&t->pairs);
    bytes_map_deinit(&t->pieces);
    bytes_map_deinit(&t->cache);
    ids_deinit(&t->cached);
    pretoken_destroy(t->pretoken);
    free(t->tokens);
    free(t->specials);
    free(t->merges);
    free(t->piece_ids);
    free(t->spans);
    free(t->symbols);
    free(t->heap);
    free(t);
}

bool tokenizer_put_token(struct tokenizer *t, const char *bytes, size_t n, bool special,
                         struct err *err) {
    if (n == 0 || n > UINT32_MAX)
        return err_set(err, ERR_PARSE, "token %d is %s", t->n_tokens, n ? "too long" : "empty");
    if (t->n_tokens == TOKENIZER_MAX_VOCAB)
        return err_set(err, ERR_RANGE, "more than %d tokens", TOKENIZER_MAX_VOCAB);
    if (t->n_tokens == t->capacity) {
        int capacity = t->capacity ? t->capacity * 2 : 512;
        struct token *tokens = realloc(t->tokens, (size_t)capacity * sizeof *tokens);
        if (!tokens) return err_set(err, ERR_NOMEM, "no memory for %d tokens", capacity);
        t->tokens = tokens;
        t->capacity = capacity;
    }
    size_t offset = t->bytes.len;
    if (!buf_add(&t->bytes, bytes, n))
        return err_set(err, ERR_NOMEM, "no memory for a vocabulary");
    t->tokens[t->n_tokens++] = (struct token){offset, (uint32_t)n, special};
    return true;
}

bool tokenizer_put_merge(struct tokenizer *t, struct merge m, struct err *err) {
    uint32_t number, n = t->pairs.n;
    if (n == t->merges_capacity) {
        uint32_t capacity = n ? n * 2 : 512;
        struct merge *merges =
            capacity > n ? realloc(t->merges, capacity * sizeof *merges) : NULL;
        if (!merges) return err_set(err, ERR_NOMEM, "no memory for %u merges", capacity);
        t->merges = merges;
        t->merges_capacity = capacity;
    }
    if (!bytes_map_add(&t->pairs, (int32_t[2]){m.left, m.right}, 8, &number, err)) return false;
    if (number != n) return err_set(err, ERR_PARSE, "merge %u repeats merge %u", n, number);
    t->merges[n] = m;
    return true;
}

/* The token that separates documents: end-of-text, or in sentencepiece models the opening <s>.
 */
static int find_eot(const struct tokenizer *t) {
    for (int w = t->steps.kind == TOKENIZER_SENTENCEPIECE ? -1 : 0; w < N_EOT_WORDS; w++) {
        const char *word = w < 0 ? "<s>" : eot_words[w];
        for (int id = 0; id < t->n_tokens; id++) {
            size_t n;
            const char *bytes = tokenizer_bytes(t, id, &n);
            if (t->tokens[id].special && n == strlen(word) && memcmp(bytes, word, n) == 0)
                return id;
        }
    }
    return -1;
}

/* "<0x41>" */
int sentencepiece_byte(const char *spelling, size_t n) {
    static const char digits[] = "0123456789ABCDEF";
    if (n != 6 || memcmp(spelling, "<0x", 3) != 0 || spelling[5] != '>') return -1;
    const char *high = memchr(digits, spelling[3], 16), *low = memchr(digits, spelling[4], 16);
    return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

/* Tokens that a character of the text, or a pre-token, may be looked up as: all but specials
 * and sentencepiece's bytes. */
static bool fill_pieces(struct tokenizer *t, struct err *err) {
    t->piece_ids = calloc((size_t)t->n_tokens + 1, sizeof *t->piece_ids);
    if (!t->piece_ids) return err_set(err, ERR_NOMEM, "no memory for %d tokens", t->n_tokens);
    for (int id = 0; id < t->n_tokens; id++) {
        size_t n;
        uint32_t number, known = t->pieces.n;
        const char *bytes = tokenizer_bytes(t, id, &n);
        if (t->tokens[id].special || tokenizer_is_byte(t, id)) continue;
        if (!bytes_map_add(&t->pieces, bytes, n, &number, err)) return false;
        if (number != known)
            return err_set(err, ERR_PARSE, "token %d repeats token %d", id,
                           t->piece_ids[number]);
        t->piece_ids[number] = id;
    }
    return true;
}

static bool list_specials(struct tokenizer *t, struct err *err) {
    int n = 0;
    for (int id = 0; id < t->n_tokens; id++) n += t->tokens[id].special;
    t->specials = malloc(((size_t)n + 1) * sizeof *t->specials);
    if (!t->specials) return err_set(err, ERR_NOMEM, "no memory for %d special tokens", n);
    for (int id = 0; id < t->n_tokens; id++)
        if (t->tokens[id].special) t->specials[t->n_specials++] = id;
    return true;
}

bool tokenizer_finish(struct tokenizer *t, struct err *err) {
    t->eot = find_eot(t);
    if (!list_specials(t, err)) return false;
    if (t->steps.kind == TOKENIZER_SENTENCEPIECE) return fill_pieces(t, err);
    for (int id = 0; id < t->n_tokens; id++) {
        const struct token *token = &t->tokens[id];
        if (token->length == 1 && !token->special)
            t->byte_id[(uint8_t)t->bytes.data[token->offset]] = id;
    }
    t->pretoken = pretoken_create(t->steps.pretoken, err);
    return t->pretoken && (!t->steps.ignore_merges || fill_pieces(t, err));
}

int tokenizer_vocab(const struct tokenizer *t) { return t->n_tokens; }

int tokenizer_eot(const struct tokenizer *t) { return t->eot; }

int tokenizer_end(const struct tokenizer *t) { return t->n_ends > 0 ? t->ends[0] : t->eot; }

bool tokenizer_is_end(const struct tokenizer *t, int32_t id) {
    bool end = id == t->eot;
    for (int i = 0; i < t->n_ends; i++) end |= id == t->ends[i];
    return end;
}

void tokenizer_add_end(struct tokenizer *t, int64_t id) {
    if (id < 0 || id >= t->n_tokens || t->n_ends == TOKENIZER_ENDS_MAX) return;
    for (int i = 0; i < t->n_ends; i++)
        if (t->ends[i] == id) return;
    t->ends[t->n_ends++] = (int32_t)id;
}

const struct chat_template *tokenizer_chat(const struct tokenizer *t) { return t->chat; }

bool tokenizer_chat_given(const struct tokenizer *t) { return t->given_chat; }

bool tokenizer_chat_foreign(const struct tokenizer *t) { return t->foreign_chat; }

void tokenizer_set_chat(struct tokenizer *t, const struct chat_template *c) {
    size_t length, n = strlen(c->end);
    int32_t end = n > 0 ? tokenizer_special(t, c->end, n, &length) : -1;
    t->given_chat |= t->chat != c;
    t->chat = c;
    t->foreign_chat = false;
    tokenizer_add_end(t, tokenizer_end(t)); /* the first, also when it is loaded again */
    if (end >= 0 && length == n) tokenizer_add_end(t, end);
}

int32_t tokenizer_special(const struct tokenizer *t, const char *text, size_t n,
                          size_t *length) {
    int32_t found = -1;
    *length = 0;
    for (int i = 0; i < t->n_specials; i++) {
        const struct token *token = &t->tokens[t->specials[i]];
        if (token->length > n || token->length <= *length) continue;
        if (memcmp(t->bytes.data + token->offset, text, token->length) != 0) continue;
        found = t->specials[i];
        *length = token->length;
    }
    return found;
}

const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *n) {
    *n = 0;
    if (id < 0 || id >= t->n_tokens) return NULL;
    *n = t->tokens[id].length;
    return t->bytes.data + t->tokens[id].offset;
}

bool tokenizer_is_special(const struct tokenizer *t, int32_t id) {
    return id >= 0 && id < t->n_tokens && t->tokens[id].special;
}

const char *tokenizer_gguf_pre(const struct tokenizer *t) {
    return pretoken_infos[t->steps.pretoken].gguf;
}

bool tokenizer_is_sentencepiece(const struct tokenizer *t) {
    return t->steps.kind == TOKENIZER_SENTENCEPIECE;
}

bool tokenizer_puts_space(const struct tokenizer *t) {
    return t->steps.kind == TOKENIZER_SENTENCEPIECE && t->steps.front != FRONT_NOTHING;
}

bool tokenizer_is_byte(const struct tokenizer *t, int32_t id) {
    size_t n;
    const char *bytes = tokenizer_bytes(t, id, &n);
    return t->steps.kind == TOKENIZER_SENTENCEPIECE && n == 1 &&
           t->byte_id[(uint8_t)bytes[0]] == id;
}

size_t tokenizer_merges(const struct tokenizer *t) { return t->pairs.n; }

struct tokenizer_merge tokenizer_merge_at(const struct tokenizer *t, size_t i) {
    const struct merge *m = &t->merges[i];
    return (struct tokenizer_merge){m->left, m->right, m->result, m->rank};
}

/* Little-endian, so that the fingerprint is the same on any machine. */
static void add_u32(struct buf *b, uint32_t x) {
    unsigned char bytes[4] = {x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff, x >> 24};
    buf_add(b, bytes, sizeof bytes);
}

uint64_t tokenizer_fingerprint(const struct tokenizer *t) {
    struct buf b = {0};
    add_u32(&b, t->steps.kind | (uint32_t)t->steps.pretoken << 8 |
                    (uint32_t)t->steps.nfc << 16 | (uint32_t)t->steps.ignore_merges << 17 |
                    (uint32_t)t->steps.front << 18);
    for (int id = 0; id < t->n_tokens; id++) {
        const struct token *token = &t->tokens[id];
        add_u32(&b, token->length);
        add_u32(&b, token->special);
        buf_add(&b, t->bytes.data + token->offset, token->length);
    }
    for (uint32_t i = 0; i < t->pairs.n; i++) {
        add_u32(&b, (uint32_t)t->merges[i].left);
        add_u32(&b, (uint32_t)t->merges[i].right);
        add_u32(&b, t->merges[i].rank);
    }
    uint64_t hash = b.failed ? 0 : rng_hash(b.data, b.len);
    buf_deinit(&b);
    return hash;
}

/* Give out the first character of what is pending; what can never be one becomes U+FFFD. */
static void emit(struct token_text *s, struct buf *out) {
    uint32_t cp;
    char utf8[4];
    size_t used = text_decode(s->pending, (size_t)s->n_pending, &cp);
    buf_add(out, utf8, text_encode(cp, utf8));
    s->n_pending -= (int)used;
    memmove(s->pending, s->pending + used, (size_t)s->n_pending);
}

void token_text_push(struct token_text *s, const struct tokenizer *t, int32_t id, bool last,
                     struct buf *out) {
    size_t n;
    const char *bytes = tokenizer_bytes(t, id, &n);
    for (size_t i = 0; i < n; i++) {
        assert(s->n_pending < (int)sizeof s->pending);
        s->pending[s->n_pending++] = bytes[i];
        while (s->n_pending &&
               text_incomplete_tail(s->pending, (size_t)s->n_pending) != (size_t)s->n_pending)
            emit(s, out);
    }
    while (last && s->n_pending) emit(s, out);
}
