/* bpe_train.c - learn a byte-level BPE vocabulary.
 * Distinct pre-tokens are counted once; each is then a short list of token ids, weighted by its
 * count. A pair knows its weight and the words it was seen in, so a merge touches only those.
 * The heap holds a pair at the weight it once had: one that has changed since is put back at
 * what it has now. Source: Sennrich, Haddow, Birch, "Neural machine translation of rare words
 * with subword units", ACL 2016. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/byte_level.h"
#include "engine/data/tokenizer_parts.h"

enum {
    MIN_VOCAB = 257 /* bytes and end-of-text: nothing is merged */,
    PROGRESS_EVERY = 32 /* merges */
};

struct bpe_trainer {
    struct pretoken *pretoken;
    struct bytes_map words;
    uint64_t *counts; /* [counts_capacity], words.n used */
    uint32_t counts_capacity;
};

struct word {
    size_t start; /* into learner.symbols */
    uint32_t n;
};

struct pair {
    int32_t left, right;
    int64_t weight;  /* times it occurs */
    uint32_t *words; /* [capacity] where it was ever seen, ascending per merge; n used */
    uint32_t n, capacity;
};

struct heap_entry {
    int64_t weight;
    uint32_t pair;
};

/* All that bpe_trainer_finish() works on. */
struct learner {
    struct tokenizer *t;    /* grows: bytes of the tokens so far */
    const uint64_t *counts; /* [n_words] */
    struct word *words;     /* [n_words] */
    int32_t *symbols;       /* of all words */
    uint32_t n_words;
    struct bytes_map numbers; /* key: ids of left and right */
    struct pair *pairs;       /* [pairs_capacity], numbers.n used */
    uint32_t pairs_capacity;
    struct heap_entry *heap; /* [heap_capacity] */
    size_t n_heap, heap_capacity;
};

/* ---- counting ---- */

struct bpe_trainer *bpe_trainer_create(struct err *err) {
    struct bpe_trainer *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(err, ERR_NOMEM, "no memory for a tokenizer trainer");
        return NULL;
    }
    t->pretoken = pretoken_create(PRETOKEN_GPT2, err);
    if (t->pretoken) return t;
    bpe_trainer_destroy(t);
    return NULL;
}

void bpe_trainer_destroy(struct bpe_trainer *t) {
    if (!t) return;
    pretoken_destroy(t->pretoken);
    bytes_map_deinit(&t->words);
    free(t->counts);
    free(t);
}

static bool count_word(struct bpe_trainer *t, const char *text, size_t n, struct err *err) {
    uint32_t number, known = t->words.n;
    if (known == t->counts_capacity) {
        uint32_t capacity = known ? known * 2 : 1024;
        uint64_t *counts =
            capacity > known ? realloc(t->counts, capacity * sizeof *counts) : NULL;
        if (!counts) return err_set(err, ERR_NOMEM, "no memory for %u words", capacity);
        t->counts = counts;
        t->counts_capacity = capacity;
    }
    if (!bytes_map_add(&t->words, text, n, &number, err)) return false;
    if (number == known) t->counts[number] = 0;
    t->counts[number]++;
    return true;
}

bool bpe_trainer_add(struct bpe_trainer *t, const char *text, size_t n, struct err *err) {
    struct pretoken_walk walk = {.text = text, .n = n};
    for (size_t at = 0, length; (length = pretoken_next(t->pretoken, &walk)); at += length)
        if (!count_word(t, text + at, length, err)) return false;
    return true;
}

/* ---- the order of pairs, and the heap ---- */

/* Compare two tokens as byte strings. */
static int compare_tokens(const struct tokenizer *t, int32_t a, int32_t b) {
    size_t na, nb;
    const char *sa = tokenizer_bytes(t, a, &na), *sb = tokenizer_bytes(t, b, &nb);
    int order = memcmp(sa, sb, na < nb ? na : nb);
    return order ? order : (na > nb) - (na < nb);
}

/* Whether a comes before b: more weight, then the lexicographically greater pair. */
static bool before(const struct learner *l, struct heap_entry a, struct heap_entry b) {
    if (a.weight != b.weight) return a.weight > b.weight;
    const struct pair *p = &l->pairs[a.pair], *q = &l->pairs[b.pair];
    int order = compare_tokens(l->t, p->left, q->left);
    return (order ? order : compare_tokens(l->t, p->right, q->right)) > 0;
}

