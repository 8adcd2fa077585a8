#include "engine/data/chat.h"

#include <stdlib.h>
#include <string.h>

const char *const chat_words[CHAT_COUNT] = {
    [CHAT_AUTO] = "auto",     [CHAT_CHATML] = "chatml", [CHAT_LLAMA3] = "llama3",
    [CHAT_LLAMA2] = "llama2", [CHAT_ZEPHYR] = "zephyr", [CHAT_PLAIN] = "plain"};

#define EACH_MESSAGE "{% for message in messages %}"
#define NEXT_MESSAGE "{% endfor %}"
#define ASKED "{% if add_generation_prompt %}"
#define CONTENT "message['content']"

const struct chat_template chat_templates[CHAT_COUNT] = {
    [CHAT_CHATML] = {.begin = "",
                     .system = {"<|im_start|>system\n", "<|im_end|>\n"},
                     .user = {"<|im_start|>user\n", "<|im_end|>\n"},
                     .assistant = {"<|im_start|>assistant\n", "\n"},
                     .blank = {"", ""},
                     .end = "<|im_end|>",
                     .sign = "<|im_start|>",
                     .jinja =
                         EACH_MESSAGE "{{ '<|im_start|>' + message['role'] + '\\n' + " CONTENT
                                      " + '<|im_end|>\\n' }}" NEXT_MESSAGE ASKED
                                      "{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    [CHAT_LLAMA3] = {.begin = "<|begin_of_text|>",
                     .system = {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
                     .user = {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
                     .assistant = {"<|start_header_id|>assistant<|end_header_id|>\n\n", ""},
                     .blank = {"", ""},
                     .end = "<|eot_id|>",
                     .trimmed = true,
                     .sign = "<|start_header_id|>",
                     .jinja = "{{ '<|begin_of_text|>' }}" EACH_MESSAGE
                              "{{ '<|start_header_id|>' + message['role'] + "
                              "'<|end_header_id|>\\n\\n' + " CONTENT
                              " | trim + '<|eot_id|>' }}" NEXT_MESSAGE ASKED
                              "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
                              "{% endif %}"},
    [CHAT_LLAMA2] = {.begin = "",
                     .system = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
                     .user = {"<s>[INST] ", " [/INST]"},
                     .assistant = {"", ""},
                     .blank = {" ", " "},
                     .end = "</s>",
                     .system_in_user = true,
                     .trimmed = true,
                     .sign = "<<SYS>>",
                     .jinja = "{% set held = namespace(system='') %}" EACH_MESSAGE
                              "{% if message['role'] == 'system' %}{% set held.system = "
                              "'<<SYS>>\\n' + " CONTENT " | trim + '\\n<</SYS>>\\n\\n' %}"
                              "{% elif message['role'] == 'user' %}{{ '<s>[INST] ' + "
                              "held.system + " CONTENT " | trim + ' [/INST]' }}"
                              "{% set held.system = '' %}{% else %}{{ ' ' + " CONTENT
                              " | trim + ' </s>' }}{% endif %}" NEXT_MESSAGE},
    [CHAT_ZEPHYR] = {.begin = "",
                     .system = {"<|system|>\n", "</s>\n"},
                     .user = {"<|user|>\n", "</s>\n"},
                     .assistant = {"<|assistant|>\n", "\n"},
                     .blank = {"", ""},
                     .end = "</s>",
                     .sign = "<|user|>",
                     .other = "<|end|>", /* Phi's has the same roles with another end */
                     .jinja = EACH_MESSAGE "{{ '<|' + message['role'] + '|>\\n' + " CONTENT
                                           " + '</s>\\n' }}" NEXT_MESSAGE ASKED
                                           "{{ '<|assistant|>\\n' }}{% endif %}"
                                           "{# <|user|> #}"},
    [CHAT_PLAIN] = {.begin = "",
                    .system = {"", "\n\n"},
                    .user = {"User: ", "\n"},
                    .assistant = {"Assistant:", "\n"},
                    .blank = {" ", ""},
                    .end = "",
                    .trimmed = true,
                    .led = true,
                    .sign = "User: ",
                    .jinja = "{{ bos_token }}" EACH_MESSAGE
                             "{% if message['role'] == 'system' %}{{ " CONTENT
                             " | trim + '\\n\\n' }}{% elif message['role'] == 'user' %}"
                             "{{ 'User: ' + " CONTENT
                             " | trim + '\\n' }}{% else %}{{ 'Assistant: ' + " CONTENT
                             " | trim + eos_token + '\\n' }}{% endif %}" NEXT_MESSAGE ASKED
                             "{{ 'Assistant:' }}{% endif %}"},
};

/* ---- which ---- */

const struct chat_template *chat_find(const char *word) {
    for (int k = CHAT_AUTO + 1; k < CHAT_COUNT; k++)
        if (strcmp(word, chat_words[k]) == 0) return &chat_templates[k];
    return NULL;
}

const struct chat_template *chat_of_jinja(const char *text) {
    for (int k = CHAT_AUTO + 1; k < CHAT_COUNT; k++) {
        const struct chat_template *c = &chat_templates[k];
        if (strstr(text, c->sign) && !(c->other && strstr(text, c->other))) return c;
    }
    return NULL;
}

static bool has_special(const struct tokenizer *t, const char *word) {
    size_t length, n = strlen(word);
    return tokenizer_special(t, word, n, &length) >= 0 && length == n;
}

const struct chat_template *chat_for(const struct tokenizer *t) {
    static const enum chat_kind with_specials[] = {CHAT_CHATML, CHAT_LLAMA3, CHAT_ZEPHYR};
    if (tokenizer_chat(t)) return tokenizer_chat(t);
    for (size_t i = 0; i < sizeof with_specials / sizeof *with_specials; i++) {
        const struct chat_template *c = &chat_templates[with_specials[i]];
        if (has_special(t, c->sign) && has_special(t, c->end)) return c;
    }
    return &chat_templates[CHAT_PLAIN];
}

/* ---- writing ---- */

static void add_piece(struct chat_text *x, const char *text, size_t n,
                      struct chat_piece piece) {
    if (n == 0 && !piece.end) return;
    if (x->n == x->capacity) {
        size_t capacity = x->capacity ? 2 * x->capacity : 16;
        struct chat_piece *pieces = realloc(x->pieces, capacity * sizeof *pieces);
        x->bytes.failed |= !pieces;
        if (!pieces) return;
        x->pieces = pieces;
        x->capacity = capacity;
    }
    piece.length = (uint32_t)n;
    x->pieces[x->n++] = piece;
    buf_add(&x->bytes, text, n);
}

static void add_marker(struct chat_text *x, const char *text, bool learned) {
    add_piece(x, text, strlen(text), (struct chat_piece){.marker = true, .learned = learned});
}

static void add_end(struct chat_text *x, const char *end) {
    if (*end) add_marker(x, end, true);
    else add_piece(x, "", 0, (struct chat_piece){.end = true, .learned = true});
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static void add_words(struct chat_text *x, const struct chat_template *c, const char *text,
                      size_t n, bool learned) {
    while (c->trimmed && n > 0 && is_blank(text[n - 1])) n--;
    for (; c->trimmed && n > 0 && is_blank(*text); n--) text++;
    add_piece(x, text, n, (struct chat_piece){.learned = learned});
}

static void begin(struct chat_text *x, const struct chat_template *c) {
    if (x->n == 0) add_marker(x, c->begin, false);
}

static void add_system(struct chat_text *x, const struct chat_template *c, const char *text,
                       size_t n) {
    if (c->system_in_user) add_marker(x, c->user.before, false);
    add_marker(x, c->system.before, false);
    add_words(x, c, text, n, false);
    add_marker(x, c->system.after, false);
    x->user_open = c->system_in_user;
}

static void close_user(struct chat_text *x, const struct chat_template *c) {
    if (x->user_open) add_marker(x, c->user.after, false);
    x->user_open = false;
}

static void add_user(struct chat_text *x, const struct chat_template *c, const char *text,
                     size_t n) {
    if (!x->user_open) add_marker(x, c->user.before, false);
    add_words(x, c, text, n, false);
    x->user_open = true;
    close_user(x, c);
}

static void add_answer(struct chat_text *x, const struct chat_template *c, const char *text,
                       size_t n) {
    add_marker(x, c->assistant.before, false);
    add_marker(x, c->blank[0], true);
    add_words(x, c, text, n, true);
    add_marker(x, c->blank[1], true);
    add_end(x, c->end);
    add_marker(x, c->assistant.after, false);
}

void chat_add(struct chat_text *x, const struct chat_template *c, enum part_role role,
              const char *text, size_t n) {
    bool completion = role == PART_COMPLETION;
    if (completion || role == PART_PROMPT) {
        add_piece(x, text, n, (struct chat_piece){.learned = completion});
        if (completion) add_end(x, "");
        return;
    }
    begin(x, c);
    if (role == PART_SYSTEM) {
        add_system(x, c, text, n);
    } else if (role == PART_USER) {
        add_user(x, c, text, n);
    } else {
        close_user(x, c);
        add_answer(x, c, text, n);
    }
}

void chat_ask(struct chat_text *x, const struct chat_template *c) {
    begin(x, c);
    close_user(x, c);
    add_marker(x, c->assistant.before, false);
}

void chat_text_clear(struct chat_text *x) {
    buf_clear(&x->bytes);
    x->n = 0;
    x->user_open = false;
}

void chat_text_deinit(struct chat_text *x) {
    buf_deinit(&x->bytes);
    free(x->pieces);
    *x = (struct chat_text){.pieces = NULL};
}
