#include "engine/core/json.h"
#include "engine/run/command.h"
#include "tests/run/run_test.h"

static bool same(const struct command *a, const struct command *b) {
    return a->kind == b->kind && a->id == b->id && strcmp(a->text, b->text) == 0 &&
           a->number == b->number && strcmp(a->by, b->by) == 0 && a->has_seed == b->has_seed &&
           a->seed == b->seed && a->has_temperature == b->has_temperature &&
           a->temperature == b->temperature && a->has_lr == b->has_lr &&
           a->has_freeze == b->has_freeze && a->has_step == b->has_step && a->step == b->step &&
           strcmp(a->name, b->name) == 0;
}

/* --- words */

enum { WORDS = 8 };

static int count(const char *const words[WORDS]) {
    int n = 0;
    while (n < WORDS && words[n]) n++;
    return n;
}

static const struct words_case {
    const char *words[WORDS];
    enum command_kind kind;
    const char *text;
    double number;
} words_cases[] = {
    {{"freeze", "0-3"}, COMMAND_FREEZE, "0-3", 0},
    {{"freeze", "embed,", "0-3", ",", "norm"}, COMMAND_FREEZE, "embed,0-3,norm", 0},
    {{"unfreeze", "block.2.mlp", "norm"}, COMMAND_UNFREEZE, "block.2.mlp,norm", 0},
    {{"lr", "2e-4"}, COMMAND_LR, "", 2e-4},
    {{"pause"}, COMMAND_PAUSE, "", 0},
    {{"resume"}, COMMAND_RESUME, "", 0},
    {{"single-step"}, COMMAND_SINGLE_STEP, "", 0},
    {{"next-stage"}, COMMAND_NEXT_STAGE, "", 0},
    {{"checkpoint"}, COMMAND_CHECKPOINT, "", 0},
    {{"fork"}, COMMAND_FORK, "", 0},
    {{"rollback"}, COMMAND_ROLLBACK, "", 0},
    {{"sample", "fever", ":"}, COMMAND_SAMPLE, "fever :", 0},
    {{"sample", "--", "--seed"}, COMMAND_SAMPLE, "--seed", 0},
    {{"eval"}, COMMAND_EVAL, "", 0},
    {{"stop"}, COMMAND_STOP, "", 0},
};

static void test_words(void **state) {
    (void)state;
    bool seen[COMMAND_COUNT] = {false};
    for (size_t i = 0; i < COUNT(words_cases); i++) {
        const struct words_case *c = &words_cases[i];
        struct command got;
        struct err err = {0};
        assert_ok(command_from_words(c->words, count(c->words), &got, &err), err);
        struct command want = {.kind = c->kind, .number = c->number};
        strcpy(want.text, c->text);
        if (!same(&got, &want)) fail_msg("%s %s: \"%s\"", c->words[0], c->words[1], got.text);
        seen[c->kind] = true;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) assert_true(seen[i]);
}

static void test_sample_options(void **state) {
    (void)state;
    static const char *const words[] = {"sample", "--temperature", "0.5", "--seed", "7", "a",
                                        "b"};
    struct command c;
    struct err err = {0};
    assert_ok(command_from_words(words, COUNT(words), &c, &err), err);
    assert_true(c.has_seed && c.seed == 7 && c.has_temperature && c.temperature == 0.5);
    assert_string_equal(c.text, "a b");
    struct buf typed = {0};
    command_to_words(&c, &typed);
    assert_string_equal(buf_text(&typed), "sample --seed 7 --temperature 0.5 \"a b\"");
    buf_deinit(&typed);
}

static void test_fork_options(void **state) {
    (void)state;
    static const char *const words[] = {"fork", "--lr",     "1e-4", "--name",
                                        "b-2",  "--freeze", "0-3"};
    struct command c;
    struct err err = {0};
    struct buf typed = {0};
    assert_ok(command_from_words(words, COUNT(words), &c, &err), err);
    assert_string_equal(c.name, "b-2");
    assert_true(c.has_freeze && c.has_lr && c.number == 1e-4);
    assert_string_equal(c.text, "0-3");
    command_to_words(&c, &typed);
    assert_string_equal(buf_text(&typed), "fork --name b-2 --freeze 0-3 --lr 0.0001");
    buf_deinit(&typed);
}

