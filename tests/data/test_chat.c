#include <stdio.h>

#include "check.h"
#include "tests/data/data_test.h"
/* after data_test.h */
#include "tests/data/chat_test.h"

/* ---- the formats ---- */

struct turn {
    enum part_role role;
    const char *text;
};

#define SYSTEM(s)                                                                              \
    { PART_SYSTEM, s }
#define USER(s)                                                                                \
    { PART_USER, s }
#define ANSWER(s)                                                                              \
    { PART_ASSISTANT, s }
#define IM_S "<|im_start|>"
#define IM_E "<|im_end|>\n"
#define HEAD(role) "<|start_header_id|>" role "<|end_header_id|>\n\n"

static const struct format_case {
    const char *name, *word;
    struct turn turns[5]; /* up to one without text */
    bool ask;
    const char *want, *learned; /* END stands for the tokenizer's own */
} format_cases[] = {
    {"chatml",
     "chatml",
     {USER("Hi"), ANSWER("Hello")},
     false,
     IM_S "user\nHi" IM_E IM_S "assistant\nHello" IM_E,
     "Hello<|im_end|>"},
    {"chatml: system, two turns, asked",
     "chatml",
     {SYSTEM("Be kind."), USER("Hi"), ANSWER("Hello"), USER("Bye")},
     true,
     IM_S "system\nBe kind." IM_E IM_S "user\nHi" IM_E IM_S "assistant\nHello" IM_E IM_S
          "user\nBye" IM_E IM_S "assistant\n",
     "Hello<|im_end|>"},
    {"chatml: blanks stay",
     "chatml",
     {USER(" Hi\n"), ANSWER("\nHello ")},
     false,
     IM_S "user\n Hi\n" IM_E IM_S "assistant\n\nHello " IM_E,
     "\nHello <|im_end|>"},
    {"llama3",
     "llama3",
     {USER("Hi\n"), ANSWER(" Hello ")},
     false,
     "<|begin_of_text|>" HEAD("user") "Hi<|eot_id|>" HEAD("assistant") "Hello<|eot_id|>",
     "Hello<|eot_id|>"},
    {"llama3: system, asked",
     "llama3",
     {SYSTEM("Be kind."), USER("Hi")},
     true,
     "<|begin_of_text|>" HEAD("system") "Be kind.<|eot_id|>" HEAD("user") "Hi<|eot_id|>" HEAD(
         "assistant"),
     ""},
    {"llama2",
     "llama2",
     {USER("Hi"), ANSWER("Hello"), USER("Bye"), ANSWER("Bye")},
     false,
     "<s>[INST] Hi [/INST] Hello </s><s>[INST] Bye [/INST] Bye </s>",
     " Hello </s> Bye </s>"},
    {"llama2: system, asked",
     "llama2",
     {SYSTEM("Be kind."), USER("Hi")},
     true,
     "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST]",
     ""},
    {"llama2: the assistant speaks first",
     "llama2",
     {SYSTEM("Be kind."), ANSWER("Hello")},
     false,
     "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\n [/INST] Hello </s>",
     " Hello </s>"},
    {"zephyr: system, asked",
     "zephyr",
     {SYSTEM("Be kind."), USER("Hi"), ANSWER("Hello"), USER("Bye")},
     true,
     "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello</s>\n<|user|>\nBye</s>\n"
     "<|assistant|>\n",
     "Hello</s>"},
    {"plain: system, asked",
     "plain",
     {SYSTEM("Be kind."), USER("Hi "), ANSWER("Hello"), USER("Bye")},
     true,
     "Be kind.\n\nUser: Hi\nAssistant: HelloEND\nUser: Bye\nAssistant:",
     " HelloEND"},
};

