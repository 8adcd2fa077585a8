/* tokens_write.c - writing a tokens file. The ids of training go where they stay; what comes
 * behind them waits in files without a name, since nobody knows yet how long the lists before
 * it will be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/rng.h"
#include "engine/core/scratch.h"
#include "engine/data/chat.h"
#include "engine/data/tokens_file.h"
#include "engine/data/tokens_format.h"

/* A list under way. */
struct list {
    struct scratch aside; /* fd -1: it goes to where it stays */
    unsigned char *block; /* [TOKENS_BLOCK], n used */
    size_t n;
    uint64_t sum;
};

struct tokens_writer {
    char path[4096];
    struct files_out out;
    const struct tokenizer *tokenizer;
    struct list lists[TOKENS_LISTS][TOKENS_SPLITS];
    struct tokens_tail tail;
};

/* ---- lists ---- */

static bool list_init(struct list *l, bool aside, const char *path, struct err *err) {
    l->block = malloc(TOKENS_BLOCK);
    if (!l->block) return err_set(err, ERR_NOMEM, "no memory to write %s", path);
    return !aside || scratch_open(&l->aside, path, err);
}

static void list_deinit(struct list *l) {
    scratch_close(&l->aside);
    free(l->block);
}

static bool list_flush(struct tokens_writer *w, struct list *l, struct err *err) {
    size_t n = l->n;
    if (n == 0) return true;
    l->sum = tokens_sum(l->sum, l->block, n);
    l->n = 0;
    return l->aside.fd >= 0 ? scratch_add(&l->aside, l->block, n, err)
                            : files_out_add(&w->out, l->block, n, err);
}

/* `at` is where the next item of `size` bytes goes. NULL: what was full could not be written.
 */
static void *list_next(struct tokens_writer *w, struct list *l, size_t size, struct err *err) {
    if (l->n + size > TOKENS_BLOCK && !list_flush(w, l, err)) return NULL;
    void *at = l->block + l->n;
    l->n += size;
    return at;
}

static bool list_add(struct tokens_writer *w, struct list *l, const void *bytes, size_t n,
                     struct err *err) {
    for (const unsigned char *from = bytes; n > 0;) {
        size_t room = TOKENS_BLOCK - l->n, used = room < n ? room : n;
        memcpy(l->block + l->n, from, used);
        l->n += used;
        from += used;
        n -= used;
        if (l->n == TOKENS_BLOCK && !list_flush(w, l, err)) return false;
    }
    return true;
}

static bool list_add_u64(struct tokens_writer *w, struct list *l, uint64_t value,
                         struct err *err) {
    uint64_t *at = list_next(w, l, sizeof value, err);
    if (at) *at = value;
    return at != NULL;
}

/* ---- making one ---- */

static void describe(struct tokens_writer *w, bool alone) {
    const struct tokenizer *t = w->tokenizer;
    w->tail = (struct tokens_tail){.version = TOKENS_VERSION,
                                   .vocab = (uint32_t)tokenizer_vocab(t),
                                   .n_ends = (uint32_t)t->n_ends,
                                   .fingerprint = tokenizer_fingerprint(t),
                                   .flags = alone ? TOKENS_ALONE : 0,
                                   .magic = TOKENS_MAGIC};
    memcpy(w->tail.ends, t->ends, (size_t)t->n_ends * sizeof t->ends[0]);
}

void tokens_writer_note_chat(struct tokens_writer *w, const struct chat_template *chat) {
    w->tail.flags |= TOKENS_TURNS;
    snprintf(w->tail.chat, sizeof w->tail.chat, "%s", chat_word(chat));
}

static bool begin(struct tokens_writer *w, struct err *err) {
    char aside[4096];
    static const unsigned char head[TOKENS_ALIGN] = TOKENS_MAGIC;
    for (int l = 0; l < TOKENS_LISTS; l++)
        for (int s = 0; s < TOKENS_SPLITS; s++)
            if (!list_init(&w->lists[l][s], l != LIST_IDS || s != SPLIT_TRAIN, w->path, err))
                return false;
    if (snprintf(aside, sizeof aside, "%s.new", w->path) >= (int)sizeof aside)
        return err_set(err, ERR_RANGE, "the path %.60s... is too long", w->path);
    unlink(aside); /* what one that was killed has left */
    return files_out_open(&w->out, aside, err) &&
           files_out_add(&w->out, head, sizeof head, err);
}

struct tokens_writer *tokens_writer_create(const char *path, const struct tokenizer *t,
                                           bool alone, struct err *err) {
    struct tokens_writer *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(err, ERR_NOMEM, "no memory to write %s", path);
        return NULL;
    }
    w->tokenizer = t;
    w->out.fd = -1;
    for (int l = 0; l < TOKENS_LISTS; l++)
        for (int s = 0; s < TOKENS_SPLITS; s++) w->lists[l][s].aside.fd = -1;
    snprintf(w->path, sizeof w->path, "%s", path);
    describe(w, alone);
    if (begin(w, err)) return w;
    tokens_writer_destroy(w);
    return NULL;
}

void tokens_writer_destroy(struct tokens_writer *w) {
    if (!w) return;
    files_out_abort(&w->out);
    for (int l = 0; l < TOKENS_LISTS; l++)
        for (int s = 0; s < TOKENS_SPLITS; s++) list_deinit(&w->lists[l][s]);
    free(w);
}

/* ---- adding ---- */

