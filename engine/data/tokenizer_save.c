/* tokenizer_save.c - write a tokenizer.json as HF tokenizers reads it. */
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/data/byte_level.h"
#include "engine/data/tokenizer_parts.h"

void tokenizer_spell(const struct tokenizer *t, int32_t id, struct buf *out) {
    size_t n;
    const char *bytes = tokenizer_bytes(t, id, &n);
    if (t->tokens[id].special) {
        buf_add(out, bytes, n);
    } else if (t->steps.kind == TOKENIZER_BYTE_LEVEL) {
        byte_level_spell(out, bytes, n);
    } else if (tokenizer_is_byte(t, id)) {
        buf_printf(out, "<0x%02X>", (uint8_t)bytes[0]);
    } else {
        for (size_t i = 0; i < n; i++)
            bytes[i] == ' ' ? buf_str(out, SENTENCEPIECE_SPACE) : buf_add(out, bytes + i, 1);
    }
}

/* Into `out`, emptied before. */
static void spell(const struct tokenizer *t, int32_t id, struct buf *out) {
    buf_clear(out);
    tokenizer_spell(t, id, out);
}

static void put_added_tokens(struct json_writer *w, const struct tokenizer *t) {
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    struct buf content = {0};
    json_add_open(w, "added_tokens", '[');
    for (int id = 0; id < t->n_tokens; id++) {
        if (!t->tokens[id].special) continue;
        json_open(w, '{');
        json_add_integer(w, "id", id);
        spell(t, id, &content);
        json_add_string(w, "content", buf_text(&content));
        for (int i = 0; i < 4; i++) json_add_bool(w, flags[i], false);
        json_add_bool(w, "special", true);
        json_close(w, '}');
    }
    json_close(w, ']');
    w->out->failed |= content.failed;
    buf_deinit(&content);
}

static void put_vocab(struct json_writer *w, const struct tokenizer *t) {
    struct buf spelling = {0};
    json_add_open(w, "vocab", '{');
    for (int id = 0; id < t->n_tokens; id++) {
        spell(t, id, &spelling);
        json_add_integer(w, buf_text(&spelling), id);
    }
    json_close(w, '}');
    w->out->failed |= spelling.failed;
    buf_deinit(&spelling);
}

static void put_merges(struct json_writer *w, const struct tokenizer *t) {
    struct buf left = {0}, right = {0};
    json_add_open(w, "merges", '[');
    for (uint32_t i = 0; i < t->pairs.n; i++) {
        spell(t, t->merges[i].left, &left);
        spell(t, t->merges[i].right, &right);
        buf_str(&left, " "); /* no spelling has a space in it */
        buf_add(&left, buf_text(&right), right.len);
        json_put_string(w, buf_text(&left));
    }
    json_close(w, ']');
    w->out->failed |= left.failed || right.failed;
    buf_deinit(&left);
    buf_deinit(&right);
}

static void put_model(struct json_writer *w, const struct tokenizer *t) {
    bool sentencepiece = t->steps.kind == TOKENIZER_SENTENCEPIECE;
    json_add_open(w, "model", '{');
    json_add_string(w, "type", "BPE");
    json_add_null(w, "dropout");
    json_add_null(w, "unk_token");
    json_add_null(w, "continuing_subword_prefix");
    json_add_null(w, "end_of_word_suffix");
    json_add_bool(w, "fuse_unk", sentencepiece);
    json_add_bool(w, "byte_fallback", sentencepiece);
    json_add_bool(w, "ignore_merges", t->steps.ignore_merges);
    put_vocab(w, t);
    put_merges(w, t);
    json_close(w, '}');
}

void tokenizer_write(const struct tokenizer *t, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    w.indent = 1;
    json_open(&w, '{');
    json_add_string(&w, "version", "1.0");
    json_add_null(&w, "truncation");
    json_add_null(&w, "padding");
    put_added_tokens(&w, t);
    tokenizer_steps_write(&w, &t->steps);
    put_model(&w, t);
    json_close(&w, '}');
    buf_str(out, "\n");
}

bool tokenizer_save(const struct tokenizer *t, const char *path, struct err *err) {
    struct buf out = {0};
    tokenizer_write(t, &out);
    bool done = out.failed ? err_set(err, ERR_NOMEM, "no memory to write %s", path)
                           : files_write(path, out.data, out.len, err);
    buf_deinit(&out);
    return done;
}

struct tokenizer *tokenizer_copy(const struct tokenizer *t, struct err *err) {
    struct buf text = {0};
    tokenizer_write(t, &text);
    struct tokenizer *copy = NULL;
    if (text.failed) err_set(err, ERR_NOMEM, "no memory to copy a tokenizer");
    else copy = tokenizer_parse(text.data, text.len, err);
    buf_deinit(&text);
    if (!copy) return NULL;
    memcpy(copy->ends, t->ends, sizeof copy->ends);
    copy->n_ends = t->n_ends;
    copy->chat = t->chat;
    copy->given_chat = t->given_chat;
    copy->foreign_chat = t->foreign_chat;
    return copy;
}
