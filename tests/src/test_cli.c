#include <string.h>

#include "check.h"
#include "src/cli.h"

enum { ARGS_MAX = 8 };

/* What a command with one option of each type has read. */
struct seen {
    bool flag;
    const char *text;
    struct cli_texts texts, words;
    int64_t whole;
    double real;
    int status;
    bool go;
};

static struct seen read_args(const char *const *args, int plain_after) {
    struct seen s = {.whole = 7, .real = 0.5, .status = -1};
    char *argv[ARGS_MAX + 2] = {(char *)"try"};
    int argc = 1;
    for (; args[argc - 1]; argc++) argv[argc] = (char *)args[argc - 1];
    const struct cli_option options[] = {
        {"--flag", NULL, "a flag", CLI_FLAG, &s.flag, 0, 0},
        {"--text", "T", "a text", CLI_TEXT, &s.text, 0, 0},
        {"--texts", "T", "texts", CLI_TEXTS, &s.texts, 0, 0},
        {"--whole", "N", "a whole number", CLI_WHOLE, &s.whole, 1, 9},
        {"--real", "X", "a number", CLI_REAL, &s.real, 0, 2},
    };
    const struct cli_spec spec = {.usage = "try [OPTIONS] WORD...",
                                  .options = options,
                                  .n_options = COUNT(options),
                                  .min_words = 1,
                                  .max_words = 3,
                                  .plain_after = plain_after};
    s.go = cli_read(&spec, argc, argv, &s.words, &s.status);
    return s;
}

static void test_all_types(void **state) {
    (void)state;
    static const char *const args[] = {"--flag", "a", "--text=x=y",  "--whole",
                                       "9",      "b", "--real=0.25", NULL};
    struct seen s = read_args(args, 0);
    assert_true(s.go && s.flag);
    assert_string_equal(s.text, "x=y");
    assert_int_equal(s.whole, 9);
    assert_true(s.real == 0.25);
    assert_int_equal(s.words.n, 2);
    assert_string_equal(s.words.at[1], "b");
}

static void test_defaults_and_repeats(void **state) {
    (void)state;
    static const char *const args[] = {"--texts", "a", "--texts", "-b", "w", NULL};
    struct seen s = read_args(args, 0);
    assert_true(s.go && !s.flag && !s.text);
    assert_int_equal(s.whole, 7);
    assert_int_equal(s.texts.n, 2);
    assert_string_equal(s.texts.at[1], "-b"); /* a value may look like an option */
}

static void test_end_of_options(void **state) {
    (void)state;
    static const char *const dashes[] = {"--", "--flag", "-", NULL};
    static const char *const plain[] = {"run", "sample", "--flag", NULL};
    struct seen s = read_args(dashes, 0);
    assert_true(s.go && !s.flag);
    assert_string_equal(s.words.at[0], "--flag");
    assert_string_equal(s.words.at[1], "-");
    s = read_args(plain, 1);
    assert_true(s.go && !s.flag);
    assert_int_equal(s.words.n, 3);
}

static void test_help(void **state) {
    (void)state;
    static const char *const args[] = {"--help", NULL}; /* even with a word missing */
    struct seen s = read_args(args, 0);
    assert_false(s.go);
    assert_int_equal(s.status, CLI_OK);
}

static const struct wrong {
    const char *name, *args[4];
} wrong[] = {
    {"no word", {NULL}},
    {"too many words", {"a", "b", "c", "d"}},
    {"unknown option", {"a", "--nope", NULL}},
    {"short option", {"a", "-f", NULL}},
    {"prefix of an option", {"a", "--fla", NULL}},
    {"option without value", {"a", "--text", NULL}},
    {"flag with value", {"a", "--flag=1", NULL}},
    {"whole number too large", {"a", "--whole", "10", NULL}},
    {"whole number too small", {"a", "--whole", "0", NULL}},
    {"fraction", {"a", "--whole", "1.5", NULL}},
    {"no number", {"a", "--real", "x", NULL}},
    {"nan", {"a", "--real", "nan", NULL}},
    {"empty number", {"a", "--real=", NULL}},
};

static void test_wrong(void **state) {
    const struct wrong *w = *state;
    const char *args[COUNT(w->args) + 1] = {NULL};
    memcpy(args, w->args, sizeof w->args);
    struct seen s = read_args(args, 0);
    assert_false(s.go);
    assert_int_equal(s.status, CLI_USAGE);
}

static void test_quote(void **state) {
    static const struct {
        const char *word, *quoted;
    } cases[] = {{"runs/medical/config.yaml", "runs/medical/config.yaml"},
                 {"", "''"},
                 {"my runs", "'my runs'"},
                 {"it's", "'it'\\''s'"},
                 {"$(x)", "'$(x)'"},
                 {"~a", "'~a'"},
                 {"caf\xC3\xA9", "'caf\xC3\xA9'"}};
    char out[32];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(cli_quote(cases[i].word, out, sizeof out));
        assert_string_equal(out, cases[i].quoted);
    }
    assert_true(cli_quote("abc", out, 4));
    assert_false(cli_quote("abc", out, 3));
    assert_true(cli_quote("a c", out, 6));
    assert_false(cli_quote("a c", out, 5));
}

int main(void) {
    const struct CMUnitTest single[] = {
        cmocka_unit_test(test_quote), cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_defaults_and_repeats), cmocka_unit_test(test_end_of_options),
        cmocka_unit_test(test_help)};
    struct CMUnitTest tests[COUNT(single) + COUNT(wrong)];
    memcpy(tests, single, sizeof single);
    for (size_t i = 0; i < COUNT(wrong); i++)
        tests[COUNT(single) + i] = (struct CMUnitTest){
            .name = wrong[i].name, .test_func = test_wrong, .initial_state = (void *)&wrong[i]};
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
