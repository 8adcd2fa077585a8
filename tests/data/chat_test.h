/* chat_test.h - a vocabulary with special tokens of one's own. Include after data_test.h. */
#ifndef THAW_TESTS_DATA_CHAT_TEST_H
#define THAW_TESTS_DATA_CHAT_TEST_H
#include "engine/data/chat.h"

static const char learned_from[] =
    "Hello there, how are you? User: hi\nAssistant: hello\nthe fever the body the temperature";

/* The text of a tokenizer.json: words of learned_from, end-of-text, and n more specials. */
static inline struct buf vocabulary_json(const char *const *specials, int n) {
    static const char list[] = "\"added_tokens\": [";
    struct tokenizer *plain = train(learned_from, sizeof learned_from - 1, 300);
    struct buf file = {0}, out = {0};
    assert_true(tokenizer_save(plain, in_folder("plain.json"), NULL));
    assert_true(files_read(in_folder("plain.json"), 1 << 20, &file, NULL));
    const char *at = strstr(file.data, list);
    assert_non_null(at);
    at += sizeof list - 1;
    buf_add(&out, file.data, (size_t)(at - file.data));
    for (int i = 0; i < n; i++)
        buf_printf(&out, "{\"id\":%d,\"content\":\"%s\",\"special\":true},",
                   tokenizer_vocab(plain) + i, specials[i]);
    buf_str(&out, at);
    buf_deinit(&file);
    tokenizer_destroy(plain);
    return out;
}

/* The same as a tokenizer. Owner: the caller. */
static inline struct tokenizer *with_specials(const char *const *specials, int n) {
    struct buf json = vocabulary_json(specials, n);
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(json.data, json.len, &err);
    if (!t) fail_msg("%s", err.msg);
    buf_deinit(&json);
    return t;
}

/* The tokens' text; where `learned` is given, only of those. */
static inline void assert_text_of(const struct tokenizer *t, const int32_t *ids, size_t n,
                                  const uint8_t *learned, const char *want) {
    struct buf out = {0};
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *bytes = tokenizer_bytes(t, ids[i], &length);
        if (!learned || learned[i]) buf_add(&out, bytes, length);
    }
    assert_string_equal(buf_text(&out), want);
    buf_deinit(&out);
}
#endif
