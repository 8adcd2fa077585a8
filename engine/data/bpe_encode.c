/* bpe_encode.c - text to ids: symbols, then merges by rank, with a cache of whole pre-tokens.
 * Candidates wait in a heap ordered by rank, then place; one that an earlier merge has
 * overtaken is dropped when it comes up. So a text of n symbols costs n log n, whatever it is
 * made of. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/tokenizer_parts.h"

enum {
    MAX_CACHED = 1 << 18,   /* pre-tokens */
    MAX_CACHED_LENGTH = 64, /* bytes; longer ones hardly come twice */
};
#define NOWHERE UINT32_MAX

/* ---- symbols ---- */

static bool push_symbol(struct tokenizer *t, int32_t id, struct err *err) {
    if (t->n_symbols == t->symbols_capacity) {
        size_t capacity = t->symbols_capacity ? t->symbols_capacity * 2 : 256;
        struct symbol *symbols = realloc(t->symbols, capacity * sizeof *symbols);
        if (!symbols) return err_set(err, ERR_NOMEM, "no memory for %zu symbols", capacity);
        t->symbols = symbols;
        t->symbols_capacity = capacity;
    }
    uint32_t i = (uint32_t)t->n_symbols++;
    t->symbols[i] = (struct symbol){id, i - 1, i + 1}; /* the first's prev wraps to NOWHERE */
    return true;
}

static bool push_bytes(struct tokenizer *t, const char *text, size_t n, struct err *err) {
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (t->byte_id[byte] < 0)
            return err_set(err, ERR_RANGE,
                           "the vocabulary has no token for byte 0x%02x (\"%c\"), so it cannot "
                           "spell this text: use a tokenizer that has all 256 bytes",
                           byte, byte >= 32 && byte < 127 ? byte : '?');
        if (!push_symbol(t, t->byte_id[byte], err)) return false;
    }
    return true;
}

/* Sentencepiece starts from characters; those that it has not are spelled in bytes. */
static bool push_characters(struct tokenizer *t, const char *text, size_t n, struct err *err) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t used = text_decode(text + i, n - i, &cp);
        uint32_t piece = bytes_map_find(&t->pieces, text + i, used);
        if (piece != BYTES_MAP_NONE ? !push_symbol(t, t->piece_ids[piece], err)
                                    : !push_bytes(t, text + i, used, err))
            return false;
        i += used;
    }
    return true;
}

/* ---- the heap: a binary heap in an array, smallest key first ---- */

static bool heap_push(struct tokenizer *t, struct candidate c, struct err *err) {
    if (t->n_heap == t->heap_capacity) {
        size_t capacity = t->heap_capacity ? t->heap_capacity * 2 : 256;
        struct candidate *heap = realloc(t->heap, capacity * sizeof *heap);
        if (!heap) return err_set(err, ERR_NOMEM, "no memory for %zu merges", capacity);
        t->heap = heap;
        t->heap_capacity = capacity;
    }
    size_t i = t->n_heap++;
    for (; i && c.key < t->heap[(i - 1) / 2].key; i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = c;
    return true;
}

static struct candidate heap_pop(struct tokenizer *t) {
    struct candidate top = t->heap[0], last = t->heap[--t->n_heap];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < t->n_heap) {
        if (child + 1 < t->n_heap && t->heap[child + 1].key < t->heap[child].key) child++;
        if (last.key <= t->heap[child].key) break;
        t->heap[i] = t->heap[child];
        i = child;
    }
    t->heap[i] = last;
    return top;
}

/* ---- merging ---- */

/* Offer the pair whose left symbol is i, when there is a merge for it. */
static bool offer(struct tokenizer *t, uint32_t i, struct err *err) {
    if (i == NOWHERE || t->symbols[i].next >= t->n_symbols) return true;
    int32_t pair[2] = {t->symbols[i].id, t->symbols[t->symbols[i].next].id};
    uint32_t merge = bytes_map_find(&t->pairs, pair, sizeof pair);
    if (merge == BYTES_MAP_NONE) return true;
    uint64_t key = (uint64_t)t->merges[merge].rank << 32 | i;
    return heap_push(t, (struct candidate){key, merge}, err);
}

static bool still_there(const struct tokenizer *t, uint32_t i, const struct merge *m) {
    const struct symbol *s = &t->symbols[i];
    return s->id == m->left && s->next < t->n_symbols && t->symbols[s->next].id == m->right;
}