/* All bytes, or those that are learned. */
static void assert_bytes(const struct chat_text *x, bool learned, const char *want) {
    struct buf out = {0};
    size_t at = 0;
    for (size_t i = 0; i < x->n; at += x->pieces[i++].length) {
        if (learned && !x->pieces[i].learned) continue;
        if (x->pieces[i].end) buf_str(&out, "END");
        buf_add(&out, x->bytes.data + at, x->pieces[i].length);
    }
    assert_int_equal(at, x->bytes.len);
    assert_string_equal(buf_text(&out), want);
    buf_deinit(&out);
}

static void test_format(void **state) {
    const struct format_case *f = *state;
    const struct chat_template *c = chat_find(f->word);
    struct chat_text x = {.pieces = NULL};
    assert_non_null(c);
    assert_string_equal(chat_word(c), f->word);
    for (int round = 0; round < 2; round++) { /* a cleared one is as a new one */
        chat_text_clear(&x);
        for (size_t i = 0; i < COUNT(f->turns) && f->turns[i].text; i++)
            chat_add(&x, c, f->turns[i].role, f->turns[i].text, strlen(f->turns[i].text));
        if (f->ask) chat_ask(&x, c);
        assert_bytes(&x, false, f->want);
        assert_bytes(&x, true, f->learned);
    }
    chat_text_deinit(&x);
}

static void test_completion(void **state) {
    (void)state;
    struct chat_text x = {.pieces = NULL};
    chat_add(&x, NULL, PART_PROMPT, TEXT("fever :"));
    chat_add(&x, NULL, PART_COMPLETION, TEXT(" a rise"));
    assert_bytes(&x, false, "fever : a riseEND");
    assert_bytes(&x, true, " a riseEND");
    chat_text_deinit(&x);
}

/* ---- which ---- */

/* What we write of a format is found to be that one. */
static void test_signs(void **state) {
    (void)state;
    assert_null(chat_find("auto"));
    assert_null(chat_find("chatml "));
    for (int k = CHAT_AUTO + 1; k < CHAT_COUNT; k++)
        assert_ptr_equal(chat_of_jinja(chat_templates[k].jinja), &chat_templates[k]);
    assert_null(chat_of_jinja("{{ '<start_of_turn>user\\n' }}"));
    assert_null(chat_of_jinja("'<|user|>\\n' + content + '<|end|>\\n'"));
}

static const char *const chatml_specials[] = {"<|im_start|>", "<|im_end|>"};
static const char *const llama3_specials[] = {"<|begin_of_text|>", "<|start_header_id|>",
                                              "<|end_header_id|>", "<|eot_id|>"};

static void test_vocabulary(void **state) {
    (void)state;
    struct tokenizer *plain = with_specials(NULL, 0),
                     *chatml = with_specials(chatml_specials, 2),
                     *llama3 = with_specials(llama3_specials, 4),
                     *half = with_specials(chatml_specials, 1);
    assert_ptr_equal(chat_for(plain), &chat_templates[CHAT_PLAIN]);
    assert_ptr_equal(chat_for(half), &chat_templates[CHAT_PLAIN]);
    assert_ptr_equal(chat_for(chatml), &chat_templates[CHAT_CHATML]);
    assert_ptr_equal(chat_for(llama3), &chat_templates[CHAT_LLAMA3]);
    tokenizer_set_chat(llama3, &chat_templates[CHAT_PLAIN]);
    assert_ptr_equal(chat_for(llama3), &chat_templates[CHAT_PLAIN]);
    tokenizer_destroy(plain);
    tokenizer_destroy(chatml);
    tokenizer_destroy(llama3);
    tokenizer_destroy(half);
}

/* ---- tokens ---- */

static void assert_encoded(struct tokenizer *t, const struct chat_text *x, const char *all,
                           const char *learned) {
    struct ids ids = {0};
    struct buf mask = {0};
    struct err err = {0};
    if (!chat_encode(x, t, &ids, &mask, &err)) fail_msg("%s", err.msg);
    assert_int_equal(mask.len, ids.n);
    assert_text_of(t, ids.data, ids.n, NULL, all);
    assert_text_of(t, ids.data, ids.n, (const uint8_t *)mask.data, learned);
    ids_deinit(&ids);
    buf_deinit(&mask);
}

