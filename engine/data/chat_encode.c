/* chat_encode.c - the pieces of a conversation as tokens, and which of them are learned. */
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/chat.h"
#include "engine/data/tokenizer_parts.h"

/* What stands between two special tokens: its bytes, and for each whether it is learned. */
struct run {
    struct buf bytes, flags;
};

struct encoding {
    struct tokenizer *t;
    struct ids *ids;
    struct buf *learned; /* may be NULL */
    struct run run;
};

static bool push(struct encoding *e, int32_t id, bool learned, struct err *err) {
    if (e->learned && !buf_add(e->learned, &(char){(char)learned}, 1))
        return err_set(err, ERR_NOMEM, "no memory to mark what is learned");
    return ids_push(e->ids, id, err);
}

/* Mark ids[from..) by the bytes that they stand for. Of a sentencepiece text the first byte is
 * a blank that is not in the run. */
static bool mark(struct encoding *e, size_t from, struct err *err) {
    const struct run *r = &e->run;
    size_t blank = e->t->steps.kind == TOKENIZER_SENTENCEPIECE, at = 0, n;
    for (size_t i = from; e->learned && i < e->ids->n; i++, at += n) {
        bool learned = false;
        tokenizer_bytes(e->t, e->ids->data[i], &n);
        for (size_t b = at; b < at + n; b++)
            learned |= b >= blank && b - blank < r->flags.len && r->flags.data[b - blank];
        if (!buf_add(e->learned, &(char){(char)learned}, 1))
            return err_set(err, ERR_NOMEM, "no memory to mark what is learned");
    }
    return true;
}

static bool end_run(struct encoding *e, struct err *err) {
    struct run *r = &e->run;
    size_t from = e->ids->n;
    if (r->bytes.failed || r->flags.failed)
        return err_set(err, ERR_NOMEM, "no memory for a text of %zu bytes", r->bytes.len);
    if (r->bytes.len == 0) return true;
    bool done =
        tokenizer_encode(e->t, r->bytes.data, r->bytes.len, e->ids, err) && mark(e, from, err);
    buf_clear(&r->bytes);
    buf_clear(&r->flags);
    return done;
}

/* The run goes on. A tokenizer that composes characters finds them composed: so each byte of
 * its tokens is one of the run's. */
static void add_bytes(struct encoding *e, const char *s, size_t n, bool learned) {
    struct run *r = &e->run;
    size_t before = r->bytes.len;
    if (!e->t->steps.nfc) buf_add(&r->bytes, s, n);
    else if (!text_compose(&r->bytes, s, n)) r->bytes.failed = true;
    for (; before < r->bytes.len; before++) buf_add(&r->flags, &(char){(char)learned}, 1);
}

/* Special tokens end the run, and are pushed as they are. */
static bool add_marker(struct encoding *e, const char *s, size_t n, bool learned,
                       struct err *err) {
    for (size_t at = 0, length; at < n; at += length) {
        int32_t id = tokenizer_special(e->t, s + at, n - at, &length);
        if (id >= 0 && !(end_run(e, err) && push(e, id, learned, err))) return false;
        if (id >= 0) continue;
        length = 1;
        add_bytes(e, s + at, 1, learned);
    }
    return true;
}

static bool add_end(struct encoding *e, bool learned, struct err *err) {
    int id = tokenizer_end(e->t);
    return end_run(e, err) && (id < 0 || push(e, id, learned, err));
}

bool chat_encode(const struct chat_text *x, struct tokenizer *t, struct ids *out,
                 struct buf *learned, struct err *err) {
    struct encoding e = {.t = t, .ids = out, .learned = learned};
    const char *at = buf_text(&x->bytes);
    bool ok = !x->bytes.failed || err_set(err, ERR_NOMEM, "no memory for a conversation");
    for (size_t i = 0; ok && i < x->n; i++) {
        const struct chat_piece *p = &x->pieces[i];
        if (p->end) ok = add_end(&e, p->learned, err);
        else if (p->marker) ok = add_marker(&e, at, p->length, p->learned, err);
        else add_bytes(&e, at, p->length, p->learned);
        at += p->length;
    }
    ok = ok && end_run(&e, err);
    buf_deinit(&e.run.bytes);
    buf_deinit(&e.run.flags);
    return ok;
}

bool chat_encode_question(struct chat_text *x, const struct chat_template *c,
                          struct tokenizer *t, struct ids *out, struct err *err) {
    int eot = tokenizer_eot(t);
    chat_ask(x, c);
    return (!c->led || eot < 0 || ids_push(out, eot, err)) && chat_encode(x, t, out, NULL, err);
}
