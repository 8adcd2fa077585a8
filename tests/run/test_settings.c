#include "engine/run/number.h"
#include "engine/run/settings.h"
#include "tests/run/run_test.h"

static struct settings settings, other; /* too large for a stack */

static int prepare(void **state) {
    (void)state;
    memset(&settings, 0xA5, sizeof settings);
    settings_init(&settings);
    assert_ptr_equal(settings_add_stage(&settings), &settings.stages[0]);
    assert_ptr_equal(settings_add_stage(&settings), &settings.stages[1]);
    return 0;
}

/* Put by path, as --set does. */
static bool put(const char *path, const char *word, struct err *err) {
    int stage;
    const char *nearest = NULL;
    const struct setting_key *k = setting_find(path, &stage, &nearest);
    if (!k) fail_msg("%s is no key; %s is", path, nearest ? nearest : "nothing near");
    return setting_put(&settings, k, stage, &word, 1, err);
}

static void put_well(const char *path, const char *word) {
    struct err err = {0};
    assert_ok(put(path, word, &err), err);
}

static bool of_stage(const struct setting_key *k) {
    return strncmp(k->path, "stages.", 7) == 0;
}

static bool is_number(const struct setting_key *k) {
    return k->type == SETTING_INT || k->type == SETTING_INT64 || k->type == SETTING_REAL;
}

/* --- the table */

static void test_table(void **state) {
    (void)state;
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        double x;
        size_t n = strlen(k->help);
        if (n < 20 || k->help[n - 1] != '.') fail_msg("%s: no sentence: %s", k->path, k->help);
        assert_non_null(k->unit);
        assert_true(k->offset + k->size <=
                    (of_stage(k) ? sizeof(struct stage_settings) : sizeof(struct settings)));
        if (is_number(k)) {
            assert_true(number_parse(k->initial, &x));
            if (!(k->min < k->max && x >= k->min && x <= k->max)) fail_msg("%s", k->path);
        }
        assert_int_equal(k->type == SETTING_WORD || k->type == SETTING_GROUPS, k->n_words > 0);
        if (k->type == SETTING_GROUPS) assert_int_equal(k->n_words, 2);
        for (int j = 0; j < i; j++) assert_string_not_equal(k->path, setting_keys[j].path);
    }
}

static void test_families(void **state) {
    (void)state;
    int stage;
    const struct setting_key *k = setting_find("model.family", &stage, NULL);
    assert_int_equal(k->n_words, FAMILY_COUNT);
    for (int i = 0; i < FAMILY_COUNT; i++)
        assert_string_equal(k->words[i], family_traits[i].word);
}

static void test_defaults(void **state) {
    (void)state;
    const struct settings *s = &settings;
    const struct stage_settings *st = &s->stages[1];
    assert_int_equal(s->seed, 1337);
    assert_int_equal(s->threads, 0);
    assert_int_equal(s->model.family, FAMILY_QWEN3);
    assert_int_equal(s->model.layers, 6);
    assert_int_equal(s->model.width, 192);
    assert_int_equal(s->model.context, 256);
    assert_int_equal(s->model.vocab, 4096);
    assert_true(s->model.tied);
    assert_string_equal(s->model.from, "");
    assert_int_equal(s->n_stages, 2);
    assert_string_equal(st->name, "stage 2");
    assert_int_equal(st->steps, 1000);
    assert_int_equal(st->batch, 16);
    assert_int_equal(st->data.n, 0);
    assert_true(st->replay.share == 0 && st->optimizer.lr == 1e-3 &&
                st->optimizer.beta1 == 0.9);
    assert_true(st->optimizer.beta2 == 0.95 && st->optimizer.eps == 1e-8);
    assert_true(st->optimizer.decay == 0.1 && st->optimizer.clip == 1);
    assert_int_equal(st->schedule.kind, SCHEDULE_COSINE);
    assert_int_equal(st->schedule.warmup, 50);
    assert_true(st->schedule.final_share == 0.1 && st->schedule.decay_share == 0.2);
    assert_int_equal(s->compare.every, 50);
    assert_int_equal(s->compare.tokens, 40);
    assert_int_equal(s->compare.top_k, 40);
    assert_true(s->compare.temperature == 0.8);
    assert_int_equal(s->eval.every, 50);
    assert_int_equal(s->eval.tokens, 16384);
    assert_int_equal(s->checkpoint.every, 200);
    assert_int_equal(s->checkpoint.keep.last, 3);
    while (settings.n_stages < STAGES_MAX) assert_non_null(settings_add_stage(&settings));
    assert_null(settings_add_stage(&settings));
    assert_int_equal(settings.n_stages, STAGES_MAX);
}

