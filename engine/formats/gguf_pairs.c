#include <string.h>

#include "engine/data/chat.h"
#include "engine/formats/gguf_parts.h"

/* Kinds of values, by the file's numbers. */
enum {
    KIND_U32 = 4,
    KIND_I32 = 5,
    KIND_F32 = 6,
    KIND_BOOL = 7,
    KIND_STRING = 8,
    KIND_ARRAY = 9
};

/* Kinds of tokens. */
enum { TOKEN_NORMAL = 1, TOKEN_CONTROL = 3, TOKEN_PADDING = 5, TOKEN_BYTE = 6 };

void gguf_number(struct buf *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) buf_add(to, &(char){(char)(value >> 8 * i)}, 1);
}

void gguf_string(struct buf *to, const char *text, size_t length) {
    gguf_number(to, length, 8);
    buf_add(to, text, length);
}

static void put_float(struct buf *to, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    gguf_number(to, bits, 4);
}

static void begin(struct gguf_pairs *p, const char *key, uint32_t kind) {
    gguf_string(&p->bytes, key, strlen(key));
    gguf_number(&p->bytes, kind, 4);
    p->n++;
}

static void begin_array(struct gguf_pairs *p, const char *key, uint32_t kind, size_t n) {
    begin(p, key, KIND_ARRAY);
    gguf_number(&p->bytes, kind, 4);
    gguf_number(&p->bytes, n, 8);
}

void gguf_put_integer(struct gguf_pairs *p, const char *key, uint32_t value) {
    begin(p, key, KIND_U32);
    gguf_number(&p->bytes, value, 4);
}

void gguf_put_real(struct gguf_pairs *p, const char *key, double value) {
    begin(p, key, KIND_F32);
    put_float(&p->bytes, (float)value);
}

void gguf_put_bool(struct gguf_pairs *p, const char *key, bool value) {
    begin(p, key, KIND_BOOL);
    gguf_number(&p->bytes, value, 1);
}

void gguf_put_text(struct gguf_pairs *p, const char *key, const char *value) {
    begin(p, key, KIND_STRING);
    gguf_string(&p->bytes, value, strlen(value));
}

/* ---- the tokenizer ---- */

static void put_tokens(struct gguf_pairs *p, const struct tokenizer *t, int vocab) {
    struct buf spelling = {0};
    begin_array(p, "tokenizer.ggml.tokens", KIND_STRING, (size_t)vocab);
    for (int id = 0; id < vocab; id++) {
        buf_clear(&spelling);
        if (id < tokenizer_vocab(t)) tokenizer_spell(t, id, &spelling);
        else buf_printf(&spelling, "[PAD%d]", id);
        gguf_string(&p->bytes, buf_text(&spelling), spelling.len);
    }
    p->bytes.failed |= spelling.failed;
    buf_deinit(&spelling);
}

static void put_kinds(struct gguf_pairs *p, const struct tokenizer *t, int vocab) {
    begin_array(p, "tokenizer.ggml.token_type", KIND_I32, (size_t)vocab);
    for (int id = 0; id < vocab; id++)
        gguf_number(&p->bytes,
                    id >= tokenizer_vocab(t)      ? TOKEN_PADDING
                    : tokenizer_is_special(t, id) ? TOKEN_CONTROL
                    : tokenizer_is_byte(t, id)    ? TOKEN_BYTE
                                                  : TOKEN_NORMAL,
                    4);
}

/* Readers of sentencepiece join the neighbours whose piece has the highest score: the order of
 * our merges, told backwards. What no merge makes is never joined to, and its score never asked
 * for. */
static void put_scores(struct gguf_pairs *p, const struct tokenizer *t, int vocab) {
    begin_array(p, "tokenizer.ggml.scores", KIND_F32, (size_t)vocab);
    size_t start = p->bytes.len;
    for (int id = 0; id < vocab; id++) put_float(&p->bytes, 0);
    if (p->bytes.failed) return;
    for (size_t i = tokenizer_merges(t);
         i-- > 0;) { /* of several ways to a piece the first counts */
        struct tokenizer_merge m = tokenizer_merge_at(t, i);
        float score = -(float)m.rank - 1;
        uint32_t bits;
        memcpy(&bits, &score, sizeof bits);
        for (int b = 0; b < 4; b++)
            p->bytes.data[start + 4 * (size_t)m.result + (size_t)b] = (char)(bits >> 8 * b);
    }
}

static void put_merges(struct gguf_pairs *p, const struct tokenizer *t) {
    struct buf text = {0};
    begin_array(p, "tokenizer.ggml.merges", KIND_STRING, tokenizer_merges(t));
    for (size_t i = 0; i < tokenizer_merges(t); i++) {
        struct tokenizer_merge m = tokenizer_merge_at(t, i);
        buf_clear(&text);
        tokenizer_spell(t, m.left, &text);
        buf_str(&text, " ");
        tokenizer_spell(t, m.right, &text);
        gguf_string(&p->bytes, buf_text(&text), text.len);
    }
    p->bytes.failed |= text.failed;
    buf_deinit(&text);
}

void gguf_put_tokenizer(struct gguf_pairs *p, const struct tokenizer *t, int vocab) {
    bool pieces = tokenizer_is_sentencepiece(t);
    int eot = tokenizer_eot(t);
    gguf_put_text(p, "tokenizer.ggml.model", pieces ? "llama" : "gpt2");
    gguf_put_text(p, "tokenizer.ggml.pre", pieces ? "default" : tokenizer_gguf_pre(t));
    put_tokens(p, t, vocab);
    put_kinds(p, t, vocab);
    if (pieces) put_scores(p, t, vocab);
    else put_merges(p, t);
    if (eot >= 0) {
        gguf_put_integer(p, "tokenizer.ggml.bos_token_id", (uint32_t)eot);
        gguf_put_integer(p, "tokenizer.ggml.eos_token_id", (uint32_t)tokenizer_end(t));
    }
    if (tokenizer_chat(t))
        gguf_put_text(p, "tokenizer.chat_template", tokenizer_chat(t)->jinja);
    gguf_put_bool(p, "tokenizer.ggml.add_bos_token", pieces);
    if (pieces) gguf_put_bool(p, "tokenizer.ggml.add_space_prefix", tokenizer_puts_space(t));
}