static bool heap_push(struct learner *l, uint32_t pair, struct err *err) {
    if (l->n_heap == l->heap_capacity) {
        size_t capacity = l->heap_capacity ? l->heap_capacity * 2 : 4096;
        struct heap_entry *heap = realloc(l->heap, capacity * sizeof *heap);
        if (!heap) return err_set(err, ERR_NOMEM, "no memory for %zu pairs", capacity);
        l->heap = heap;
        l->heap_capacity = capacity;
    }
    struct heap_entry e = {l->pairs[pair].weight, pair};
    size_t i = l->n_heap++;
    for (; i && before(l, e, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        l->heap[i] = l->heap[(i - 1) / 2];
    l->heap[i] = e;
    return true;
}

static struct heap_entry heap_pop(struct learner *l) {
    struct heap_entry top = l->heap[0], last = l->heap[--l->n_heap];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < l->n_heap) {
        if (child + 1 < l->n_heap && before(l, l->heap[child + 1], l->heap[child])) child++;
        if (!before(l, l->heap[child], last)) break;
        l->heap[i] = l->heap[child];
        i = child;
    }
    l->heap[i] = last;
    return top;
}

/* ---- pairs ---- */

static bool add_place(struct pair *p, uint32_t word, struct err *err) {
    if (p->n && p->words[p->n - 1] == word) return true;
    if (p->n == p->capacity) {
        uint32_t capacity = p->capacity ? p->capacity * 2 : 4;
        uint32_t *words = capacity > p->n ? realloc(p->words, capacity * sizeof *words) : NULL;
        if (!words) return err_set(err, ERR_NOMEM, "no memory for the places of a pair");
        p->words = words;
        p->capacity = capacity;
    }
    p->words[p->n++] = word;
    return true;
}

static bool pair_number(struct learner *l, int32_t left, int32_t right, uint32_t *number,
                        struct err *err) {
    uint32_t known = l->numbers.n;
    if (known == l->pairs_capacity) {
        uint32_t capacity = known ? known * 2 : 4096;
        struct pair *pairs =
            capacity > known ? realloc(l->pairs, capacity * sizeof *pairs) : NULL;
        if (!pairs) return err_set(err, ERR_NOMEM, "no memory for %u pairs", capacity);
        l->pairs = pairs;
        l->pairs_capacity = capacity;
    }
    if (!bytes_map_add(&l->numbers, (int32_t[2]){left, right}, 8, number, err)) return false;
    if (*number == known) l->pairs[known] = (struct pair){.left = left, .right = right};
    return true;
}

/* The pair occurs once more in `word`. */
static bool gain(struct learner *l, int32_t left, int32_t right, uint32_t word,
                 struct err *err) {
    uint32_t number = 0;
    if (!pair_number(l, left, right, &number, err)) return false;
    l->pairs[number].weight += (int64_t)l->counts[word];
    return add_place(&l->pairs[number], word, err);
}

/* The pair occurs once less in `word`, where it has been counted before. */
static void lose(struct learner *l, int32_t left, int32_t right, uint32_t word) {
    uint32_t number = bytes_map_find(&l->numbers, (int32_t[2]){left, right}, 8);
    assert(number != BYTES_MAP_NONE);
    l->pairs[number].weight -= (int64_t)l->counts[word];
}

/* ---- merging ---- */

/* Replace left right by result in one word, keeping the weights of all pairs true. */
static bool merge_word(struct learner *l, uint32_t word, int32_t left, int32_t right,
                       int32_t result, struct err *err) {
    int32_t *s = l->symbols + l->words[word].start;
    uint32_t n = l->words[word].n, kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 == n || s[i] != left || s[i + 1] != right) {
            s[kept++] = s[i];
            continue;
        }
        lose(l, left, right, word);
        if (kept) lose(l, s[kept - 1], left, word);
        if (kept && !gain(l, s[kept - 1], result, word, err)) return false;
        if (i + 2 < n) lose(l, right, s[i + 2], word);
        if (i + 2 < n && !gain(l, result, s[i + 2], word, err)) return false;
        s[kept++] = result;
        i++;
    }
    l->words[word].n = kept;
    return true;
}

/* The new token's bytes are those of its parts; they lie in the buffer that is about to grow.
 */
static bool put_joined(struct tokenizer *t, int32_t left, int32_t right, struct err *err) {
    struct buf joined = {0};
    size_t n;
    const char *bytes = tokenizer_bytes(t, left, &n);
    buf_add(&joined, bytes, n);
    bytes = tokenizer_bytes(t, right, &n);
    bool done = buf_add(&joined, bytes, n)
                    ? tokenizer_put_token(t, joined.data, joined.len, false, err)
                    : err_set(err, ERR_NOMEM, "no memory for a token");
    buf_deinit(&joined);
    return done;
}