/* --- put and get */

/* Words for key k that are not its default. */
static int other_words(const struct setting_key *k, char number[32], const char *words[4]) {
    static const char *const lists[] = {"wordnet:law", "text:/a b/*.txt", "quotes \" and\n"};
    words[0] = number;
    switch (k->type) {
    case SETTING_INT:
    case SETTING_INT64:
        snprintf(number, 32, "%.0f", k->max);
        return 1;
    case SETTING_REAL:
        snprintf(number, 32, "%.17g", k->min + (k->max - k->min) / 3);
        return 1;
    case SETTING_BOOL:
        words[0] = "false";
        return 1;
    case SETTING_WORD:
        words[0] = k->words[k->n_words - 1];
        return 1;
    case SETTING_TEXT:
        words[0] = "another text";
        return 1;
    case SETTING_TEXTS:
        memcpy(words, lists, sizeof lists);
        return 3;
    case SETTING_GROUPS: {
        int groups = strcmp(k->words[0], "groups") == 0 ? 0 : 1;
        snprintf(number, 32, "%.17g", k->max / 4);
        words[groups] = "0-1,embed", words[1 - groups] = number;
        words[2 + groups] = "1", words[3 - groups] = "1";
        return 4;
    }
    case SETTING_SETS:
        break;
    }
    words[0] = "general", words[1] = "wordnet:general", words[2] = "law",
    words[3] = "wordnet:law";
    return 4;
}

/* A value put, got, and put elsewhere is the same value, and no other key is touched. */
static void test_round_trip(void **state) {
    (void)state;
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        const char *words[4], *got[8];
        char number[32];
        struct err err = {0};
        struct buf text = {0};
        prepare(NULL);
        other = settings;
        int n = other_words(k, number, words), stage = of_stage(k) ? 1 : -1;
        assert_ok(setting_put(&settings, k, stage, words, n, &err), err);
        assert_int_equal(setting_get(&settings, k, stage, &text), n);
        const char *at = buf_text(&text);
        for (int j = 0; j < n; j++, at += strlen(at) + 1) {
            got[j] = at;
            if (!is_number(k)) assert_string_equal(at, words[j]);
        }
        assert_ptr_equal(at, text.data + text.len);
        assert_ok(setting_put(&other, k, stage, got, n, &err), err);
        if (memcmp(&other, &settings, sizeof other) != 0) fail_msg("%s", k->path);
        buf_deinit(&text);
    }
}

/* The defaults come back as they stand in the table, or as the same number. */
static void test_get_defaults(void **state) {
    (void)state;
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        struct buf text = {0};
        int n = setting_get(&settings, k, of_stage(k) ? 0 : -1, &text);
        bool list =
            k->type == SETTING_TEXTS || k->type == SETTING_SETS || k->type == SETTING_GROUPS;
        assert_int_equal(n, list ? 0 : 1);
        double a = 0, b = 1;
        if (k->type == SETTING_REAL) {
            assert_true(number_parse(buf_text(&text), &a) && number_parse(k->initial, &b));
            assert_true(a == b);
        } else if (!list && strcmp(k->path, "stages.*.name") != 0) {
            assert_string_equal(buf_text(&text), k->initial);
        }
        buf_deinit(&text);
    }
}