static size_t count_id(const struct ids *ids, int32_t id) {
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++) n += ids->data[i] == id;
    return n;
}

/* The format's special tokens are tokens; the same spelling in a message is text. */
static void test_specials(void **state) {
    (void)state;
    struct tokenizer *t = with_specials(chatml_specials, 2);
    const struct chat_template *c = chat_find("chatml");
    struct chat_text x = {.pieces = NULL};
    struct ids ids = {0};
    size_t length;
    int32_t end = tokenizer_special(t, TEXT("<|im_end|>x"), &length);
    assert_int_equal(length, 10);
    chat_add(&x, c, PART_USER, TEXT("hi<|im_end|>"));
    chat_add(&x, c, PART_ASSISTANT, TEXT("hello"));
    assert_encoded(
        t, &x,
        "<|im_start|>user\nhi<|im_end|><|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n",
        "hello<|im_end|>");
    assert_true(chat_encode(&x, t, &ids, NULL, NULL));
    assert_int_equal(count_id(&ids, end), 2); /* not the user's */
    ids_deinit(&ids);
    chat_text_deinit(&x);
    tokenizer_destroy(t);
}

/* A completion that begins inside a token: the token is learned. Its end is the model's own. */
static void test_border(void **state) {
    (void)state;
    struct tokenizer *t = with_specials(NULL, 0);
    struct chat_text x = {.pieces = NULL};
    chat_add(&x, NULL, PART_PROMPT, TEXT("hi the f"));
    chat_add(&x, NULL, PART_COMPLETION, TEXT("ever"));
    assert_encoded(t, &x, "hi the fever<|endoftext|>", "fever<|endoftext|>");
    chat_text_deinit(&x);
    tokenizer_destroy(t);
}

/* A tokenizer that composes: e and an accent become one character, and the mask follows. */
static void test_composed(void **state) {
    (void)state;
    struct buf json = vocabulary_json(NULL, 0), nfc = {0};
    const char *at = strstr(json.data, "\"normalizer\": null");
    assert_non_null(at);
    buf_add(&nfc, json.data, (size_t)(at - json.data));
    buf_str(&nfc, "\"normalizer\": {\"type\":\"NFC\"}");
    buf_str(&nfc, at + strlen("\"normalizer\": null"));
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(nfc.data, nfc.len, &err);
    if (!t) fail_msg("%s", err.msg);
    struct chat_text x = {.pieces = NULL};
    chat_add(&x, NULL, PART_PROMPT, TEXT("cafe\xcc\x81 cafe\xcc\x81 "));
    chat_add(&x, NULL, PART_COMPLETION, TEXT("e\xcc\x81!"));
    assert_encoded(t, &x, "caf\xc3\xa9 caf\xc3\xa9 \xc3\xa9!<|endoftext|>",
                   "\xc3\xa9!<|endoftext|>");
    chat_text_deinit(&x);
    buf_deinit(&json);
    buf_deinit(&nfc);
    tokenizer_destroy(t);
}

/* ---- folders ---- */

static struct tokenizer *load_with(const char *name, const char *text) {
    struct buf json = vocabulary_json(chatml_specials, 2);
    struct err err = {0};
    assert_true(files_remove_tree(in_folder("model"), NULL));
    assert_true(files_make_dirs(in_folder("model"), 0700, NULL));
    put_file("model/tokenizer.json", json.data, json.len);
    if (name) put_file(name, text, strlen(text));
    struct tokenizer *t = tokenizer_load(in_folder("model"), &err);
    if (!t) fail_msg("%s", err.msg);
    buf_deinit(&json);
    return t;
}

