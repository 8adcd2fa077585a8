#include "engine/data/tokenize.h"

#include <stdlib.h>

#include "engine/core/clock.h"
#include "engine/core/pool.h"
#include "engine/data/chat.h"
#include "engine/data/source_pieces.h"

/* A piece, and what one thread made of it. */
struct tile {
    struct corpus made[2]; /* SPLIT_TRAIN, SPLIT_VAL; empty where it has none */
    bool turns;            /* it has conversations */
    bool ok;
    struct err err;
};

struct tokenizing {
    const struct tokenize_plan *plan;
    struct source_pieces *pieces;
    struct pool *pool;
    struct tokenizer *learned; /* owned; NULL: the plan's is used */
    const struct tokenizer *used;
    struct tokenizer *each[POOL_MAX_THREADS]; /* a thread's own */
    struct corpus_form form;
    struct tile tiles[PIECES_MAX];
    struct tokens_writer *writer;
    struct tokenize_result result;
};

static bool tell(const struct tokenizing *z, const char *what, double done, double total,
                 struct err *err) {
    const struct tokenize_plan *p = z->plan;
    return !p->progress || p->progress(p->ctx, what, done, total) ||
           err_set(err, ERR_STOPPED, "turning text into tokens was given up");
}

static bool tell_pieces(const struct tokenizing *z, const char *what, double most,
                        struct err *err) {
    double done = (double)source_pieces_done(z->pieces);
    double total = (double)source_pieces_total(z->pieces);
    return tell(z, what, done, total < most ? total : most, err);
}

static bool open_pieces(struct tokenizing *z, struct err *err) {
    source_pieces_destroy(z->pieces);
    z->pieces = source_pieces_create(z->plan->specs, z->plan->n_specs, err);
    return z->pieces != NULL;
}

/* ---- the vocabulary ---- */

static bool teach_piece(struct tokenizing *z, struct bpe_trainer *b, int i, uint64_t *taught,
                        struct err *err) {
    struct source_text text;
    bool ok = source_piece_read(z->pieces, i, &text, err);
    for (size_t k = 0; ok && k < text.n_units && *taught < TOKENIZE_TEACH_BYTES; k++) {
        if (text.units[k].validation) continue;
        ok = corpus_teach(b, &text, &text.units[k], err);
        *taught += text.units[k].length;
    }
    source_piece_release(z->pieces, i, &text);
    return ok;
}

static bool teach(struct tokenizing *z, struct bpe_trainer *b, struct err *err) {
    const int at_once = 1;
    uint64_t taught = 0;
    bool ok = open_pieces(z, err);
    for (int n = 1; ok && n > 0 && taught < TOKENIZE_TEACH_BYTES;) {
        ok = source_pieces_next(z->pieces, at_once, &n, err);
        for (int i = 0; ok && i < n; i++) ok = teach_piece(z, b, i, &taught, err);
        ok = ok && tell_pieces(z, "counting words", TOKENIZE_TEACH_BYTES, err);
    }
    if (ok && taught == 0)
        ok = err_set(err, ERR_RANGE,
                     "there is no text to train on in it (one piece in twenty is held out): "
                     "give more");
    return ok;
}

static bool tell_merges(void *ctx, size_t done, size_t total) {
    return tell(ctx, "learning the vocabulary", (double)done, (double)total, NULL);
}

static bool find_tokenizer(struct tokenizing *z, struct err *err) {
    z->used = z->plan->tokenizer;
    if (z->used) return true;
    struct bpe_trainer *b = bpe_trainer_create(err);
    if (b && teach(z, b, err))
        z->learned = bpe_trainer_finish(b, z->plan->vocab, tell_merges, z, err);
    bpe_trainer_destroy(b);
    z->used = z->learned;
    return z->used != NULL;
}

/* ---- pieces to tokens ---- */

static bool has_units(const struct source_text *text, enum split split) {
    for (size_t i = 0; i < text->n_units; i++)
        if (text->units[i].validation == (split == SPLIT_VAL)) return true;
    return false;
}