static void test_ranges(void **state) {
    (void)state;
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        const char *word;
        int stage = of_stage(k) ? 0 : -1;
        if (!is_number(k)) continue;
        double step = k->type == SETTING_REAL ? k->max * 1e-3 : 1;
        const double outside[] = {k->min - step, k->max + step};
        for (size_t j = 0; j < COUNT(outside); j++) {
            char text[32];
            struct err err = {0};
            snprintf(text, sizeof text, "%.17g", outside[j]);
            word = text;
            other = settings;
            if (setting_put(&settings, k, stage, &word, 1, &err))
                fail_msg("%s: %s", k->path, text);
            assert_int_equal(err.code, ERR_RANGE);
            assert_says(&err, k->unit);
            assert_memory_equal(&other, &settings, sizeof other);
        }
        const double inside[] = {k->min, k->max};
        for (size_t j = 0; j < COUNT(inside); j++) {
            char text[32];
            struct err err = {0};
            snprintf(text, sizeof text, "%.17g", inside[j]);
            word = text;
            assert_ok(setting_put(&settings, k, stage, &word, 1, &err), err);
        }
    }
}

static const struct bad_case {
    const char *path, *word;
    enum err_code code;
    const char *says;
} bad_cases[] = {
    {"stages.0.steps", "abc", ERR_PARSE,
     "steps must be a whole number, 1 to 1000000000 steps, not \"abc\""},
    {"stages.0.steps", "0", ERR_RANGE, "steps must be 1 to 1000000000 steps, not \"0\""},
    {"stages.0.steps", "1.5", ERR_PARSE, "whole number"},
    {"stages.0.steps", "", ERR_PARSE, "whole number"},
    {"stages.0.steps", "99999999999999999999", ERR_PARSE, "whole number"},
    {"model.layers", "4294967297", ERR_RANGE, "layers must be 1 to 512 blocks"},
    {"stages.1.optimizer.lr", "fast", ERR_PARSE, "lr must be a number"},
    {"stages.1.optimizer.lr", "nan", ERR_PARSE, "lr must be a number"},
    {"stages.1.optimizer.lr", "0x1p-3", ERR_PARSE, "lr must be a number"},
    {"stages.1.optimizer.lr", "0", ERR_RANGE, "lr must be 1e-12 to 1, not \"0\""},
    {"stages.1.schedule.kind", "linear", ERR_PARSE,
     "kind must be constant, cosine or wsd, not \"linear\""},
    {"model.tied", "maybe", ERR_PARSE, "tied must be true or false, not \"maybe\""},
    {"model.tied", "1", ERR_PARSE, "true or false"},
    {"name", "", ERR_RANGE, "name must not be empty"},
    {"stages.2.steps", "5", ERR_RANGE, "there is no stage 2; the stages are 0 to 1"},
    {"eval.sets", "general", ERR_PARSE, "sets must give each name a source"},
};

static void test_bad_values(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct err err = {0};
        if (put(c->path, c->word, &err)) fail_msg("%s took \"%s\"", c->path, c->word);
        assert_int_equal(err.code, c->code);
        assert_says(&err, c->says);
    }
}

static void test_lengths(void **state) {
    (void)state;
    int stage;
    char text[TEXT_MAX_BYTES + 1];
    memset(text, 'x', sizeof text);
    text[TEXT_MAX_BYTES] = '\0';
    struct err err = {0};
    assert_false(put("name", text, &err));
    assert_says(&err, "name must be at most 63 bytes long, not 512");
    assert_false(put("compare.prompts", text, &err));
    text[TEXT_MAX_BYTES - 1] = '\0';
    assert_ok(put("compare.prompts", text, &err), err);
    assert_int_equal(settings.compare.prompts.n, 1);
    const char *words[SOURCES_MAX + 1];
    for (int i = 0; i <= SOURCES_MAX; i++) words[i] = "0-3";
    const struct setting_key *k = setting_find("stages.1.freeze", &stage, NULL);
    assert_false(setting_put(&settings, k, stage, words, SOURCES_MAX + 1, &err));
    assert_says(&err, "freeze must have 0 to 16 groups, not 17");
    assert_ok(setting_put(&settings, k, stage, words, SOURCES_MAX, &err), err);
    assert_int_equal(settings.stages[1].freeze.n, SOURCES_MAX);
    k = setting_find("seed", &stage, NULL);
    assert_false(setting_put(&settings, k, stage, words, 2, &err));
    assert_says(&err, "seed must be one value, not a list");
}

/* --- finding */

