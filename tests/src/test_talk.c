/* test_talk.c - one side of a conversation: what is remembered, what is dropped, what ends an
 * answer; and the stream of a text that stops before another. */
#include "run/run_model.h"

#include <unistd.h>

#include "engine/core/files.h"
#include "src/talk.h"

enum { CONTEXT = 96 };

static char model_folder[64];

/* A model of random weights in a folder: it says nothing sensible, but always the same. */
static int make_model(void **state) {
    struct tiny_model m;
    struct err err = {0};
    (void)state;
    strcpy(model_folder, "/tmp/thaw-talk-XXXXXX");
    if (!mkdtemp(model_folder)) return -1;
    tiny_init(&m, 1, CONTEXT);
    assert_ok(hf_model_save(model_folder, &m.weights, m.tokenizer, NULL, &err), err);
    tiny_deinit(&m);
    return 0;
}

static int remove_model(void **state) {
    (void)state;
    return files_remove_tree(model_folder, NULL) ? 0 : -1;
}

static void open_talk(struct talk *t, const char *format) {
    struct model_options o = {.tokenizer = NULL};
    struct err err = {0};
    assert_ok(talk_open(model_folder, &o, format ? chat_find(format) : NULL, t, &err), err);
}

static const struct sampling short_answers = {.tokens = 8, SAMPLING_DEFAULTS};

static struct talk_answer answer(struct talk *t, const char *line, uint64_t turn) {
    struct talk_plan plan = {.sampling = &short_answers, .turn = turn, .silent = true};
    struct talk_answer a;
    struct err err = {0};
    assert_ok(talk_answer(t, line, &plan, &a, &err), err);
    return a;
}

static void test_remembers(void **state) {
    (void)state;
    struct talk t;
    open_talk(&t, "plain");
    struct talk_answer first = answer(&t, "the fever", 0), second = answer(&t, "the song", 1);
    assert_int_equal(t.n, 4);
    assert_int_equal(t.turns[0].role, PART_USER);
    assert_string_equal(buf_text(&t.turns[0].text), "the fever");
    assert_int_equal(t.turns[1].role, PART_ASSISTANT);
    assert_string_equal(buf_text(&t.turns[1].text), buf_text(&first.stream.text));
    assert_true(second.stream.n_prompt > first.stream.n_prompt);
    assert_true(first.stream.ids.n - first.stream.n_prompt <= 8);
    assert_int_equal(first.stream.ids.data[0], tokenizer_eot(t.model.hf.tokenizer));
    talk_forget(&t);
    struct talk_answer again =
        answer(&t, "the fever", 0); /* the same, as if for the first time */
    assert_int_equal(again.stream.n_prompt, first.stream.n_prompt);
    assert_string_equal(buf_text(&again.stream.text), buf_text(&first.stream.text));
    text_stream_deinit(&first.stream);
    text_stream_deinit(&second.stream);
    text_stream_deinit(&again.stream);
    talk_close(&t);
}

static void test_system(void **state) {
    (void)state;
    struct talk t;
    struct err err = {0};
    open_talk(&t, "plain");
    struct talk_answer without = answer(&t, "the fever", 0);
    talk_forget(&t);
    assert_ok(talk_set_system(&t, "be warm", &err), err);
    struct talk_answer with = answer(&t, "the fever", 0);
    assert_true(with.stream.n_prompt > without.stream.n_prompt);
    talk_forget(&t);
    assert_ok(talk_set_system(&t, "", &err), err);
    struct talk_answer taken = answer(&t, "the fever", 0);
    assert_int_equal(taken.stream.n_prompt, without.stream.n_prompt);
    text_stream_deinit(&with.stream);
    text_stream_deinit(&without.stream);
    text_stream_deinit(&taken.stream);
    talk_close(&t);
}

/* The oldest question goes with its answer; the system's words and the last line stay. */
static void test_drops(void **state) {
    (void)state;
    struct talk t;
    size_t dropped = 0;
    struct err err = {0};
    open_talk(&t, "plain");
    assert_ok(talk_set_system(&t, "be warm", &err), err);
    for (uint64_t turn = 0; turn < 12; turn++) {
        struct talk_answer a = answer(&t, "the fever of the river", turn);
        dropped += a.dropped;
        assert_int_equal(t.n + dropped, 2 * (turn + 1));
        assert_int_equal(a.dropped % 2, 0);
        assert_true(a.stream.ids.n <= CONTEXT);
        assert_int_equal(t.turns[0].role, PART_USER);
        text_stream_deinit(&a.stream);
    }
    assert_true(dropped > 0);
    talk_close(&t);
}