static void make_tile(void *ctx, int i, int worker) {
    struct tokenizing *z = ctx;
    struct tile *tile = &z->tiles[i];
    struct source_text text;
    *tile = (struct tile){.ok = source_piece_read(z->pieces, i, &text, &tile->err)};
    tile->turns = tile->ok && source_has_turns(&text);
    for (int s = SPLIT_TRAIN; tile->ok && s <= SPLIT_VAL; s++)
        if (has_units(&text, (enum split)s))
            tile->ok = corpus_build_as(&text, (enum split)s, z->form, z->each[worker], NULL,
                                       NULL, &tile->made[s], &tile->err);
    source_piece_release(z->pieces, i, &text);
}

static bool put_tile(struct tokenizing *z, const struct tile *tile, struct err *err) {
    struct tokenize_result *r = &z->result;
    if (!tile->ok) return err_set(err, tile->err.code, "%s", tile->err.msg);
    if (tile->turns) tokens_writer_note_chat(z->writer, z->form.chat);
    for (int s = SPLIT_TRAIN; s <= SPLIT_VAL; s++) {
        const struct corpus *c = &tile->made[s];
        if (c->n_units == 0) continue;
        if (!tokens_writer_add(z->writer, (enum split)s, c, err)) return false;
        r->units += c->n_units;
        r->tokens += c->n_tokens;
        r->text_bytes += c->n_bytes;
        if (s == SPLIT_VAL) r->held_out += c->n_tokens;
    }
    return true;
}

/* Two pieces a thread, so that one which is slow is not waited for by all. */
static bool do_pieces(struct tokenizing *z, int *n, struct err *err) {
    if (!source_pieces_next(z->pieces, 2 * pool_threads(z->pool), n, err)) return false;
    pool_run(z->pool, *n, make_tile, z);
    bool ok = true;
    for (int i = 0; i < *n; i++) {
        ok = ok && put_tile(z, &z->tiles[i], err);
        for (int s = SPLIT_TRAIN; s <= SPLIT_VAL; s++) corpus_deinit(&z->tiles[i].made[s]);
    }
    return ok && tell_pieces(z, "turning text into tokens", 1e300, err);
}

static bool prepare(struct tokenizing *z, const char *path, struct err *err) {
    z->pool = pool_create(z->plan->threads, err);
    if (!z->pool || !find_tokenizer(z, err) || !open_pieces(z, err)) return false;
    z->form = z->plan->form;
    if (!z->form.chat) z->form.chat = chat_for(z->used);
    for (int i = 0; i < pool_threads(z->pool); i++) {
        z->each[i] = tokenizer_copy(z->used, err);
        if (!z->each[i]) return false;
    }
    z->writer = tokens_writer_create(path, z->used, z->form.alone, err);
    return z->writer != NULL;
}

static bool run(struct tokenizing *z, const char *path, struct err *err) {
    struct tokenize_result *r = &z->result;
    if (!prepare(z, path, err)) return false;
    double start = clock_now();
    for (int n = 1; n > 0;)
        if (!do_pieces(z, &n, err)) return false;
    r->seconds = clock_now() - start;
    r->threads = pool_threads(z->pool);
    r->vocab = tokenizer_vocab(z->used);
    if (r->tokens == r->held_out)
        return err_set(err, ERR_RANGE,
                       "there is no text to train on in it (one piece in twenty is held out): "
                       "give more");
    return tokens_writer_finish(z->writer, &r->file_bytes, err);
}

bool tokenize(const struct tokenize_plan *plan, const char *path, struct tokenize_result *out,
              struct err *err) {
    struct tokenizing *z = calloc(1, sizeof *z);
    if (!z) return err_set(err, ERR_NOMEM, "no memory to turn text into tokens");
    z->plan = plan;
    bool ok = run(z, path, err);
    if (ok) *out = z->result;
    tokens_writer_destroy(z->writer);
    source_pieces_destroy(z->pieces);
    for (int i = 0; i < POOL_MAX_THREADS; i++) tokenizer_destroy(z->each[i]);
    tokenizer_destroy(z->learned);
    pool_destroy(z->pool);
    free(z);
    return ok;
}