static const struct find_case {
    const char *path;
    int stage;
    const char *found, *nearest;
} find_cases[] = {
    {"seed", -1, "seed", "seed"},
    {"stages.1.freeze", 1, "stages.*.freeze", "stages.*.freeze"},
    {"stages.10.schedule.warmup", 10, "stages.*.schedule.warmup", "stages.*.schedule.warmup"},
    {"sed", -1, NULL, "seed"},
    {"thread", -1, NULL, "threads"},
    {"stage", -1, NULL, "stages"},
    {"modle.layers", -1, NULL, "model.layers"},
    {"model.layer", -1, NULL, "model.layers"},
    {"model.hiden", -1, NULL, NULL}, /* far from all */
    {"foo", -1, NULL, NULL},
    {"model.bar", -1, NULL, NULL},
    {"eval.set", -1, NULL, "eval.sets"},
    {"stages.0.stpes", 0, NULL, "stages.*.steps"},
    {"stages.0.optimiser", 0, NULL, "stages.*.optimizer"},
    {"stages.0.optimizer.lrate", 0, NULL, "stages.*.optimizer.lr"},
    {"stages.0.replay.shares", 0, NULL, "stages.*.replay.share"},
    {"stages.-1.steps", -1, NULL, "stages.*.steps"},
    {"stages", -1, NULL, "stages"},
};

static void test_find(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(find_cases); i++) {
        const struct find_case *c = &find_cases[i];
        int stage = -7;
        const char *nearest = NULL;
        const struct setting_key *k = setting_find(c->path, &stage, &nearest);
        if (!!k != !!c->found || (k && strcmp(k->path, c->found) != 0)) fail_msg("%s", c->path);
        if (c->nearest) assert_string_equal(nearest, c->nearest);
        else assert_null(nearest);
        assert_int_equal(stage, c->stage);
    }
    char endless[300];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    int stage;
    assert_null(setting_find(endless, &stage, NULL));
    assert_null(setting_find("a.b.c.d.e.f", &stage, NULL));
}

/* --- all keys together */

static void fill(void) {
    put_well("name", "demo");
    put_well("model.vocab", "300");
    put_well("stages.0.data", "wordnet:general");
    put_well("stages.1.data", "wordnet:medicine");
}

static const struct check_case {
    const char *path, *word, *at, *says;
} check_cases[] = {
    {"name", "a/b", "name", "no name for a run"},
    {"name", "..", "name", "no name for a run"},
    {"stages.1.name", "stage 1", "stages.1.name", "two stages are called"},
    {"stages.1.data", "books:here", "stages.1.data", "books"},
    {"stages.0.replay.data", "wordnet:cooking", "stages.0.replay.data", "cooking"},
    {"stages.1.replay.share", "0.5", "stages.1.replay.share", "replay.data names no source"},
    {"stages.1.freeze", "block.6", "stages.1.freeze", "block.6"},
    {"stages.1.micro_batch", "3", "stages.1.micro_batch", "16 sequences make no whole number"},
    {"stages.0.micro_batch", "32", "stages.0.micro_batch", "must divide batch"},
    {"model.heads", "7", "model", "heads"},
    {"shards", "3", "shards", "a power of two (1, 2, 4, 8 ...), not 3"},
    {"shards", "32", "stages.0.batch", "shards must divide batch: 16 sequences make no 32"},
};

static void test_check(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    fill();
    put_well("stages.1.freeze", "embed,0-2,block.5.mlp");
    put_well("stages.1.micro_batch", "4");
    assert_ok(settings_check(&settings, path, &err), err);
    for (size_t i = 0; i < COUNT(check_cases); i++) {
        const struct check_case *c = &check_cases[i];
        prepare(NULL);
        fill();
        put_well(c->path, c->word);
        if (settings_check(&settings, path, &err)) fail_msg("%s: %s", c->path, c->word);
        assert_string_equal(path, c->at);
        assert_says(&err, c->says);
    }
}