static bool add_ids(struct tokens_writer *w, struct list *l, const struct corpus *c,
                    struct err *err) {
    if (w->tail.vocab > TOKENS_NARROW_VOCAB)
        return list_add(w, l, c->tokens, c->n_tokens * sizeof *c->tokens, err);
    for (size_t i = 0; i < c->n_tokens; i++) {
        uint16_t *at = list_next(w, l, sizeof *at, err);
        if (!at) return false;
        *at = (uint16_t)c->tokens[i];
    }
    return true;
}

static bool add_units(struct tokens_writer *w, enum split split, const struct corpus *c,
                      struct err *err) {
    uint64_t before = w->tail.splits[split].tokens;
    for (size_t i = 0; i < c->n_units; i++) {
        size_t answer = corpus_answer(c, i);
        if (answer != c->starts[i + 1]) w->tail.flags |= TOKENS_ASK;
        if (!list_add_u64(w, &w->lists[LIST_STARTS][split], before + c->starts[i], err) ||
            !list_add_u64(w, &w->lists[LIST_ANSWERS][split], before + answer, err))
            return false;
    }
    return true;
}

/* Tokens of which all are learned, in the list that says so. */
static bool add_ones(struct tokens_writer *w, enum split split, uint64_t n, struct err *err) {
    for (uint64_t i = 0; i < n; i++) {
        uint8_t *at = list_next(w, &w->lists[LIST_LEARNED][split], 1, err);
        if (!at) return false;
        *at = 1;
    }
    return true;
}

/* There is no such list before something is not learned: then what came before is written into
 * it. */
static bool add_learned(struct tokens_writer *w, enum split split, const struct corpus *c,
                        struct err *err) {
    if (!c->learned)
        return !(w->tail.flags & TOKENS_MASKED) || add_ones(w, split, c->n_tokens, err);
    for (int s = 0; !(w->tail.flags & TOKENS_MASKED) && s < TOKENS_SPLITS; s++)
        if (!add_ones(w, (enum split)s, w->tail.splits[s].tokens, err)) return false;
    w->tail.flags |= TOKENS_MASKED;
    return list_add(w, &w->lists[LIST_LEARNED][split], c->learned, c->n_tokens, err);
}

bool tokens_writer_add(struct tokens_writer *w, enum split split, const struct corpus *more,
                       struct err *err) {
    struct tokens_counts *counts = &w->tail.splits[split];
    assert(split != SPLIT_ALL && more->tokens);
    if (!add_ids(w, &w->lists[LIST_IDS][split], more, err) || !add_units(w, split, more, err) ||
        !add_learned(w, split, more, err))
        return false;
    counts->tokens += more->n_tokens;
    counts->units += more->n_units;
    counts->learned += more->n_learned;
    counts->bytes += more->n_bytes;
    counts->lines += more->n_lines;
    return true;
}

/* ---- the end ---- */

static bool pad(struct tokens_writer *w, struct err *err) {
    static const unsigned char zeros[TOKENS_ALIGN];
    return files_out_add(&w->out, zeros, (size_t)(tokens_aligned(w->out.bytes) - w->out.bytes),
                         err);
}

static bool copy_aside(struct tokens_writer *w, struct list *l, struct err *err) {
    for (uint64_t done = 0; done < l->aside.bytes;) {
        uint64_t left = l->aside.bytes - done;
        size_t n = left < TOKENS_BLOCK ? (size_t)left : TOKENS_BLOCK;
        if (!scratch_read(&l->aside, done, l->block, n, err) ||
            !files_out_add(&w->out, l->block, n, err))
            return false;
        done += n;
    }
    return true;
}

/* Whether the file has this list at all. */
static bool is_there(const struct tokens_writer *w, int list) {
    if (list == LIST_ANSWERS) return w->tail.flags & TOKENS_ASK;
    return list != LIST_LEARNED || (w->tail.flags & TOKENS_MASKED);
}

static bool put_lists(struct tokens_writer *w, struct err *err) {
    for (int s = 0; s < TOKENS_SPLITS; s++)
        if (!list_add_u64(w, &w->lists[LIST_STARTS][s], w->tail.splits[s].tokens, err))
            return false;
    for (int l = 0; l < TOKENS_LISTS; l++)
        for (int s = 0; is_there(w, l) && s < TOKENS_SPLITS; s++) {
            struct list *list = &w->lists[l][s];
            if (!list_flush(w, list, err) || !copy_aside(w, list, err) || !pad(w, err))
                return false;
            w->tail.splits[s].sums[l] = list->sum;
        }
    return true;
}

static bool put_tokenizer(struct tokens_writer *w, struct err *err) {
    struct buf text = {0};
    tokenizer_write(w->tokenizer, &text);
    bool ok = !text.failed || err_set(err, ERR_NOMEM, "no memory to write %s", w->path);
    if (ok) {
        w->tail.tokenizer_bytes = text.len;
        w->tail.tokenizer_sum = rng_hash(text.data, text.len);
    }
    ok = ok && files_out_add(&w->out, text.data, text.len, err) && pad(w, err);
    buf_deinit(&text);
    return ok;
}

bool tokens_writer_finish(struct tokens_writer *w, uint64_t *bytes, struct err *err) {
    if (!put_lists(w, err) || !put_tokenizer(w, err)) return false;
    w->tail.sum = tokens_tail_sum(&w->tail);
    if (!files_out_add(&w->out, &w->tail, sizeof w->tail, err) ||
        !files_out_close(&w->out, err) || !files_rename(w->out.path, w->path, err))
        return false;
    w->out.path[0] = '\0'; /* nothing is left to abort */
    if (bytes) *bytes = w->out.bytes;
    return true;
}
