#include "engine/data/corpus.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/rng.h"
#include "engine/data/chat.h"

static const double report_every = 0.02; /* seconds */

static bool in_split(const struct unit *u, enum split split) {
    return split == SPLIT_ALL || u->validation == (split == SPLIT_VAL);
}

/* What the split has: sizes all that follows. */
static void measure(const struct source_text *text, enum split split, size_t *units,
                    size_t *bytes) {
    *units = *bytes = 0;
    for (size_t i = 0; i < text->n_units; i++) {
        if (!in_split(&text->units[i], split)) continue;
        ++*units;
        *bytes += text->units[i].length;
    }
}

static uint64_t lines_of(const char *s, size_t n) {
    uint64_t lines = 1;
    for (const char *at = s; (at = memchr(at, '\n', n - (size_t)(at - s))); at++) lines++;
    return lines - (s[n - 1] == '\n'); /* a last line's end opens no other */
}

/* The token that begins at byte `answer` of a unit, whose tokens are ids[from, ids->n). */
static size_t find_answer(const struct tokenizer *t, const struct ids *ids, size_t from,
                          size_t answer) {
    size_t bytes = 0, n;
    for (size_t i = from; i < ids->n && answer > 0 && bytes <= answer; i++) {
        if (bytes == answer) return i;
        tokenizer_bytes(t, ids->data[i], &n);
        bytes += n;
    }
    return SIZE_MAX;
}

/* What the units are turned into tokens with. */
struct building {
    struct corpus *c;
    const struct source_text *text;
    const struct chat_template *chat;
    struct tokenizer *t;
    struct ids ids;
    bool masked; /* some units have parts: learned has a byte a token */
    struct buf learned;
    struct chat_text parts; /* of the unit under way */
};

static bool push(struct building *b, int32_t id, bool learned, struct err *err) {
    if (b->masked) buf_add(&b->learned, &(char){(char)learned}, 1);
    return ids_push(&b->ids, id, err);
}

/* All of it is learned. */
static bool add_text(struct building *b, const char *s, size_t n, struct err *err) {
    if (!tokenizer_encode(b->t, s, n, &b->ids, err)) return false;
    while (b->masked && !b->learned.failed && b->learned.len < b->ids.n)
        buf_add(&b->learned, &(char){1}, 1);
    return true;
}

static bool add_parts(struct building *b, const struct unit *u, struct err *err) {
    const struct part *parts = b->text->parts + u->first_part;
    chat_text_clear(&b->parts);
    for (uint32_t i = 0; i < u->n_parts; i++)
        chat_add(&b->parts, b->chat, parts[i].role, b->text->bytes.data + parts[i].offset,
                 parts[i].length);
    return chat_encode(&b->parts, b->t, &b->ids, &b->learned, err);
}

/* Whether end-of-text stands in front of a unit that has its window to itself. */
static bool is_led(const struct building *b, const struct unit *u) {
    bool turns = u->n_parts > 0 && b->text->parts[u->first_part].role >= PART_SYSTEM;
    return b->c->alone && (!turns || b->chat->led);
}

static bool add_unit(struct building *b, const struct unit *u, struct err *err) {
    struct corpus *c = b->c;
    const char *s = b->text->bytes.data + u->offset;
    int eot = tokenizer_eot(b->t);
    size_t i = c->n_units++;
    c->starts[i] = b->ids.n;
    c->n_bytes += u->length;
    c->n_lines += lines_of(s, u->length);
    if (eot >= 0 && is_led(b, u) && !push(b, eot, false, err)) return false;
    size_t start = b->ids.n;
    if (!(u->n_parts > 0 ? add_parts(b, u, err) : add_text(b, s, u->length, err))) return false;
    c->answers[i] = find_answer(b->t, &b->ids, start, u->answer);
    bool ended = b->ids.n > start && b->ids.data[b->ids.n - 1] == eot;
    bool wanted = eot >= 0 && !(u->n_parts > 0 && (ended || c->alone));
    if (wanted && !push(b, eot, u->n_parts == 0, err)) return false;
    if (c->answers[i] == SIZE_MAX) c->answers[i] = b->ids.n;
    return !b->learned.failed || err_set(err, ERR_NOMEM, "no memory to mark what is learned");
}