/* What is computed at a time has to come out even in a shard. */
static void test_check_parts(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    fill();
    put_well("stages.0.batch", "24");
    put_well("stages.0.micro_batch", "4");
    put_well("shards", "8"); /* of three sequences */
    assert_ok(settings_check(&settings, path, &err), err);
    put_well("shards", "4"); /* of six */
    assert_false(settings_check(&settings, path, &err));
    assert_string_equal(path, "stages.0.micro_batch");
    assert_says(&err,
                "must divide batch / shards: 6 sequences make no whole number of parts of 4");
}

static void test_check_stages(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    settings_init(&settings);
    assert_false(settings_check(&settings, path, &err));
    assert_string_equal(path, "stages");
    settings_add_stage(&settings);
    assert_false(settings_check(&settings, path, &err));
    assert_string_equal(path, "stages.0.data");
    assert_says(&err, "no data");
}

static void test_check_sets(void **state) {
    (void)state;
    static const struct {
        const char *words[4], *says;
    } cases[] = {{{"a", "wordnet:general", "a", "wordnet:law"}, "two sets are called \"a\""},
                 {{"a", "wordnet:general", "", "wordnet:law"}, "name must not be empty"},
                 {{"a", "wordnet:general", "b", "nothing"}, "set \"b\""}};
    int stage;
    const struct setting_key *k = setting_find("eval.sets", &stage, NULL);
    fill();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[TEXT_MAX_BYTES];
        struct err err = {0};
        assert_ok(setting_put(&settings, k, -1, cases[i].words, 4, &err), err);
        assert_false(settings_check(&settings, path, &err));
        assert_string_equal(path, "eval.sets");
        assert_says(&err, cases[i].says);
    }
}

static void test_check_prompts(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    fill();
    put_well("model.context", "8");
    put_well("compare.prompts", " one two  three four\tfive six ");
    assert_ok(settings_check(&settings, path, &err), err);
    put_well("compare.prompts", "one two three four five six seven");
    assert_false(settings_check(&settings, path, &err));
    assert_string_equal(path, "compare.prompts");
    assert_says(&err, "has 7 words; with model.context 8 at most 6 fit");
}

/* With a folder to start from, the shape stands there: neither shape nor groups are judged
 * here. */
static void test_check_from(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    fill();
    put_well("model.from", "/some/folder");
    put_well("model.heads", "7");
    put_well("stages.1.freeze", "block.30");
    assert_ok(settings_check(&settings, path, &err), err);
}

static void test_derived(void **state) {
    (void)state;
    put_well("model.kv_heads", "3");
    put_well("stages.1.steps", "77");
    put_well("stages.1.schedule.kind", "wsd");
    struct model_config m = settings_model(&settings);
    assert_int_equal(m.kv_heads, 3);
    assert_int_equal(m.width, 192);
    assert_int_equal(m.ffn, 0);
    assert_int_equal(settings_micro_batch(&settings, 1), 16);
    put_well("stages.1.micro_batch", "4");
    assert_int_equal(settings_micro_batch(&settings, 1), 4);
    put_well("shards", "8");
    assert_int_equal(settings_shard(&settings, 1), 2);
    assert_int_equal(settings_micro_batch(&settings, 1), 2); /* no more than a shard has */
    struct schedule s = settings_schedule(&settings.stages[1]);
    assert_int_equal(s.kind, SCHEDULE_WSD);
    assert_int_equal(s.steps, 77);
    assert_true(s.lr == 1e-3 && s.decay_share == 0.2 && s.final_share == 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_families),
        cmocka_unit_test_setup(test_defaults, prepare),
        cmocka_unit_test_setup(test_round_trip, prepare),
        cmocka_unit_test_setup(test_get_defaults, prepare),
        cmocka_unit_test_setup(test_ranges, prepare),
        cmocka_unit_test_setup(test_bad_values, prepare),
        cmocka_unit_test_setup(test_lengths, prepare),
        cmocka_unit_test(test_find),
        cmocka_unit_test_setup(test_check, prepare),
        cmocka_unit_test_setup(test_check_parts, prepare),
        cmocka_unit_test_setup(test_check_stages, prepare),
        cmocka_unit_test_setup(test_check_sets, prepare),
        cmocka_unit_test_setup(test_check_prompts, prepare),
        cmocka_unit_test_setup(test_check_from, prepare),
        cmocka_unit_test_setup(test_derived, prepare),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