/* It is refused, and nothing was said. */
static void test_too_long(void **state) {
    static const char *const formats[] = {"plain", NULL};
    (void)state;
    char line[8 * CONTEXT];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        struct talk t;
        open_talk(&t, formats[i]);
        struct talk_plan plan = {.sampling = &short_answers, .silent = true};
        struct talk_answer a;
        struct err err = {0};
        assert_false(talk_answer(&t, line, &plan, &a, &err));
        assert_int_equal(err.code, ERR_RANGE);
        assert_non_null(strstr(err.msg, "say less"));
        assert_int_equal(t.n, 0);
        a = answer(&t, "the fever", 0);
        text_stream_deinit(&a.stream);
        talk_close(&t);
    }
}

/* Without a template each line is as `thaw generate` has it. */
static void test_without_turns(void **state) {
    (void)state;
    struct talk t;
    struct ids ids = {0};
    struct err err = {0};
    open_talk(&t, NULL);
    assert_null(t.chat);
    struct talk_answer a = answer(&t, "the fever", 0), b = answer(&t, "the fever", 0);
    assert_int_equal(t.n, 0);
    assert_ok(prompt_encode(t.model.hf.tokenizer, "the fever", &ids, &err), err);
    assert_int_equal(a.stream.n_prompt, ids.n);
    assert_memory_equal(a.stream.ids.data, ids.data, ids.n * sizeof *ids.data);
    assert_string_equal(buf_text(&a.stream.text), buf_text(&b.stream.text));
    ids_deinit(&ids);
    text_stream_deinit(&a.stream);
    text_stream_deinit(&b.stream);
    talk_close(&t);
}

static void test_halt(void **state) {
    (void)state;
    struct talk t;
    volatile sig_atomic_t halt = 1;
    open_talk(&t, "plain");
    struct talk_plan plan = {.sampling = &short_answers, .silent = true, .halt = &halt};
    struct talk_answer a;
    struct err err = {0};
    assert_ok(talk_answer(&t, "the fever", &plan, &a, &err), err);
    assert_int_equal(a.stream.text.len, 0);
    assert_int_equal(t.n, 2);
    text_stream_deinit(&a.stream);
    talk_close(&t);
}

/* ---- the stream ---- */

/* Feed a text byte by byte; what the stream makes of it. */
static void assert_stream(const struct model *m, const char *text, const char *stop,
                          bool trimmed, const char *want) {
    struct cli_texts stops = {.n = stop != NULL};
    struct ids ids = {0};
    struct err err = {0};
    stops.at[0] = stop;
    struct text_stream s = {.model = m, .stops = &stops, .silent = true, .trimmed = trimmed};
    assert_ok(tokenizer_encode(m->hf.tokenizer, text, strlen(text), &ids, &err), err);
    bool more = true;
    for (size_t i = 0; more && i < ids.n; i++) {
        more = text_stream_token(&s, ids.data[i]);
        assert_true(s.shown <= s.text.len);
        assert_true(strncmp(buf_text(&s.text), want, s.shown) == 0); /* never more than that */
    }
    text_stream_end(&s);
    assert_string_equal(buf_text(&s.text), want);
    assert_int_equal(s.stopped, stop && strstr(text, stop));
    ids_deinit(&ids);
    text_stream_deinit(&s);
}

static void test_stream(void **state) {
    (void)state;
    struct talk t;
    open_talk(&t, NULL);
    const struct model *m = &t.model;
    assert_stream(m, "the fever", NULL, false, "the fever");
    assert_stream(m, " \n the fever ", NULL, true, "the fever ");
    assert_stream(m, "  ", NULL, true, "");
    assert_stream(m, "warm\nUser: hi", "\nUser:", true, "warm");
    assert_stream(m, "\nUser: hi", "\nUser:", false, "");
    assert_stream(m, "warm\nUses", "\nUser:", true, "warm\nUses");
    assert_stream(m, "a \xC3\xA9 b", "b", false, "a \xC3\xA9 ");
    assert_stream(m, "a \xC3", NULL, false, "a \xEF\xBF\xBD");
    talk_close(&t);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembers),     cmocka_unit_test(test_system),
        cmocka_unit_test(test_drops),         cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_without_turns), cmocka_unit_test(test_halt),
        cmocka_unit_test(test_stream)};
    return cmocka_run_group_tests_name("talk", tests, make_model, remove_model);
}
