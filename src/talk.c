#include "src/talk.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"

/* ---- opening ---- */

bool talk_open(const char *word, const struct model_options *o,
               const struct chat_template *chat, struct talk *out, struct err *err) {
    *out = (struct talk){.chat = NULL};
    if (!model_open(word, o, &out->model, err)) return false;
    struct tokenizer *t = out->model.hf.tokenizer;
    if (chat) tokenizer_set_chat(t, chat);
    out->chat = tokenizer_chat(t);
    if (out->chat) tokenizer_set_chat(t, out->chat); /* its answers end as its turns do */
    out->decoder = decoder_create(&out->model.hf.table, 1, &out->model.ex, err);
    if (out->decoder) return true;
    talk_close(out);
    return false;
}

void talk_forget(struct talk *t) {
    for (size_t i = 0; i < t->n; i++) buf_deinit(&t->turns[i].text);
    t->n = 0;
}

void talk_close(struct talk *t) {
    talk_forget(t);
    free(t->turns);
    free(t->system);
    decoder_destroy(t->decoder);
    model_close(&t->model);
    *t = (struct talk){.chat = NULL};
}

/* ---- what was said ---- */

bool talk_set_system(struct talk *t, const char *text, struct err *err) {
    char *copy = *text ? strdup(text) : NULL;
    if (*text && !copy) return err_set(err, ERR_NOMEM, "no memory for the system's words");
    free(t->system);
    t->system = copy;
    return true;
}

static bool push_turn(struct talk *t, enum part_role role, const char *text, size_t n,
                      struct err *err) {
    if (t->n == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 16;
        struct talk_turn *turns = realloc(t->turns, capacity * sizeof *turns);
        if (!turns) return err_set(err, ERR_NOMEM, "no memory for %zu turns", capacity);
        t->turns = turns;
        t->capacity = capacity;
    }
    struct talk_turn *turn = &t->turns[t->n];
    *turn = (struct talk_turn){.role = role};
    if (!buf_add(&turn->text, text, n))
        return err_set(err, ERR_NOMEM, "no memory for a turn of %zu bytes", n);
    t->n++;
    return true;
}

static void pop_turn(struct talk *t) { buf_deinit(&t->turns[--t->n].text); }

/* The oldest question and its answer. */
static void drop_oldest(struct talk *t, size_t *dropped) {
    size_t n = t->n > 2 ? 2 : 0;
    for (size_t i = 0; i < n; i++) buf_deinit(&t->turns[i].text);
    memmove(t->turns, t->turns + n, (t->n - n) * sizeof *t->turns);
    t->n -= n;
    *dropped += n;
}

/* ---- asking ---- */

/* All that was said, up to where the answer begins, as tokens. */
static bool encode_turns(struct talk *t, struct ids *out, struct err *err) {
    struct tokenizer *tokenizer = t->model.hf.tokenizer;
    struct chat_text x = {.pieces = NULL};
    out->n = 0;
    if (t->system) chat_add(&x, t->chat, PART_SYSTEM, t->system, strlen(t->system));
    for (size_t i = 0; i < t->n; i++)
        chat_add(&x, t->chat, t->turns[i].role, buf_text(&t->turns[i].text),
                 t->turns[i].text.len);
    bool ok = chat_encode_question(&x, t->chat, tokenizer, out, err);
    chat_text_deinit(&x);
    return ok;
}

/* Room that an answer should have: what was asked for, but not so much that little can be
 * remembered. */
static size_t wanted_room(const struct talk *t, const struct sampling *o) {
    size_t most = (size_t)t->model.hf.table.config.context / 4;
    return (size_t)o->tokens < most ? (size_t)o->tokens : most > 0 ? most : 1;
}

/* The question with as much of what was before as fits. */
static bool ask(struct talk *t, const struct sampling *o, struct ids *out, size_t *dropped,
                struct err *err) {
    size_t context = (size_t)t->model.hf.table.config.context, room = wanted_room(t, o);
    if (!encode_turns(t, out, err)) return false;
    while (out->n + room > context && t->n > 2) {
        drop_oldest(t, dropped);
        if (!encode_turns(t, out, err)) return false;
    }
    return out->n + room <= context ||
           err_set(err, ERR_RANGE,
                   "the line takes %zu tokens with what belongs to it; with an answer %zu fit "
                   "into the model's context: say less",
                   out->n, context - room);
}

/* A line without turns: what the model goes on with. */
static bool ask_plainly(struct talk *t, const char *line, const struct sampling *o,
                        struct ids *out, struct err *err) {
    size_t context = (size_t)t->model.hf.table.config.context, room = wanted_room(t, o);
    if (!prompt_encode(t->model.hf.tokenizer, line, out, err)) return false;
    return out->n + room <= context ||
           err_set(err, ERR_RANGE, "the line takes %zu tokens; %zu fit: say less", out->n,
                   context - room);
}

/* ---- answering ---- */

/* What ends an answer beside the tokens that do: the format's own marks, where the vocabulary
 * has no such token, and what a model without any writes when it speaks for the user. */
static struct cli_texts stops_of(const struct talk *t, const struct sampling *o) {
    struct cli_texts stops = o->stops;
    size_t length, n = t->chat ? strlen(t->chat->end) : 0;
    const char *own = NULL;
    if (t->chat && n == 0) own = "\nUser:";
    else if (n > 0 && tokenizer_special(t->model.hf.tokenizer, t->chat->end, n, &length) < 0)
        own = t->chat->end;
    if (own && stops.n < CLI_TEXTS_MAX) stops.at[stops.n++] = own;
    return stops;
}

static bool make(struct talk *t, const struct talk_plan *plan, struct talk_answer *out,
                 struct err *err) {
    struct text_stream *s = &out->stream;
    struct cli_texts stops = stops_of(t, plan->sampling);
    struct ids made = {0};
    size_t left = (size_t)t->model.hf.table.config.context - s->ids.n;
    s->n_prompt = s->ids.n;
    s->model = &t->model;
    s->stops = &stops;
    s->silent = plan->silent;
    s->halt = plan->halt;
    s->trimmed = true;
    struct generate_plan g = {.prompt = s->ids.data,
                              .n_prompt = s->n_prompt,
                              .tokens = (size_t)plan->sampling->tokens < left
                                            ? (int)plan->sampling->tokens
                                            : (int)left,
                              .sampler = sampling_make(plan->sampling, plan->turn),
                              .token = text_stream_token,
                              .ctx = s,
                              .out = &made};
    double start = clock_now();
    bool ok = generate(t->decoder, &t->model.hf.weights, t->model.hf.tokenizer, &g, 1, err);
    out->seconds = clock_now() - start;
    if (ok) text_stream_end(s);
    s->stops = NULL; /* they were ours */
    ids_deinit(&made);
    return ok;
}

bool talk_answer(struct talk *t, const char *line, const struct talk_plan *plan,
                 struct talk_answer *out, struct err *err) {
    struct text_stream *s = &out->stream;
    *out = (struct talk_answer){.dropped = 0};
    bool ok = !t->chat || push_turn(t, PART_USER, line, strlen(line), err);
    if (!ok) return false;
    ok = t->chat ? ask(t, plan->sampling, &s->ids, &out->dropped, err)
                 : ask_plainly(t, line, plan->sampling, &s->ids, err);
    ok = ok && make(t, plan, out, err);
    if (t->chat && ok) ok = push_turn(t, PART_ASSISTANT, buf_text(&s->text), s->text.len, err);
    else if (t->chat) pop_turn(t);
    if (!ok) text_stream_deinit(s);
    return ok;
}