/* The rate stands on either side of the step, and both may be left out. */
static void test_rollback_arguments(void **state) {
    (void)state;
    static const struct {
        const char *words[WORDS], *typed;
        int64_t step; /* -1: none */
        double lr;    /* 0: none */
    } cases[] = {
        {{"rollback"}, "rollback", -1, 0},
        {{"rollback", "300"}, "rollback 300", 300, 0},
        {{"rollback", "--lr", "1e-4"}, "rollback --lr 0.0001", -1, 1e-4},
        {{"rollback", "0", "--lr", "1e-4"}, "rollback 0 --lr 0.0001", 0, 1e-4},
        {{"rollback", "--lr", "0.5", "7"}, "rollback 7 --lr 0.5", 7, 0.5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct command c;
        struct err err = {0};
        struct buf typed = {0};
        assert_ok(command_from_words(cases[i].words, count(cases[i].words), &c, &err), err);
        assert_int_equal(c.has_step ? c.step : -1, cases[i].step);
        assert_true((c.has_lr ? c.number : 0) == cases[i].lr);
        command_to_words(&c, &typed);
        assert_string_equal(buf_text(&typed), cases[i].typed);
        buf_deinit(&typed);
    }
}

/* Every option of the table belongs to a verb whose help names it. */
static void test_options_are_told(void **state) {
    (void)state;
    int n = 0;
    for (int kind = 0; kind < COMMAND_COUNT; kind++) {
        const char *word, *value;
        for (int i = 0; command_option((enum command_kind)kind, i, &word, &value); i++, n++) {
            char both[64];
            snprintf(both, sizeof both, "%s %s", word, value);
            assert_non_null(strstr(command_infos[kind].help, both));
        }
    }
    assert_int_equal(n, 6);
}

static const struct bad_words_case {
    const char *words[WORDS], *says;
} bad_words_cases[] = {
    {{NULL}, "which command?"},
    {{"fly"}, "there is no command \"fly\"; there are freeze, unfreeze"},
    {{"freeze"}, "freeze needs groups: freeze GROUPS"},
    {{"freeze", ""}, "freeze needs groups"},
    {{"lr"}, "lr needs one number"},
    {{"lr", "1e-3", "1e-4"}, "lr needs one number"},
    {{"lr", "fast"}, "lr must be a number"},
    {{"lr", "0"}, "lr must be above 0 and at most 1"},
    {{"lr", "-1"}, "lr must be above 0"},
    {{"lr", "1.5"}, "at most 1"},
    {{"pause", "now"}, "pause takes no argument"},
    {{"pause", "--now"}, "pause takes no argument"},
    {{"fork", "other"}, "fork takes options alone, such as --name N, not \"other\""},
    {{"fork", "--step", "3"}, "fork has no option --step; it has --name, --freeze and --lr"},
    {{"fork", "--name"}, "--name needs a value"},
    {{"fork", "--name", "../up"}, "no name for a run"},
    {{"fork", "--freeze", ""}, "--freeze needs GROUPS"},
    {{"fork", "--lr", "0"}, "lr must be above 0 and at most 1"},
    {{"fork", "--lr", "slow"}, "lr must be a number"},
    {{"rollback", "-1"}, "step must be a whole number, 0 or more"},
    {{"rollback", "last"}, "step must be a whole number, not \"last\""},
    {{"rollback", "3", "4"}, "rollback takes one step"},
    {{"rollback", "--name", "a"}, "rollback has no option --name; it has --lr"},
    {{"sample"}, "sample needs prompt"},
    {{"sample", "--seed", "3"}, "sample needs prompt"},
    {{"sample", "--seed"}, "--seed needs a value"},
    {{"sample", "--seed", "x", "a"}, "seed must be a whole number"},
    {{"sample", "--seed", "-1", "a"}, "seed must be a whole number, 0 or more"},
    {{"sample", "--seed", "9007199254740992", "a"}, "seed must be 0 to 9007199254740991"},
    {{"sample", "--temperature", "hot", "a"}, "temperature must be a number"},
    {{"sample", "--temperature", "-1", "a"}, "temperature must be 0 to 100"},
    {{"sample", "--loud", "1", "a"}, "sample has no option --loud"},
    {{"sample", "caf\xe9"}, "prompt must be valid UTF-8"},
};

static void test_bad_words(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(bad_words_cases); i++) {
        const struct bad_words_case *b = &bad_words_cases[i];
        struct command c;
        struct err err = {0};
        if (command_from_words(b->words, count(b->words), &c, &err)) fail_msg("%s", b->says);
        assert_int_equal(err.code, ERR_USAGE);
        assert_says(&err, b->says);
    }
}