static bool merge_pair(struct learner *l, uint32_t pair, struct err *err) {
    int32_t left = l->pairs[pair].left, right = l->pairs[pair].right, result = l->t->n_tokens;
    struct merge m = {left, right, result, l->t->pairs.n};
    if (!put_joined(l->t, left, right, err) || !tokenizer_put_merge(l->t, m, err)) return false;
    uint32_t first_new = l->numbers.n;
    for (uint32_t i = 0; i < l->pairs[pair].n; i++)
        if (!merge_word(l, l->pairs[pair].words[i], left, right, result, err)) return false;
    free(l->pairs[pair].words); /* it occurs nowhere now, and never will again */
    l->pairs[pair].words = NULL;
    l->pairs[pair].n = l->pairs[pair].capacity = 0;
    for (uint32_t i = first_new; i < l->numbers.n; i++)
        if (l->pairs[i].weight > 0 && !heap_push(l, i, err)) return false;
    return true;
}

/* The pair to merge next; false when none is left. Only new pairs gain weight, so an entry
 * never has less than its pair's weight, and the first true one is the greatest. */
static bool next_pair(struct learner *l, uint32_t *pair, bool *failed, struct err *err) {
    while (l->n_heap) {
        struct heap_entry e = heap_pop(l);
        *pair = e.pair;
        if (e.weight == l->pairs[e.pair].weight) return true;
        if (l->pairs[e.pair].weight > 0 && !heap_push(l, e.pair, err)) {
            *failed = true;
            return false;
        }
    }
    return false;
}

/* ---- from counts to a tokenizer ---- */

static bool put_bytes(struct tokenizer *t, struct err *err) {
    if (!tokenizer_put_token(t, tokenizer_eot_word, strlen(tokenizer_eot_word), true, err))
        return false;
    for (int i = 0; i < 256; i++) {
        char byte = (char)byte_level_nth(i);
        t->byte_id[(uint8_t)byte] = t->n_tokens;
        if (!tokenizer_put_token(t, &byte, 1, false, err)) return false;
    }
    return true;
}

/* Spell every word in bytes and count its pairs. */
static bool learner_init(struct learner *l, const struct bpe_trainer *trainer,
                         struct err *err) {
    l->n_words = trainer->words.n;
    l->counts = trainer->counts;
    l->words = malloc((l->n_words + 1) * sizeof *l->words);
    l->symbols = malloc((trainer->words.pool.len + 1) * sizeof *l->symbols);
    if (!l->words || !l->symbols)
        return err_set(err, ERR_NOMEM, "no memory for %u words", l->n_words);
    for (uint32_t w = 0; w < l->n_words; w++) {
        size_t n, start = trainer->words.entries[w].offset;
        const char *bytes = bytes_map_key(&trainer->words, w, &n);
        l->words[w] = (struct word){start, (uint32_t)n};
        for (size_t i = 0; i < n; i++) l->symbols[start + i] = l->t->byte_id[(uint8_t)bytes[i]];
        for (size_t i = start; i + 1 < start + n; i++)
            if (!gain(l, l->symbols[i], l->symbols[i + 1], w, err)) return false;
    }
    for (uint32_t i = 0; i < l->numbers.n; i++)
        if (!heap_push(l, i, err)) return false;
    return true;
}

static void learner_deinit(struct learner *l) {
    for (uint32_t i = 0; i < l->numbers.n; i++) free(l->pairs[i].words);
    bytes_map_deinit(&l->numbers);
    free(l->pairs);
    free(l->words);
    free(l->symbols);
    free(l->heap);
}

static bool learn(struct learner *l, int vocab, bool (*progress)(void *, size_t, size_t),
                  void *ctx, struct err *err) {
    uint32_t pair;
    bool failed = false;
    while (l->t->n_tokens < vocab && next_pair(l, &pair, &failed, err)) {
        if (!merge_pair(l, pair, err)) return false;
        if (progress && l->t->n_tokens % PROGRESS_EVERY == 0 &&
            !progress(ctx, (size_t)l->t->n_tokens, (size_t)vocab))
            return err_set(err, ERR_STOPPED, "learning the vocabulary was given up");
    }
    if (progress && !failed) progress(ctx, (size_t)vocab, (size_t)vocab);
    return !failed;
}

struct tokenizer *bpe_trainer_finish(struct bpe_trainer *trainer, int vocab,
                                     bool (*progress)(void *ctx, size_t done, size_t total),
                                     void *ctx, struct err *err) {
    if (vocab < MIN_VOCAB || vocab > TOKENIZER_MAX_VOCAB) {
        err_set(err, ERR_RANGE, "a vocabulary has %d to %d tokens, not %d", MIN_VOCAB,
                TOKENIZER_MAX_VOCAB, vocab);
        return NULL;
    }
    struct learner l = {
        .t = tokenizer_create(&(struct tokenizer_steps){.kind = TOKENIZER_BYTE_LEVEL}, err)};
    bool done = l.t && put_bytes(l.t, err) && learner_init(&l, trainer, err) &&
                learn(&l, vocab, progress, ctx, err) && tokenizer_finish(l.t, err);
    learner_deinit(&l);
    if (done) return l.t;
    tokenizer_destroy(l.t);
    return NULL;
}