static bool merge_symbols(struct tokenizer *t, struct err *err) {
    t->n_heap = 0;
    for (size_t i = 0; i < t->n_symbols; i++)
        if (!offer(t, (uint32_t)i, err)) return false;
    while (t->n_heap) {
        struct candidate c = heap_pop(t);
        const struct merge *m = &t->merges[c.merge];
        uint32_t i = (uint32_t)c.key;
        if (!still_there(t, i, m)) continue;
        struct symbol *left = &t->symbols[i], *right = &t->symbols[left->next];
        left->id = m->result;
        left->next = right->next;
        if (left->next < t->n_symbols) t->symbols[left->next].prev = i;
        right->id = -1;
        if (!offer(t, left->prev, err) || !offer(t, i, err)) return false;
    }
    return true;
}

/* Merge what stands in t->symbols and append the ids. */
static bool finish_symbols(struct tokenizer *t, struct ids *out, struct err *err) {
    if (t->n_symbols >= NOWHERE) return err_set(err, ERR_RANGE, "a text of over 4 GiB");
    if (!merge_symbols(t, err)) return false;
    for (size_t i = 0; i < t->n_symbols; i = t->symbols[i].next)
        if (!ids_push(out, t->symbols[i].id, err)) return false;
    return true;
}

/* ---- pre-tokens and their cache ---- */

/* Remember the ids out[from..) for this pre-token, while there is room. */
static bool remember(struct tokenizer *t, const char *text, size_t n, const struct ids *out,
                     size_t from, struct err *err) {
    if (n > MAX_CACHED_LENGTH || t->cache.n == MAX_CACHED) return true;
    if (!t->spans) t->spans = malloc(MAX_CACHED * sizeof *t->spans);
    if (!t->spans) return err_set(err, ERR_NOMEM, "no memory for the tokenizer's cache");
    uint32_t number;
    size_t start = t->cached.n;
    for (size_t i = from; i < out->n; i++)
        if (!ids_push(&t->cached, out->data[i], err)) return false;
    if (!bytes_map_add(&t->cache, text, n, &number, err)) return false;
    t->spans[number] = (struct span){start, (uint32_t)(out->n - from)};
    return true;
}

static bool encode_pretoken(struct tokenizer *t, const char *text, size_t n, struct ids *out,
                            struct err *err) {
    uint32_t known =
        n <= MAX_CACHED_LENGTH ? bytes_map_find(&t->cache, text, n) : BYTES_MAP_NONE;
    if (known != BYTES_MAP_NONE) {
        const struct span *span = &t->spans[known];
        for (uint32_t i = 0; i < span->n; i++)
            if (!ids_push(out, t->cached.data[span->start + i], err)) return false;
        return true;
    }
    size_t from = out->n;
    uint32_t whole =
        t->steps.ignore_merges ? bytes_map_find(&t->pieces, text, n) : BYTES_MAP_NONE;
    if (whole != BYTES_MAP_NONE) return ids_push(out, t->piece_ids[whole], err);
    t->n_symbols = 0;
    return push_bytes(t, text, n, err) && finish_symbols(t, out, err) &&
           remember(t, text, n, out, from, err);
}

static bool encode_byte_level(struct tokenizer *t, const char *text, size_t n, struct ids *out,
                              struct err *err) {
    struct pretoken_walk walk = {.text = text, .n = n};
    for (size_t at = 0, length; (length = pretoken_next(t->pretoken, &walk)); at += length)
        if (!encode_pretoken(t, text + at, length, out, err)) return false;
    return true;
}

static bool encode_composed(struct tokenizer *t, const char *text, size_t n, struct ids *out,
                            struct err *err) {
    struct buf composed = {0};
    bool done = text_compose(&composed, text, n)
                    ? encode_byte_level(t, buf_text(&composed), composed.len, out, err)
                    : err_set(err, ERR_NOMEM, "no memory for a text of %zu bytes", n);
    buf_deinit(&composed);
    return done;
}

/* What stands in front of the text (for llama2.c a space), then characters, then merges over
 * the whole. */
static bool encode_sentencepiece(struct tokenizer *t, const char *text, size_t n,
                                 struct ids *out, struct err *err) {
    enum sentencepiece_front front = t->steps.front;
    t->n_symbols = 0;
    if (n == 0) return true;
    bool space = front == FRONT_SPACE || (front == FRONT_SPACE_ONCE && text[0] != ' ');
    return (!space || push_characters(t, " ", 1, err)) && push_characters(t, text, n, err) &&
           finish_symbols(t, out, err);
}

bool tokenizer_encode(struct tokenizer *t, const char *text, size_t n, struct ids *out,
                      struct err *err) {
    size_t before = out->n;
    bool done = t->steps.kind == TOKENIZER_SENTENCEPIECE
                    ? encode_sentencepiece(t, text, n, out, err)
                : t->steps.nfc ? encode_composed(t, text, n, out, err)
                               : encode_byte_level(t, text, n, out, err);
    if (!done) out->n = before;
    return done;
}