static void test_long_text(void **state) {
    (void)state;
    char text[600];
    const char *words[] = {"sample", text};
    struct command c;
    struct err err = {0};
    memset(text, 'x', sizeof text);
    text[480] = '\0';
    assert_false(command_from_words(words, 2, &c, &err));
    assert_says(&err, "prompt must be at most 479 bytes");
    text[479] = '\0';
    assert_ok(command_from_words(words, 2, &c, &err), err);
    assert_int_equal(strlen(c.text), 479);
}

/* --- JSON */

static bool from_json(const char *line, struct command *out, struct err *err) {
    return command_from_json(line, strlen(line), out, err);
}

/* The whole table there and back, with text that has to be escaped. */
static void test_json_round_trip(void **state) {
    (void)state;
    for (int kind = 0; kind < COMMAND_COUNT; kind++) {
        const struct command_info *info = &command_infos[kind];
        struct command c = {.kind = (enum command_kind)kind, .id = INT64_C(1) << 40}, back;
        struct err err = {0};
        struct buf line = {0};
        strcpy(c.by, "a \"class\"");
        c.has_lr = kind == COMMAND_FORK || kind == COMMAND_ROLLBACK;
        c.has_step = info->type == ARGUMENT_STEP;
        c.has_freeze = kind == COMMAND_FORK;
        if (c.has_step) c.step = INT64_C(1) << 40;
        if (c.has_freeze) strcpy(c.name, "other-2");
        if (c.has_lr || info->type == ARGUMENT_NUMBER) c.number = 0.1 / 3;
        if (c.has_freeze || info->type == ARGUMENT_GROUPS || info->type == ARGUMENT_TEXT)
            strcpy(c.text, "\xc3\xa9 \\ \"\n\x1b");
        if (kind == COMMAND_SAMPLE) {
            c.has_seed = c.has_temperature = true;
            c.seed = UINT64_C(9007199254740991);
            c.temperature = 0.7 / 3;
        }
        command_to_json(&c, &line);
        assert_ptr_equal(memchr(line.data, '\n', line.len), line.data + line.len - 1);
        assert_ok(command_from_json(line.data, line.len, &back, &err), err);
        if (!same(&c, &back)) fail_msg("%s", line.data);
        buf_deinit(&line);
    }
}

static void test_json_as_documented(void **state) {
    (void)state;
    struct command c;
    struct err err = {0};
    struct buf line = {0};
    assert_ok(from_json("{\"id\":1,\"do\":\"freeze\",\"groups\":\"0-3\",\"by\":\"screen\"}", &c,
                        &err),
              err);
    assert_int_equal(c.kind, COMMAND_FREEZE);
    assert_int_equal(c.id, 1);
    assert_string_equal(c.text, "0-3");
    assert_string_equal(c.by, "screen");
    command_to_json(&c, &line);
    assert_string_equal(line.data,
                        "{\"id\":1,\"do\":\"freeze\",\"groups\":\"0-3\",\"by\":\"screen\"}\n");
    buf_deinit(&line);
    assert_ok(from_json("{\"do\":\"sample\",\"prompt\":\"a\",\"later\":[1]}", &c, &err), err);
    assert_false(c.has_seed || c.has_temperature);
}

