/* fuzz_chat.c - any bytes as conversations for a model: what a model's folder says of them
 * (tokenizer_config.json, chat_template.jinja and generation_config.json, each up to a line
 * "%%"), then JSON Lines with texts, prompts, messages. Refused with a message, or tokens whose
 * text is the conversation, of which only the format's own are special ones. The first byte
 * chooses the kind of vocabulary. Built as a libFuzzer target, and into test_fuzz_chat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/chat.h"
#include "engine/data/tokenizer_parts.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void require_told(bool good, const struct err *err) {
    require(good || (err->code != ERR_NONE && err->msg[0] != '\0'));
}

/* All bytes, two longer tokens, and the special ones of every format. */
static struct tokenizer *make_vocabulary(enum tokenizer_kind kind) {
    static const char *const specials[] = {"<|endoftext|>",
                                           "<|im_start|>",
                                           "<|im_end|>",
                                           "<|begin_of_text|>",
                                           "<|start_header_id|>",
                                           "<|end_header_id|>",
                                           "<|eot_id|>",
                                           "<s>",
                                           "</s>"};
    struct tokenizer_steps steps = {.kind = kind, .pretoken = PRETOKEN_GPT2};
    struct tokenizer *t = tokenizer_create(&steps, NULL);
    require(t != NULL);
    for (int b = 0; b < 256; b++)
        require(tokenizer_put_token(t, &(char){(char)b}, 1, false, NULL));
    require(tokenizer_put_token(t, "he", 2, false, NULL) &&
            tokenizer_put_token(t, " he", 3, false, NULL));
    require(tokenizer_put_merge(t, (struct merge){'h', 'e', 256, 0}, NULL) &&
            tokenizer_put_merge(t, (struct merge){' ', 256, 257, 1}, NULL));
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        require(tokenizer_put_token(t, specials[i], strlen(specials[i]), true, NULL));
    for (int b = 0; b < 256; b++) t->byte_id[b] = b;
    require(tokenizer_finish(t, NULL));
    return t;
}

/* The one of that kind, made at the first call, as if no folder had been read. */
static struct tokenizer *vocabulary(enum tokenizer_kind kind) {
    static struct tokenizer *made[2];
    static int n_ends;
    if (!made[kind]) {
        made[kind] = make_vocabulary(kind);
        n_ends = made[kind]->n_ends;
    }
    made[kind]->n_ends = n_ends;
    made[kind]->chat = NULL;
    made[kind]->given_chat = made[kind]->foreign_chat = false;
    return made[kind];
}

/* ---- what was encoded ---- */

static size_t specials_of(const struct tokenizer *t, const struct ids *ids) {
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++) n += tokenizer_is_special(t, ids->data[i]);
    return n;
}

/* The same conversation in which every byte that people said is an 'x'. */
static size_t specials_of_format(const struct chat_text *x, struct tokenizer *t) {
    struct chat_text plain = *x;
    struct ids ids = {0};
    plain.bytes = (struct buf){0};
    buf_add(&plain.bytes, buf_text(&x->bytes), x->bytes.len);
    char *at = plain.bytes.data;
    for (size_t i = 0; i < x->n; at += x->pieces[i++].length)
        if (!x->pieces[i].marker && x->pieces[i].length > 0)
            memset(at, 'x', x->pieces[i].length);
    require(chat_encode(&plain, t, &ids, NULL, NULL));
    size_t n = specials_of(t, &ids);
    buf_deinit(&plain.bytes);
    ids_deinit(&ids);
    return n;
}

/* The pieces' bytes, an end as the token that it is. */
static void put_text(const struct chat_text *x, const struct tokenizer *t, struct buf *out) {
    const char *at = buf_text(&x->bytes);
    for (size_t i = 0; i < x->n; at += x->pieces[i++].length) {
        size_t n = x->pieces[i].length;
        const char *text = x->pieces[i].end ? tokenizer_bytes(t, tokenizer_end(t), &n) : at;
        buf_add(out, text ? text : "", n);
    }
}

static void check_ids(const struct chat_text *x, struct tokenizer *t, const struct ids *ids,
                      const struct buf *learned) {
    struct buf want = {0}, have = {0};
    bool any = false;
    require(learned->len == ids->n && specials_of(t, ids) == specials_of_format(x, t));
    for (size_t i = 0; i < x->n; i++) any |= x->pieces[i].learned;
    require(any || !memchr(buf_text(learned), 1, learned->len));
    put_text(x, t, &want);
    for (size_t i = 0, n; i < ids->n; i++) {
        const char *bytes = tokenizer_bytes(t, ids->data[i], &n);
        buf_add(&have, bytes, n);
    }
    if (!tokenizer_is_sentencepiece(t)) /* which puts spaces in front */
        require(have.len == want.len &&
                memcmp(buf_text(&have), buf_text(&want), want.len) == 0);
    buf_deinit(&want);
    buf_deinit(&have);
}

static void check_unit(const struct source_text *s, const struct unit *u, struct tokenizer *t) {
    const struct chat_template *chat = chat_for(t);
    struct chat_text x = {.n = 0};
    struct ids ids = {0};
    struct buf learned = {0};
    struct err err = {0};
    require(u->n_parts <= s->n_parts && u->first_part <= s->n_parts - u->n_parts);
    for (uint32_t i = 0; i < u->n_parts; i++) {
        const struct part *p = &s->parts[u->first_part + i];
        require(p->offset <= s->bytes.len && p->length <= s->bytes.len - p->offset);
        chat_add(&x, chat, p->role, buf_text(&s->bytes) + p->offset, p->length);
    }
    bool good = chat_encode(&x, t, &ids, &learned, &err);
    require_told(good, &err);
    if (good) check_ids(&x, t, &ids, &learned);
    if (good) require_told(chat_encode_question(&x, chat, t, &ids, &err), &err);
    chat_text_deinit(&x);
    ids_deinit(&ids);
    buf_deinit(&learned);
}

/* What the folder is told of it, it tells as well. */
static void read_again(struct tokenizer *t) {
    const struct chat_template *chat = tokenizer_chat(t);
    uint64_t bytes = 0;
    int end = tokenizer_end(t);
    if (!chat) return;
    require(tokenizer_save_folder(t, folder_path(), &bytes, NULL) && bytes > 0);
    struct tokenizer *again = vocabulary(t->steps.kind);
    require(tokenizer_read_folder(again, folder_path(), NULL));
    require(tokenizer_chat(again) == chat && tokenizer_end(again) == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct folder_part parts[4];
    struct source_text s = {.units = NULL};
    struct err err = {0};
    char spec[300];
    if (size == 0) return 0;
    struct tokenizer *t =
        vocabulary(data[0] & 1 ? TOKENIZER_SENTENCEPIECE : TOKENIZER_BYTE_LEVEL);
    folder_cut(data + 1, size - 1, parts, 4);
    folder_put("tokenizer_config.json", parts[0]);
    folder_put("chat_template.jinja", parts[1]);
    folder_put("generation_config.json", parts[2]);
    snprintf(spec, sizeof spec, "jsonl:%s", folder_put("lines.jsonl", parts[3]));
    bool good = tokenizer_read_folder(t, folder_path(), &err) && source_read(spec, &s, &err);
    require_told(good, &err);
    for (size_t i = 0; good && i < s.n_units; i++) check_unit(&s, &s.units[i], t);
    if (good) read_again(t);
    source_deinit(&s);
    return 0;
}
