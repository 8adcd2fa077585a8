/* tokens_file.c - reading a tokens file. Its bytes are foreign: nothing of it is used before
 * the tail's sum, every count, and then every list that is used has been found sound. */
#include "engine/data/tokens_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"
#include "engine/data/chat.h"
#include "engine/data/tokens_format.h"

static const char kind_word[] = "tokens:";

const char *tokens_path(const char *spec) {
    size_t n = sizeof kind_word - 1;
    return strncmp(spec, kind_word, n) == 0 ? spec + n : NULL;
}

/* ---- the tail ---- */

/* A file whose tail is sound. */
struct tokens_file {
    const char *path;
    struct mapping map;
    struct tokens_tail tail;
    struct tokens_layout layout;
};

static bool damaged(const char *path, const char *what, struct err *err) {
    return err_set(err, ERR_PARSE,
                   "%s: %s: the file is damaged; make it again with `thaw data SOURCE "
                   "--tokenize %s`",
                   path, what, path);
}

static bool has_magic(const unsigned char *at) {
    return memcmp(at, TOKENS_MAGIC, sizeof TOKENS_MAGIC) == 0;
}

/* Fields that the sum of the tail cannot vouch for: whoever wrote it may have been mistaken. */
static bool check_fields(const struct tokens_file *f, struct err *err) {
    const struct tokens_tail *t = &f->tail;
    bool turns = t->flags & TOKENS_TURNS;
    bool sound = t->vocab > 0 && t->vocab <= TOKENIZER_MAX_VOCAB && !(t->flags & ~TOKENS_FLAGS);
    sound = sound && t->n_ends <= TOKENIZER_ENDS_MAX && !t->chat[sizeof t->chat - 1];
    sound = sound && (!(t->flags & TOKENS_ALONE) || (t->flags & TOKENS_MASKED));
    for (uint32_t i = 0; sound && i < t->n_ends; i++)
        sound = t->ends[i] >= 0 && (uint32_t)t->ends[i] < t->vocab;
    for (int s = 0; sound && s < TOKENS_SPLITS; s++)
        sound = t->splits[s].learned <= t->splits[s].tokens;
    if (!sound || (turns ? !chat_find(t->chat) : t->chat[0] != '\0'))
        return damaged(f->path, "a field at its end cannot be right", err);
    return true;
}

static bool check_tail(struct tokens_file *f, struct err *err) {
    const size_t size = f->map.size, tail = sizeof f->tail;
    const unsigned char *data = f->map.data;
    if (size < TOKENS_ALIGN || !has_magic(data))
        return err_set(err, ERR_PARSE,
                       "%s is no file of tokens: `thaw data SOURCE --tokenize FILE` makes one",
                       f->path);
    if (size < TOKENS_ALIGN + tail || !has_magic(data + size - sizeof f->tail.magic))
        return damaged(f->path, "its end is missing", err);
    memcpy(&f->tail, data + size - tail, tail);
    if (f->tail.version != TOKENS_VERSION)
        return err_set(err, ERR_PARSE,
                       "%s is of version %" PRIu32 ", and this thaw reads version %d: make it "
                       "again with `thaw data SOURCE --tokenize %s`",
                       f->path, f->tail.version, TOKENS_VERSION, f->path);
    if (f->tail.sum != tokens_tail_sum(&f->tail))
        return damaged(f->path, "the checksum of its end is wrong", err);
    if (!check_fields(f, err)) return false;
    if (!tokens_lay_out(&f->tail, &f->layout) || f->layout.tail + tail != size)
        return damaged(f->path, "it is not as long as its counts say", err);
    return true;
}

static bool open_file(const char *path, struct tokens_file *out, struct err *err) {
    *out = (struct tokens_file){.path = path};
    if (!files_map(path, &out->map, err)) return false;
    if (check_tail(out, err)) return true;
    files_unmap(&out->map);
    return false;
}

static const struct chat_template *chat_of(const struct tokens_tail *t) {
    return t->flags & TOKENS_TURNS ? chat_find(t->chat) : NULL;
}