static const struct bad_json_case {
    const char *line;
    int64_t id;
    const char *says;
} bad_json_cases[] = {
    {"", 0, "line 1"},
    {"freeze", 0, "line 1"},
    {"[]", 0, "an object with a \"do\""},
    {"{\"id\":4}", 4, "an object with a \"do\""},
    {"{\"id\":5,\"do\":7}", 5, "an object with a \"do\""},
    {"{\"id\":6,\"do\":\"fly\"}", 6, "there is no command \"fly\""},
    {"{\"id\":7,\"do\":\"freeze\"}", 7, "freeze needs \"groups\": a text"},
    {"{\"id\":8,\"do\":\"freeze\",\"groups\":3}", 8, "freeze needs \"groups\": a text"},
    {"{\"id\":8,\"do\":\"freeze\",\"groups\":\"\"}", 8, "freeze needs groups"},
    {"{\"id\":8,\"do\":\"freeze\",\"groups\":\"a\\u0000b\"}", 8, "bytes of text"},
    {"{\"id\":9,\"do\":\"lr\",\"lr\":\"1e-3\"}", 9, "lr needs \"lr\": a number"},
    {"{\"id\":9,\"do\":\"lr\",\"lr\":2}", 9, "lr must be above 0 and at most 1"},
    {"{\"id\":9,\"do\":\"sample\",\"prompt\":\"a\",\"seed\":-1}", 9,
     "\"seed\" must be a whole"},
    {"{\"id\":9,\"do\":\"sample\",\"prompt\":\"a\",\"seed\":1.5}", 9,
     "\"seed\" must be a whole"},
    {"{\"id\":9,\"do\":\"sample\",\"prompt\":\"a\",\"temperature\":\"hot\"}", 9, "temperature"},
    {"{\"id\":9,\"do\":\"fork\",\"name\":7}", 9, "\"name\" must be a text"},
    {"{\"id\":9,\"do\":\"fork\",\"name\":\".\"}", 9, "no name for a run"},
    {"{\"id\":9,\"do\":\"fork\",\"freeze\":\"a\\u0000b\"}", 9, "freeze must be at most"},
    {"{\"id\":9,\"do\":\"fork\",\"lr\":\"1\"}", 9, "\"lr\" must be a number"},
    {"{\"id\":9,\"do\":\"rollback\",\"step\":1.5}", 9, "step must be a whole number"},
    {"{\"id\":9,\"do\":\"rollback\",\"step\":\"1\"}", 9, "step must be a whole number"},
    {"{\"id\":9,\"do\":\"rollback\",\"lr\":2}", 9, "lr must be above 0 and at most 1"},
};

static void test_bad_json(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(bad_json_cases); i++) {
        const struct bad_json_case *b = &bad_json_cases[i];
        struct command c;
        struct err err = {0};
        if (from_json(b->line, &c, &err)) fail_msg("taken: %s", b->line);
        assert_int_equal(c.id, b->id);
        assert_says(&err, b->says);
    }
}

/* --- answers */

static void test_answers(void **state) {
    (void)state;
    static const struct {
        struct answer answer;
        const char *line;
    } cases[] = {
        {{.id = 3, .ok = true, .step = 1241}, "{\"id\":3,\"ok\":true,\"step\":1241}\n"},
        {{.id = 3, .ok = true, .step = 8, .run = "/runs/b-fork"},
         "{\"id\":3,\"ok\":true,\"step\":8,\"run\":\"/runs/b-fork\"}\n"},
        {{.id = 4, .error = "no \"block.9\""},
         "{\"id\":4,\"ok\":false,\"error\":\"no \\\"block.9\\\"\"}\n"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf line = {0};
        struct answer back;
        struct err err = {0};
        answer_to_json(&cases[i].answer, &line);
        assert_string_equal(line.data, cases[i].line);
        assert_ok(answer_from_json(line.data, line.len, &back, &err), err);
        assert_int_equal(back.id, cases[i].answer.id);
        assert_int_equal(back.ok, cases[i].answer.ok);
        assert_int_equal(back.step, cases[i].answer.step);
        assert_string_equal(back.error, cases[i].answer.error);
        assert_string_equal(back.run, cases[i].answer.run);
        buf_deinit(&line);
    }
    static const char *const bad[] = {"", "{", "[]", "{\"id\":1}", "{\"id\":1,\"ok\":1}"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct answer a;
        struct err err = {0};
        assert_false(answer_from_json(bad[i], strlen(bad[i]), &a, &err));
        assert_int_equal(err.code, ERR_PARSE);
    }
}

static void test_table(void **state) {
    (void)state;
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *info = &command_infos[i];
        assert_non_null(info->word);
        assert_true(strlen(info->help) > 10);
        assert_int_equal(info->key != NULL, info->type != ARGUMENT_NONE);
        if (info->key) assert_null(strstr("id do by", info->key)); /* taken by every command */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_sample_options),
        cmocka_unit_test(test_fork_options),
        cmocka_unit_test(test_rollback_arguments),
        cmocka_unit_test(test_options_are_told),
        cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_json_round_trip),
        cmocka_unit_test(test_json_as_documented),
        cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