static void test_ends(void **state) {
    (void)state;
    char text[96];
    struct tokenizer *t = load_with(NULL, NULL);
    int eot = tokenizer_eot(t), end = tokenizer_vocab(t) - 1;
    assert_int_equal(tokenizer_end(t), eot);
    assert_false(tokenizer_is_end(t, end));
    assert_false(tokenizer_is_end(t, -1));
    tokenizer_destroy(t);
    snprintf(text, sizeof text, "{\"eos_token_id\":[%d,%d,-3,99999999]}", end, eot);
    t = load_with("model/generation_config.json", text);
    assert_int_equal(tokenizer_end(t), end);
    assert_true(tokenizer_is_end(t, end) && tokenizer_is_end(t, eot));
    assert_false(tokenizer_is_end(t, end - 1));
    tokenizer_destroy(t);
    snprintf(text, sizeof text, "{\"eos_token_id\":%d}", end);
    t = load_with("model/config.json", text);
    assert_int_equal(tokenizer_end(t), end);
    tokenizer_destroy(t);
    t = load_with("model/tokenizer_config.json",
                  "{\"eos_token\":{\"content\":\"<|im_end|>\"}}");
    assert_int_equal(tokenizer_end(t), end);
    tokenizer_destroy(t);
}

static void test_folder(void **state) {
    (void)state;
    struct tokenizer *t = load_with(NULL, NULL);
    assert_null(tokenizer_chat(t));
    assert_false(tokenizer_chat_foreign(t));
    tokenizer_destroy(t);
    t = load_with("model/tokenizer_config.json",
                  "{\"chat_template\":[{\"name\":\"tools\",\"template\":\"[INST]<<SYS>>\"},"
                  "{\"name\":\"default\",\"template\":\"'<|im_start|>'\"}]}");
    assert_ptr_equal(tokenizer_chat(t), chat_find("chatml"));
    tokenizer_destroy(t);
    t = load_with("model/chat_template.jinja", "{{ '<start_of_turn>' }}");
    assert_null(tokenizer_chat(t));
    assert_true(tokenizer_chat_foreign(t));
    tokenizer_destroy(t);
    struct err err = {0};
    put_file("model/generation_config.json", TEXT("{"));
    assert_null(tokenizer_load(in_folder("model"), &err));
    assert_non_null(strstr(err.msg, "generation_config.json"));
}

/* What is saved beside a tokenizer comes back; where there is nothing to say nothing is. */
static void test_saved(void **state) {
    (void)state;
    uint64_t bytes = 0;
    struct tokenizer *t = load_with(NULL, NULL);
    const char *model = in_folder("model");
    assert_true(tokenizer_save_folder(t, model, &bytes, NULL));
    assert_int_equal(bytes, 0);
    assert_false(files_exists(in_folder("model/tokenizer_config.json")));
    tokenizer_set_chat(t, chat_find("chatml"));
    int end = tokenizer_end(t), turn_end = tokenizer_vocab(t) - 1;
    assert_int_equal(end, tokenizer_eot(t));
    assert_true(tokenizer_is_end(t, turn_end));
    assert_true(tokenizer_save_folder(t, model, &bytes, NULL));
    assert_true(bytes > 0);
    tokenizer_destroy(t);
    t = tokenizer_load(model, NULL);
    assert_non_null(t);
    assert_ptr_equal(tokenizer_chat(t), chat_find("chatml"));
    assert_int_equal(tokenizer_end(t), end);
    assert_true(tokenizer_is_end(t, turn_end));
    tokenizer_destroy(t);
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_completion), cmocka_unit_test(test_signs),
        cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_specials),
        cmocka_unit_test(test_border),     cmocka_unit_test(test_composed),
        cmocka_unit_test(test_ends),       cmocka_unit_test(test_folder),
        cmocka_unit_test(test_saved)};
    struct CMUnitTest tests[COUNT(format_cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(format_cases); i++)
        tests[i] = (struct CMUnitTest){.name = format_cases[i].name,
                                       .test_func = test_format,
                                       .initial_state = (void *)&format_cases[i]};
    memcpy(tests + COUNT(format_cases), others, sizeof others);
    return cmocka_run_group_tests_name("chat", tests, make_folder, remove_folder);
}
