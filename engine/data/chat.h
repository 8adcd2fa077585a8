/* chat.h - how a conversation is written for a model: a table of the formats in use. There is no interpreter
 * for the templates that models come with (Jinja): their text only tells which of these it is.
 *   chatml   Qwen, SmolLM:   <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n
 *   llama3   Llama 3:        <|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>...
 *   llama2   Llama 2:        <s>[INST] Hi [/INST] Hello </s>
 *   zephyr   Zephyr, TinyLlama:  <|user|>\nHi</s>\n<|assistant|>\nHello</s>\n
 *   plain    for models without such tokens:  User: Hi\nAssistant: Hello and the end-of-text token
 * What the assistant says is learned, with the token that ends it; all else is only read. No default words of
 * a system are put in where a conversation has none.
 * A special token is one where the format puts it; its spelling inside a message is plain text, so that
 * nobody speaks for another by writing it. */
#ifndef THAW_ENGINE_DATA_CHAT_H
#define THAW_ENGINE_DATA_CHAT_H
#include "engine/data/source.h"
#include "engine/data/tokenizer.h"

enum chat_kind {
    CHAT_AUTO, /* in settings: as the model's files have it; no format of its own */
    CHAT_CHATML,
    CHAT_LLAMA3,
    CHAT_LLAMA2,
    CHAT_ZEPHYR,
    CHAT_PLAIN,
    CHAT_COUNT
};
extern const char *const chat_words[CHAT_COUNT]; /* "auto", "chatml" ... */
#define CHAT_CHOICE "chatml, llama3, llama2, zephyr or plain" /* for people */

/* What stands around a turn. */
struct chat_turn {
    const char *before, *after;
};

struct chat_template {
    const char *begin; /* in front of the first turn */
    struct chat_turn system, user, assistant;
    const char *blank[2];  /* in front of an answer and behind it; learned with it */
    const char *end;       /* ends an answer; "": tokenizer_end() */
    bool system_in_user;   /* the system's words stand at the beginning of the user's turn */
    bool trimmed;          /* blanks and newlines around a message are dropped */
    bool led;              /* in front of all stands the end of the text before, as of a prompt (sample.h) */
    const char *sign;      /* what the template of a model has when it is this one, */
    const char *other;     /* and what it does not have then; may be NULL */
    const char *jinja;     /* the same format for other programs */
};
extern const struct chat_template chat_templates[CHAT_COUNT]; /* CHAT_AUTO's is empty */

static inline const char *chat_word(const struct chat_template *c) {
    return chat_words[c - chat_templates];
}
/* The one of that name; NULL: "auto", or none. */
const struct chat_template *chat_find(const char *word);
/* The one that a Jinja template is; NULL: none of them. */
const struct chat_template *chat_of_jinja(const char *text);
/* What new conversations are to be written in: the model's own format (tokenizer_chat()), else one whose
 * special tokens the vocabulary has, else plain. Never NULL. */
const struct chat_template *chat_for(const struct tokenizer *t);

/* ---- a conversation under way ---- */

struct chat_piece {
    uint32_t length; /* bytes of chat_text.bytes */
    bool marker;     /* of the format: special tokens in it are tokens */
    bool end;        /* no bytes, but the tokenizer's end of an answer */
    bool learned;
};

/* Text and what it is made of. Begins zeroed; `bytes.failed` says that memory was short. */
struct chat_text {
    struct buf bytes;
    struct chat_piece *pieces;
    size_t n, capacity;
    bool user_open; /* the system has begun the user's turn */
};

/* Append a part of a unit. `c` is for turns only; the parts of a prompt with its completion stay as they
 * are, the end behind them. */
void chat_add(struct chat_text *x, const struct chat_template *c, enum part_role role, const char *text,
              size_t n);
/* Append what stands in front of an answer: the model goes on from there. */
void chat_ask(struct chat_text *x, const struct chat_template *c);
void chat_text_clear(struct chat_text *x); /* keeps the memory */
void chat_text_deinit(struct chat_text *x);

/* Append its tokens, as HF tokenizers makes them of the same text: what stands between two special tokens is
 * cut together. learned (may be NULL) gets a byte a token, 1 where it is learned: where any byte of it is. */
bool chat_encode(const struct chat_text *x, struct tokenizer *t, struct ids *out, struct buf *learned,
                 struct err *err);
/* chat_ask(), then the tokens of all, with the end-of-text in front where the format has it there: what a model
 * is given to answer. */
bool chat_encode_question(struct chat_text *x, const struct chat_template *c, struct tokenizer *t,
                          struct ids *out, struct err *err);
#endif