bool tokens_about(const char *path, struct tokens_about *out, struct err *err) {
    struct tokens_file f;
    if (!open_file(path, &f, err)) return false;
    const struct tokens_tail *t = &f.tail;
    *out = (struct tokens_about){.vocab = (int)t->vocab,
                                 .fingerprint = t->fingerprint,
                                 .alone = t->flags & TOKENS_ALONE,
                                 .chat = chat_of(t)};
    for (int s = 0; s < TOKENS_SPLITS; s++) {
        out->splits[s].units = t->splits[s].units;
        out->splits[s].tokens = t->splits[s].tokens;
        out->splits[s].learned = t->splits[s].learned;
        out->splits[s].bytes = t->splits[s].bytes;
    }
    files_unmap(&f.map);
    return true;
}

/* ---- the tokenizer ---- */

static struct tokenizer *read_tokenizer(const struct tokens_file *f, struct err *err) {
    const struct tokens_tail *tail = &f->tail;
    const char *text = (const char *)f->map.data + f->layout.tokenizer;
    if (tail->tokenizer_sum != rng_hash(text, tail->tokenizer_bytes)) {
        damaged(f->path, "the checksum of its tokenizer is wrong", err);
        return NULL;
    }
    struct tokenizer *t = tokenizer_parse(text, tail->tokenizer_bytes, err);
    if (!t) {
        err_prefix(err, "%s", f->path);
        return NULL;
    }
    if (tokenizer_vocab(t) != (int)tail->vocab ||
        tokenizer_fingerprint(t) != tail->fingerprint) {
        damaged(f->path, "its tokenizer is not the one that it names", err);
        tokenizer_destroy(t);
        return NULL;
    }
    memcpy(t->ends, tail->ends, sizeof t->ends);
    t->n_ends = (int)tail->n_ends;
    return t;
}

struct tokenizer *tokens_tokenizer(const char *path, struct err *err) {
    struct tokens_file f;
    if (!open_file(path, &f, err)) return NULL;
    struct tokenizer *t = read_tokenizer(&f, err);
    files_unmap(&f.map);
    return t;
}

/* ---- the lists of a split ---- */

/* A split under examination. */
struct check {
    const struct tokens_file *f;
    int split;
    size_t done, total; /* bytes of its lists */
    uint64_t last;      /* of the starts that were seen */
    uint64_t learned;
    bool (*progress)(void *ctx, size_t done, size_t total);
    void *ctx;
};

static const void *list_of(const struct check *c, enum tokens_list list) {
    return c->f->layout.size[list][c->split] ? c->f->map.data + c->f->layout.at[list][c->split]
                                             : NULL;
}

static bool ids_sound(uint32_t vocab, const void *block, size_t n) {
    uint32_t most = 0;
    if (vocab <= TOKENS_NARROW_VOCAB) {
        const uint16_t *ids = block;
        for (size_t i = 0; i < n / sizeof *ids; i++) most = ids[i] > most ? ids[i] : most;
    } else {
        const uint32_t *ids = block;
        for (size_t i = 0; i < n / sizeof *ids; i++) most = ids[i] > most ? ids[i] : most;
    }
    return most < vocab;
}

/* They begin at 0, never go back, and end with the number of tokens. first: number of the
 * block's first. */
static bool starts_sound(struct check *c, const uint64_t *starts, size_t n, uint64_t first) {
    const struct tokens_counts *counts = &c->f->tail.splits[c->split];
    for (size_t i = 0; i < n; i++) {
        bool sound = first + i == 0 ? starts[i] == 0 : starts[i] >= c->last;
        if (!sound || (first + i == counts->units && starts[i] != counts->tokens)) return false;
        c->last = starts[i];
    }
    return true;
}

/* Each lies in its unit, or at its end. */
static bool answers_sound(const struct check *c, const uint64_t *answers, size_t n,
                          uint64_t first) {
    const uint64_t *starts = (const uint64_t *)list_of(c, LIST_STARTS) + first;
    for (size_t i = 0; i < n; i++)
        if (answers[i] < starts[i] || answers[i] > starts[i + 1]) return false;
    return true;
}

static bool learned_sound(struct check *c, const uint8_t *learned, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= learned[i];
        c->learned += learned[i];
    }
    return any <= 1;
}