static bool add_units(struct building *b, enum split split, size_t total,
                      bool (*progress)(void *, size_t, size_t), void *ctx, struct err *err) {
    double reported = clock_now();
    for (size_t i = 0; i < b->text->n_units; i++) {
        if (!in_split(&b->text->units[i], split)) continue;
        if (!add_unit(b, &b->text->units[i], err)) return false;
        if (progress && clock_now() - reported > report_every) {
            if (!progress(ctx, b->c->n_bytes, total))
                return err_set(err, ERR_STOPPED, "turning text into tokens was given up");
            reported = clock_now();
        }
    }
    b->c->starts[b->c->n_units] = b->ids.n;
    if (progress) progress(ctx, total, total);
    return true;
}

/* The corpus takes over what was built. */
static void hand_over(struct building *b) {
    struct corpus *c = b->c;
    c->tokens = b->ids.data;
    c->n_tokens = c->n_learned = b->ids.n;
    if (!b->masked) return;
    c->learned = (uint8_t *)b->learned.data;
    c->n_learned = 0;
    for (size_t i = 0; i < b->learned.len; i++) c->n_learned += c->learned[i];
}

bool corpus_build_as(const struct source_text *text, enum split split, struct corpus_form form,
                     struct tokenizer *t,
                     bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                     struct corpus *out, struct err *err) {
    size_t units, bytes;
    *out = (struct corpus){.alone = form.alone};
    struct building b = {.c = out,
                         .text = text,
                         .chat = form.chat ? form.chat : chat_for(t),
                         .t = t,
                         .masked = text->n_parts > 0 || form.alone};
    measure(text, split, &units, &bytes);
    if (units == 0)
        return err_set(
            err, ERR_RANGE,
            "none of the %zu pieces of text is for %s (one in twenty is held out): give "
            "more text, or text with blank lines between its paragraphs",
            text->n_units, split == SPLIT_VAL ? "validation" : "training");
    out->starts = malloc((units + 1) * sizeof *out->starts);
    out->answers = malloc(units * sizeof *out->answers);
    if (!out->starts || !out->answers) {
        corpus_deinit(out);
        return err_set(err, ERR_NOMEM, "no memory for %zu pieces", units);
    }
    bool done = add_units(&b, split, bytes, progress, ctx, err);
    hand_over(&b);
    chat_text_deinit(&b.parts);
    if (!done) corpus_deinit(out);
    return done;
}

bool corpus_build(const struct source_text *text, enum split split, struct tokenizer *t,
                  bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                  struct corpus *out, struct err *err) {
    return corpus_build_as(text, split, (struct corpus_form){.alone = false}, t, progress, ctx,
                           out, err);
}

bool corpus_teach(struct bpe_trainer *b, const struct source_text *text, const struct unit *u,
                  struct err *err) {
    const struct part *parts = text->parts + u->first_part;
    if (u->n_parts == 0)
        return bpe_trainer_add(b, text->bytes.data + u->offset, u->length, err);
    for (uint32_t i = 0; i < u->n_parts; i++)
        if (!bpe_trainer_add(b, text->bytes.data + parts[i].offset, parts[i].length, err))
            return false;
    return true;
}

uint64_t corpus_hash(const struct corpus *c) {
    enum { BLOCK = 4096 };
    int32_t block[BLOCK];
    uint64_t sum[2] = {0};
    for (size_t at = 0; at < c->n_tokens; at += BLOCK) {
        size_t n = c->n_tokens - at < BLOCK ? c->n_tokens - at : BLOCK;
        corpus_copy(c, at, n, block);
        sum[1] = rng_hash(block, n * sizeof *block);
        sum[0] = rng_hash(sum, sizeof sum);
    }
    files_forget(c->map.data, c->map.size);
    return sum[0];
}

void corpus_deinit(struct corpus *c) {
    if (c->map.data) {
        files_unmap(&c->map);
    } else {
        free(c->tokens);
        free(c->starts);
        free(c->answers);
        free(c->learned);
    }
    *c = (struct corpus){0};
}
