#include "engine/data/corpus.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"

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

static bool add_unit(struct corpus *c, const char *s, const struct unit *u, struct tokenizer *t,
                     struct ids *ids, struct err *err) {
    int eot = tokenizer_eot(t);
    size_t start = ids->n, i = c->n_units++;
    c->starts[i] = start;
    c->n_bytes += u->length;
    c->n_lines += lines_of(s, u->length);
    if (!tokenizer_encode(t, s, u->length, ids, err)) return false;
    c->answers[i] = find_answer(t, ids, start, u->answer);
    if (eot >= 0 && !ids_push(ids, eot, err)) return false;
    if (c->answers[i] == SIZE_MAX) c->answers[i] = ids->n;
    return true;
}

static bool add_units(struct corpus *c, const struct source_text *text, enum split split,
                      struct tokenizer *t, struct ids *ids, size_t total,
                      bool (*progress)(void *, size_t, size_t), void *ctx, struct err *err) {
    double reported = clock_now();
    for (size_t i = 0; i < text->n_units; i++) {
        const struct unit *u = &text->units[i];
        if (!in_split(u, split)) continue;
        if (!add_unit(c, text->bytes.data + u->offset, u, t, ids, err)) return false;
        if (progress && clock_now() - reported > report_every) {
            if (!progress(ctx, c->n_bytes, total))
                return err_set(err, ERR_STOPPED, "turning text into tokens was given up");
            reported = clock_now();
        }
    }
    c->starts[c->n_units] = ids->n;
    if (progress) progress(ctx, total, total);
    return true;
}

bool corpus_build(const struct source_text *text, enum split split, struct tokenizer *t,
                  bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                  struct corpus *out, struct err *err) {
    size_t units, bytes;
    struct ids ids = {0};
    *out = (struct corpus){0};
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
    bool done = add_units(out, text, split, t, &ids, bytes, progress, ctx, err);
    out->tokens = ids.data;
    out->n_tokens = ids.n;
    if (!done) corpus_deinit(out);
    return done;
}

void corpus_deinit(struct corpus *c) {
    free(c->tokens);
    free(c->starts);
    free(c->answers);
    *c = (struct corpus){0};
}