static bool block_sound(struct check *c, enum tokens_list list, const void *block, size_t n,
                        uint64_t at) {
    switch (list) {
    case LIST_IDS:
        return ids_sound(c->f->tail.vocab, block, n);
    case LIST_STARTS:
        return starts_sound(c, block, n / sizeof(uint64_t), at / sizeof(uint64_t));
    case LIST_ANSWERS:
        return answers_sound(c, block, n / sizeof(uint64_t), at / sizeof(uint64_t));
    default:
        return learned_sound(c, block, n);
    }
}

/* Pages are given back as the work goes on, so that a check takes no memory. */
static bool check_list(struct check *c, enum tokens_list list, struct err *err) {
    static const char *const names[TOKENS_LISTS] = {"tokens", "units", "answers",
                                                    "what is learned"};
    enum { KEPT = 32 }; /* blocks */
    const unsigned char *at = list_of(c, list);
    uint64_t size = c->f->layout.size[list][c->split], sum = 0;
    char what[80];
    snprintf(what, sizeof what, "its list of %s is wrong", names[list]);
    for (uint64_t done = 0; done < size;) {
        size_t n = size - done < TOKENS_BLOCK ? (size_t)(size - done) : TOKENS_BLOCK;
        sum = tokens_sum(sum, at + done, n);
        if (!block_sound(c, list, at + done, n, done)) return damaged(c->f->path, what, err);
        done += n;
        c->done += n;
        if (c->done / TOKENS_BLOCK % KEPT == 0) files_forget(c->f->map.data, c->f->map.size);
        if (c->progress && !c->progress(c->ctx, c->done, c->total))
            return err_set(err, ERR_STOPPED, "reading %s was given up", c->f->path);
    }
    if (sum == c->f->tail.splits[c->split].sums[list]) return true;
    return damaged(c->f->path, what, err);
}

static bool check_lists(struct check *c, struct err *err) {
    const struct tokens_tail *t = &c->f->tail;
    for (int list = 0; list < TOKENS_LISTS; list++)
        c->total += c->f->layout.size[list][c->split];
    for (int list = 0; list < TOKENS_LISTS; list++)
        if (!check_list(c, (enum tokens_list)list, err)) return false;
    files_forget(c->f->map.data, c->f->map.size);
    files_map_scattered(&c->f->map);
    uint64_t learned = t->flags & TOKENS_MASKED ? c->learned : t->splits[c->split].tokens;
    return learned == t->splits[c->split].learned ||
           damaged(c->f->path, "the number of tokens that are learned is wrong", err);
}

/* ---- a corpus ---- */

static bool fits(const struct tokens_file *f, struct corpus_form form,
                 const struct tokenizer *t, struct err *err) {
    const struct chat_template *chat = chat_of(&f->tail);
    bool alone = f->tail.flags & TOKENS_ALONE;
    if (f->tail.fingerprint != tokenizer_fingerprint(t))
        return err_set(err, ERR_USAGE,
                       "%s was made with another tokenizer (%" PRIu32 " tokens) than the "
                       "model's (%d): make it again with `thaw data SOURCE --tokenize %s "
                       "--tokenizer MODEL`",
                       f->path, f->tail.vocab, tokenizer_vocab(t), f->path);
    if (alone != form.alone)
        return err_set(err, ERR_USAGE,
                       "%s was made for `packing: %s`: set that, or make it again %s", f->path,
                       alone ? "false" : "true",
                       alone ? "without --no-packing" : "with --no-packing");
    const struct chat_template *wanted = form.chat ? form.chat : chat_for(t);
    if (chat && chat != wanted)
        return err_set(err, ERR_USAGE,
                       "the conversations of %s are written as %s, and the model's are %s: "
                       "make it again with --template %s",
                       f->path, chat_word(chat), chat_word(wanted), chat_word(wanted));
    return true;
}

