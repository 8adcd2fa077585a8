/* tokenizer_llama2c.c - read llama2.c's tokenizer.bin.
 * Little-endian: int32 longest token; then for each token float32 score, int32 length, its
 * bytes. Ids 0, 1, 2 are <unk>, <s>, </s>; 3 to 258 the bytes as "<0x41>". The greatest score
 * merges first, which is written here as ranks; equal scores go by id. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/text.h"
#include "engine/data/tokenizer_parts.h"

enum { N_SPECIAL = 3, MAX_LENGTH = 4096 /* bytes of a token */ };

struct reader {
    const unsigned char *data;
    size_t size, at;
};

struct scored {
    float score;
    int id;
};

static bool read_u32(struct reader *r, uint32_t *x) {
    if (r->size - r->at < 4) return false;
    const unsigned char *p = r->data + r->at;
    *x = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    r->at += 4;
    return true;
}

/* Specials lose the newlines that llama2.c prints around them; bytes become what they stand
 * for. */
static bool put_piece(struct tokenizer *t, const char *s, size_t n, struct err *err) {
    bool special = t->n_tokens < N_SPECIAL;
    for (; special && n && s[0] == '\n'; s++, n--) {
    }
    for (; special && n && s[n - 1] == '\n'; n--) {
    }
    int byte = special ? -1 : sentencepiece_byte(s, n);
    if (byte < 0) return tokenizer_put_token(t, s, n, special, err);
    t->byte_id[byte] = t->n_tokens;
    return tokenizer_put_token(t, &(char){(char)byte}, 1, false, err);
}

static bool read_token(struct reader *r, struct tokenizer *t, struct scored *out,
                       struct err *err) {
    uint32_t bits, length;
    if (!read_u32(r, &bits) || !read_u32(r, &length) || length > r->size - r->at)
        return err_set(err, ERR_PARSE, "it ends inside token %d", t->n_tokens);
    const char *s = (const char *)r->data + r->at;
    memcpy(&out->score, &bits, sizeof out->score);
    out->id = t->n_tokens;
    r->at += length;
    if (!isfinite(out->score) || length > MAX_LENGTH || text_valid_prefix(s, length) != length)
        return err_set(err, ERR_PARSE, "token %d is not a text with a score", t->n_tokens);
    return put_piece(t, s, length, err);
}

static int by_score(const void *a, const void *b) {
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Every way to make token `id` of two pieces, all of one rank. */
static bool put_merges_for(struct tokenizer *t, int id, uint32_t *rank, struct err *err) {
    size_t n;
    const char *bytes = tokenizer_bytes(t, id, &n);
    uint32_t before = t->pairs.n;
    if (bytes_map_find(&t->pieces, bytes, n) == BYTES_MAP_NONE)
        return true; /* special, or a byte */
    for (size_t cut = 1; cut < n; cut++) {
        uint32_t left = bytes_map_find(&t->pieces, bytes, cut),
                 right = bytes_map_find(&t->pieces, bytes + cut, n - cut);
        if (left == BYTES_MAP_NONE || right == BYTES_MAP_NONE) continue;
        struct merge m = {t->piece_ids[left], t->piece_ids[right], id, *rank};
        if (!tokenizer_put_merge(t, m, err)) return false;
    }
    if (t->pairs.n > before) (*rank)++;
    return true;
}

static bool read_all(struct reader *r, struct tokenizer *t, struct scored *scored, int vocab,
                     struct err *err) {
    uint32_t longest, rank = 0;
    if (!read_u32(r, &longest)) return err_set(err, ERR_PARSE, "it is empty");
    for (int i = 0; i < vocab; i++)
        if (!read_token(r, t, &scored[i], err)) return false;
    if (r->at != r->size)
        return err_set(err, ERR_PARSE,
                       "%zu bytes follow after %d tokens: is the vocabulary larger?",
                       r->size - r->at, vocab);
    if (!tokenizer_finish(t, err)) return false;
    qsort(scored, (size_t)vocab, sizeof *scored, by_score);
    for (int i = 0; i < vocab; i++)
        if (!put_merges_for(t, scored[i].id, &rank, err)) return false;
    return true;
}

static bool read_bytes(struct reader *r, struct tokenizer *t, int vocab, struct err *err) {
    struct scored *scored = calloc((size_t)vocab, sizeof *scored);
    if (!scored) return err_set(err, ERR_NOMEM, "no memory for %d tokens", vocab);
    bool done = read_all(r, t, scored, vocab, err);
    free(scored);
    return done;
}

struct tokenizer *tokenizer_load_llama2c(const char *path, int vocab, struct err *err) {
    if (vocab <= N_SPECIAL || vocab > TOKENIZER_MAX_VOCAB) {
        err_set(err, ERR_RANGE, "%s: a vocabulary of %d tokens", path, vocab);
        return NULL;
    }
    struct mapping map;
    if (!files_map(path, &map, err)) return NULL;
    struct reader r = {map.data, map.size, 0};
    struct tokenizer *t =
        tokenizer_create(&(struct tokenizer_steps){.kind = TOKENIZER_SENTENCEPIECE}, err);
    bool done = t && (read_bytes(&r, t, vocab, err) || err_prefix(err, "%s", path));
    files_unmap(&map);
    if (done) return t;
    tokenizer_destroy(t);
    return NULL;
}
