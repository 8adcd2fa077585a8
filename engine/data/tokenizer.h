/* tokenizer.h - byte-level BPE: text to token ids and back.
 * Pre-tokeniser of GPT-2, SmolLM, Qwen2 or Llama 3 (PCRE2 patterns), merges by rank, bytes spelled as
 * GPT-2's 256 printable characters in the file. Any bytes can be encoded; decode(encode(s)) == s, but
 * that those of Qwen2's kind compose what can be composed (NFC) first.
 * Sources: Sennrich, Haddow, Birch, ACL 2016; the tokenizer.json layout of HF tokenizers. */
#ifndef THAW_ENGINE_DATA_TOKENIZER_H
#define THAW_ENGINE_DATA_TOKENIZER_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

/* Opaque; immutable once made but for tokenizer_set_chat(): may be shared by threads, but see
 * tokenizer_encode(). */
struct tokenizer;
struct chat_template; /* chat.h */

/* A growing list of ids. */
struct ids {
    int32_t *data;
    size_t n, capacity;
};
bool ids_push(struct ids *v, int32_t id, struct err *err);
void ids_deinit(struct ids *v);

/* ---- training (bpe_train.c) ---- */

/* Learn a vocabulary of `vocab` entries: specials first (ids 0..), then the 256 bytes in the
 * order of GPT-2's byte table, then merges, most frequent pair first, ties to the
 * lexicographically greater pair (of the pair's bytes). When no pair is left the vocabulary is
 * smaller than asked for. `progress` may be NULL; when it returns false the work is given up with
 * ERR_STOPPED. */
struct bpe_trainer;
struct bpe_trainer *bpe_trainer_create(struct err *err);
void bpe_trainer_destroy(struct bpe_trainer *t); /* NULL is fine */
/* Count the pre-tokens of text[0..n). Call once a unit: pre-tokens do not reach across. */
bool bpe_trainer_add(struct bpe_trainer *t, const char *text, size_t n, struct err *err);
/* vocab in [257, 1,000,000]; 257: bytes alone. Uses `<|endoftext|>` as the one special. Owner: the caller. */
struct tokenizer *bpe_trainer_finish(struct bpe_trainer *t, int vocab,
                                     bool (*progress)(void *ctx, size_t done, size_t total),
                                     void *ctx, struct err *err);

/* ---- files (tokenizer_json.c) ---- */

/* Load DIR/tokenizer.json, or vocab.json + merges.txt when it is absent. What is not supported
 * is refused by name. Which tokens end a text, and how conversations are written, comes from
 * generation_config.json, config.json, tokenizer_config.json and chat_template.jinja, where they are. */
struct tokenizer *tokenizer_load(const char *dir, struct err *err);
/* The same from the text of a tokenizer.json. */
struct tokenizer *tokenizer_parse(const char *text, size_t n, struct err *err);
/* Load from a pair of files of GPT-2's layout. */
struct tokenizer *tokenizer_load_pair(const char *vocab_json, const char *merges_txt,
                                      struct err *err);
/* The llama2.c tokenizer.bin of `vocab` tokens (SentencePiece scores, byte fallback). Its
 * end-of-text is token 1, <s>, which stands between documents. Encoding puts a space in front
 * of the text, as llama2.c does; decoding gives every byte of every token, so a text begins
 * with that space. */
struct tokenizer *tokenizer_load_llama2c(const char *path, int vocab, struct err *err);
/* Write a tokenizer.json that HF tokenizers reads (atomic). */
bool tokenizer_save(const struct tokenizer *t, const char *path, struct err *err);
/* Append the same text to `out`, whose `failed` says that memory was short. */
void tokenizer_write(const struct tokenizer *t, struct buf *out);
/* Another of the same, for another thread: each has a cache. Owner: the caller. */
struct tokenizer *tokenizer_copy(const struct tokenizer *t, struct err *err);
/* Write what tokenizer.json cannot say into the folder: generation_config.json with the tokens that end a
 * text and tokenizer_config.json with the chat template; nothing where there is neither but end-of-text.
 * Their bytes are added to *bytes. */
bool tokenizer_save_folder(const struct tokenizer *t, const char *dir, uint64_t *bytes, struct err *err);
void tokenizer_destroy(struct tokenizer *t); /* NULL is fine */

/* ---- use ---- */

int tokenizer_vocab(const struct tokenizer *t);
int tokenizer_eot(const struct tokenizer *t); /* id of the token that stands between texts; -1: none */
int tokenizer_end(const struct tokenizer *t); /* of that which ends an answer; most often the same; -1: none */
bool tokenizer_is_end(const struct tokenizer *t, int32_t id); /* whether a model that says it is done */
/* How the model's conversations are written; NULL: it is not told, or is no format of chat.h (foreign). */
const struct chat_template *tokenizer_chat(const struct tokenizer *t);
bool tokenizer_chat_foreign(const struct tokenizer *t);
bool tokenizer_chat_given(const struct tokenizer *t); /* it is not its folder's, but was set */
/* From now on they are written so; the token that ends an answer there ends a text. */
void tokenizer_set_chat(struct tokenizer *t, const struct chat_template *c);
/* The longest special or added token whose spelling text[0..n) begins with, and its bytes; -1: none. */
int32_t tokenizer_special(const struct tokenizer *t, const char *text, size_t n, size_t *length);
/* Append the ids of text[0..n). Special and added tokens' spellings in the text are plain text. Keeps a
 * cache inside: one thread at a time. */
bool tokenizer_encode(struct tokenizer *t, const char *text, size_t n, struct ids *out,
                      struct err *err);
/* The bytes of a token; borrowed, as long as the tokenizer. Specials give their spelling. An id
 * out of range gives NULL and *n = 0. */
const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *n);
bool tokenizer_is_special(const struct tokenizer *t, int32_t id);
/* A byte that no piece covers, of a sentencepiece vocabulary. */
bool tokenizer_is_byte(const struct tokenizer *t, int32_t id);
/* Sentencepiece's kind, with byte fallback; else byte-level. */
bool tokenizer_is_sentencepiece(const struct tokenizer *t);
/* Whether a space is put in front of a text, as sentencepiece mostly does. */
bool tokenizer_puts_space(const struct tokenizer *t);
/* Of a byte-level one: what GGUF calls its way to cut a text, "gpt-2". */
const char *tokenizer_gguf_pre(const struct tokenizer *t);
/* Append how files spell a token of the vocabulary; no spelling has a space in it. */
void tokenizer_spell(const struct tokenizer *t, int32_t id, struct buf *out);
/* Merges in the order of their rank. */
struct tokenizer_merge {
    int32_t left, right, result;
    uint32_t rank;
};
size_t tokenizer_merges(const struct tokenizer *t);
struct tokenizer_merge tokenizer_merge_at(const struct tokenizer *t, size_t i);
/* A stable 64-bit fingerprint of vocabulary and merges. */
uint64_t tokenizer_fingerprint(const struct tokenizer *t);

/* Texts for a list of tokens such that the texts joined are the input: a token that ends inside
 * a character has an empty text, and the character stands with the token that completes it;
 * bytes that can never complete become U+FFFD. Push tokens in order, then finish. */
struct token_text {
    char pending[4]; /* bytes of a character still incomplete */
    int n_pending;
};
/* Append to out what this token completes. `last`: nothing follows, flush what is pending. */
void token_text_push(struct token_text *s, const struct tokenizer *t, int32_t id, bool last,
                     struct buf *out);
#endif