/* A corpus only reads its lists, and says so nowhere in its type. */
static void take_lists(const struct check *c, struct corpus *out) {
    const struct tokens_counts *counts = &c->f->tail.splits[c->split];
    void *ids = (void *)list_of(c, LIST_IDS), *starts = (void *)list_of(c, LIST_STARTS);
    bool narrow = c->f->tail.vocab <= TOKENS_NARROW_VOCAB;
    assert(ids && starts);
    *out = (struct corpus){.tokens = narrow ? NULL : ids,
                           .narrow = narrow ? ids : NULL,
                           .n_tokens = counts->tokens,
                           .starts = starts,
                           .answers = (void *)list_of(c, LIST_ANSWERS),
                           .n_units = counts->units,
                           .learned = (void *)list_of(c, LIST_LEARNED),
                           .n_learned = counts->learned,
                           .alone = c->f->tail.flags & TOKENS_ALONE,
                           .n_bytes = counts->bytes,
                           .n_lines = counts->lines,
                           .map = c->f->map};
}

bool tokens_corpus(const char *path, enum split split, struct corpus_form form,
                   const struct tokenizer *t,
                   bool (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                   struct corpus *out, struct err *err) {
    struct tokens_file f;
    assert(split != SPLIT_ALL);
    *out = (struct corpus){.n_units = 0};
    if (!open_file(path, &f, err)) return false;
    struct check c = {.f = &f, .split = (int)split, .progress = progress, .ctx = ctx};
    bool ok = fits(&f, form, t, err);
    if (ok && (f.tail.splits[split].units == 0 || f.tail.splits[split].tokens == 0))
        ok = err_set(err, ERR_RANGE,
                     "%s has nothing for %s (one piece of text in twenty is held out): make it "
                     "from more text",
                     path, split == SPLIT_VAL ? "validation" : "training");
    ok = ok && check_lists(&c, err);
    if (ok) take_lists(&c, out);
    else files_unmap(&f.map);
    return ok;
}

/* ---- text again ---- */

/* The bytes of a unit, without what stands around it. */
static void spell_unit(const struct corpus *c, const struct tokenizer *t, size_t unit,
                       struct buf *out) {
    int eot = tokenizer_eot(t);
    buf_clear(out);
    for (size_t i = c->starts[unit]; i < c->starts[unit + 1]; i++) {
        size_t n = 0;
        int32_t id = corpus_token(c, i);
        const char *bytes = tokenizer_bytes(t, id, &n);
        if (id != eot) buf_add(out, bytes, n);
    }
}

static bool read_split(const char *path, const struct tokens_about *about, enum split split,
                       struct tokenizer *t, struct source_text *out, struct err *err) {
    struct corpus_form form = {.alone = about->alone, .chat = about->chat};
    struct corpus c;
    struct buf text = {0};
    if (about->splits[split].units == 0) return true;
    if (!tokens_corpus(path, split, form, t, NULL, NULL, &c, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < c.n_units; i++) {
        spell_unit(&c, t, i, &text);
        size_t front = tokenizer_puts_space(t) && text.len > 0 && text.data[0] == ' ';
        size_t before = out->n_units;
        ok = text.failed
                 ? err_set(err, ERR_NOMEM, "no memory for a piece of text")
                 : source_add(out, buf_text(&text) + front, text.len - front, "", 0, err);
        if (ok && out->n_units > before) out->units[before].validation = split == SPLIT_VAL;
    }
    buf_deinit(&text);
    corpus_deinit(&c);
    return ok;
}

bool tokens_source_read(const char *path, struct source_text *out, struct err *err) {
    struct tokens_about about;
    if (!tokens_about(path, &about, err)) return false;
    uint64_t bytes = about.splits[SPLIT_TRAIN].bytes + about.splits[SPLIT_VAL].bytes;
    if (bytes > SOURCE_BYTES_MAX)
        return err_set(err, ERR_RANGE,
                       "%s holds %.1f GB of text, too much to be read whole: look at its "
                       "source instead",
                       path, (double)bytes / 1e9);
    struct tokenizer *t = tokens_tokenizer(path, err);
    bool ok = t && read_split(path, &about, SPLIT_TRAIN, t, out, err) &&
              read_split(path, &about, SPLIT_VAL, t, out, err);
    tokenizer_destroy(t);
    return ok;
}
