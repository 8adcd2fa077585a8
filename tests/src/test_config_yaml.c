#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "src/config_file.h"
#include "src/config_sources.h"

/* The smallest sound stage, for cases that are about something else. */
#define STAGE "stages: [{data: [wordnet:law]}]\n"

static struct settings s; /* large: not on the stack of every test */

static bool parse(const char *text, struct err *err) {
    *err = (struct err){0};
    return config_parse(text, strlen(text), "c.yaml", NULL, &s, err);
}

/* ---- what is refused, and how that is said ---- */

static const struct bad_config {
    const char *name, *text, *message;
} bad[] = {
    {"empty", "",
     "c.yaml:1:1: there is nothing in this file; `thaw config --explain` tells what "
     "may stand in it"},
    {"only comments", "# nothing\n\n",
     "c.yaml:3:1: there is nothing in this file; `thaw config --explain` tells what may stand "
     "in it"},
    {"a word", "medical\n",
     "c.yaml:1:1: a config must be keys with values, e.g. name: medical"},
    {"a list", "- a\n", "c.yaml:1:1: a config must be keys with values, e.g. name: medical"},
    {"unknown key", "nmae: x\n",
     "c.yaml:1:1: there is no key \"nmae\"; the nearest known key is \"name\""},
    {"unknown key of the model", "model: {layer: 3}\n",
     "c.yaml:1:9: there is no key \"layer\" in model; the nearest known key is \"layers\""},
    {"unknown key of a stage", "stages:\n  - data: [wordnet:law]\n    step: 3\n",
     "c.yaml:3:5: there is no key \"step\" in stages.0; the nearest known key is \"steps\""},
    {"unknown key of an optimizer", "stages:\n  - optimizer:\n      kinf: adamw\n",
     "c.yaml:3:7: there is no key \"kinf\" in stages.0.optimizer; the nearest known key is "
     "\"kind\""},
    {"a key with dots", "model.layers: 3\n", "c.yaml:1:1: there is no key \"model.layers\""},
    {"an empty key", "\"\": 3\n", "c.yaml:1:1: there is no key \"\""},
    {"a list as key", "[a]: 3\n", "c.yaml:1:1: a key must be a word"},
    {"same key twice", "name: a\nseed: 1\nname: b\n",
     "c.yaml:3:1: the key \"name\" stands here a second time (first: line 1)"},
    {"same section twice", "model: {layers: 2}\nmodel: {heads: 2}\n",
     "c.yaml:2:1: the key \"model\" stands here a second time (first: line 1)"},
    {"a word for a number", "model:\n  layers: many\n",
     "c.yaml:2:11: layers must be a whole number, 1 to 512 blocks, not \"many\""},
    {"a fraction for a whole number", "threads: 1.5\n",
     "c.yaml:1:10: threads must be a whole number, 0 to 64 threads, not \"1.5\""},
    {"out of range", "model: {layers: 0}\n",
     "c.yaml:1:17: layers must be 1 to 512 blocks, not \"0\""},
    {"too large for any number", "seed: 99999999999999999999999999\n",
     "c.yaml:1:7: seed must be a whole number, 0 to 9007199254740991, not "
     "\"99999999999999999999999999\""},
    {"quotes around a number", "threads: \"1\"\n",
     "c.yaml:1:10: threads must be one number: leave out the quotes"},
    {"quotes around true", "model: {tied: 'true'}\n",
     "c.yaml:1:15: tied must be true or false: leave out the quotes"},
    {"yes for true", "model: {tied: yes}\n",
     "c.yaml:1:15: tied must be true or false, not \"yes\""},
    {"unknown word", "model: {family: gpt9}\n",
     "c.yaml:1:17: family must be gpt2, llama, qwen2 or qwen3, not \"gpt9\""},
    {"a list for a number", "threads: [1]\n", "c.yaml:1:10: threads must be one number"},
    {"a mapping for a text", "name: {a: b}\n", "c.yaml:1:7: name must be one text"},
    {"a mapping for a list", STAGE "compare: {prompts: {a: b}}\n",
     "c.yaml:2:20: prompts must be a list of texts, [a, b]"},
    {"a list in a list", STAGE "compare: {prompts: [[a]]}\n",
     "c.yaml:2:21: prompts must be a list of texts, not of lists or mappings"},
    {"a text for sets", STAGE "eval: {sets: wordnet:law}\n",
     "c.yaml:2:14: sets must be names with their sources, {name: source}"},
    {"a list inside sets", STAGE "eval: {sets: {law: [wordnet:law]}}\n",
     "c.yaml:2:20: sets must be names with one source each"},
    {"no value", "name:\nseed: 1\n",
     "c.yaml:1:6: name has no value: give it one, or leave it out"},
    {"null", "seed: ~\n", "c.yaml:1:7: seed has no value: give it one, or leave it out"},
    {"a number for a section", "model: 3\n", "c.yaml:1:8: model must be keys with values"},
    {"stages are no list", "stages: {name: a}\n",
     "c.yaml:1:9: stages must be a list: - {name: ..., data: [...]}"},
    {"a stage is a word", "stages: [a]\n",
     "c.yaml:1:10: a stage must be keys with values: - {name: ..., data: [...]}"},
    {"nine stages", "stages: [{}, {}, {}, {}, {}, {}, {}, {}, {}]\n",
     "c.yaml:1:42: a run has at most 8 stages"},
    {"no stage", "name: a\n", "c.yaml: a run needs at least one stage"},
    {"no stage in the list", "stages: []\n", "c.yaml:1:1: a run needs at least one stage"},
    {"a stage without data", "stages:\n  - name: a\n",
     "c.yaml:2:5: stage \"a\" has no data: give it a source, e.g. text:PATH"},
    {"two stages of a name",
     "stages:\n  - {name: a, data: [wordnet:law]}\n"
     "  - {name: a, data: [wordnet:law]}\n",
     "c.yaml:3:6: two stages are called \"a\": give each its own name"},
    {"heads do not divide the width", STAGE "model: {heads: 7, width: 192}\n",
     "c.yaml:2:1: width 192 cannot be divided among 7 heads"},
    {"a name with a slash", "name: ../x\n" STAGE,
     "c.yaml:1:1: \"../x\" is no name for a run: take 1 to 63 letters, digits, . _ or -, the "
     "first a letter, digit or _"},
    {"a list of what to keep", "checkpoint: {keep: [3]}\n",
     "c.yaml:1:20: keep must be one number"},
    {"a word for what to keep", "checkpoint: {keep: all}\n",
     "c.yaml:1:20: last must be a whole number, 1 to 1000000 checkpoints, not \"all\""},
    {"unknown key of what to keep", "checkpoint: {keep: {lst: 3}}\n",
     "c.yaml:1:21: there is no key \"lst\" in checkpoint.keep; the nearest known key is "
     "\"last\""},
    {"the best without a set to tell it", STAGE "checkpoint: {keep: {best: true}}\n",
     "c.yaml:2:21: keep.best needs a validation loss: name a set in eval.sets, e.g. {domain: "
     "text:PATH}"},
    {"NUL", "name: \"a\\0b\"\n", "c.yaml:1:7: name holds a NUL character: leave it out"},
    {"alias", "name: &a x\nseed: *a\n",
     "c.yaml:1:7: anchors and aliases (& and *) are not supported: write the value out"},
    {"alias of nothing", "seed: *a\n",
     "c.yaml:1:7: anchors and aliases (& and *) are not supported: write the value out"},
    {"tag", "seed: !!int 3\n", "c.yaml:1:7: tags (!) are not supported: leave it out"},
    {"second document", STAGE "---\nname: b\n",
     "c.yaml:2:1: a second document (---) begins here: only one is read"},
    {"tab", "model:\n\tlayers: 3\n",
     "c.yaml:2:1: this is not YAML: found character that cannot start any token while scanning "
     "for the next token"},
    {"open bracket", "name: [a\n", "c.yaml:1:7: name must be one text"},
    {"open quote", "name: \"a\n",
     "c.yaml:2:1: this is not YAML: found unexpected end of stream while scanning a quoted "
     "scalar"},
    {"not UTF-8", "name: a\nseed: \xff\n", "c.yaml:2:7: this is not UTF-8 text: byte 0xff"},
    {"columns are characters", "name: \xC3\xA4\xC3\xB6\xff\n",
     "c.yaml:1:9: this is not UTF-8 text: byte 0xff"},
    {"escape sequence", "name: \"\\e[2J\"\n" STAGE,
     "c.yaml:1:1: \"\\e[2J\" is no name for a run: take 1 to 63 letters, digits, . _ or -, the "
     "first a letter, digit or _"},
};

static void test_bad(void **state) {
    const struct bad_config *c = *state;
    struct err err;
    assert_false(parse(c->text, &err));
    assert_string_equal(err.msg, c->message);
}

/* ---- --set ---- */

static const struct bad_change {
    const char *change, *message;
} bad_changes[] = {
    {"seed", "--set seed: write KEY=VALUE, e.g. stages.0.steps=100"},
    {"=1", "--set =1: write KEY=VALUE, e.g. stages.0.steps=100"},
    {"seed=", "--set seed: write KEY=VALUE, with a value"},
    {"sead=1", "--set sead: there is no key \"sead\"; the nearest known key is \"seed\""},
    {"foo.bar=1", "--set foo.bar: there is no key \"foo\""},
    {"modle.layers=1",
     "--set modle.layers: there is no key \"modle\"; the nearest known key is \"model\""},
    {"model.bar=1", "--set model.bar: there is no key \"bar\" in model"},
    {"model.layers.x=1", "--set model.layers.x: there is no key \"x\" in model.layers"},
    {"eval.sets.=wordnet:law", "--set eval.sets.: there is no key \"\" in eval.sets"},
    {"eval.sets.law=[a, b]", "--set eval.sets.law: law must be one source"},
    {"eval.sets.law=", "--set eval.sets.law: write KEY=VALUE, with a value"},
    {"eval.sets.law=wordnet:low", NULL}, /* found by settings_check(): below */
    {"seed=x", "--set seed: seed must be a whole number, 0 to 9007199254740991, not \"x\""},
    {"seed=[1", "--set seed: seed must be one number"},
    {"seed=*a",
     "--set seed: anchors and aliases (& and *) are not supported: write the value out"},
    {"stages.1.steps=3",
     "--set stages.1.steps: there is no stage 1; the run has 1, counted from 0"},
    {"stages.0.freeze=[block.99]", NULL}, /* the same */
    {"model.heads=7", "--set model.heads: width 192 cannot be divided among 7 heads"},
    {"name=\xff", "--set name: this is not UTF-8 text: byte 0xff"},
};

static void test_bad_change(void **state) {
    const struct bad_change *c = *state;
    const struct config_options o = {&c->change, 1, NULL};
    struct err err = {0};
    assert_false(config_parse(STAGE, strlen(STAGE), "c.yaml", &o, &s, &err));
    assert_int_equal(err.code, ERR_USAGE);
    if (c->message) assert_string_equal(err.msg, c->message);
    else
        assert_non_null(strstr(err.msg, c->change[0] == 's' ? "--set stages.0.freeze: "
                                                            : "--set eval.sets.law: "));
}

static void test_changes(void **state) {
    (void)state;
    static const char *const changes[] = {"seed=7",
                                          "stages.0.freeze=[embed, \"0-1\"]",
                                          "model.tied=false",
                                          "stages.0.optimizer={lr: 0.5, clip: 0}",
                                          "seed=8",
                                          "eval.sets={law: wordnet:law}",
                                          "eval.sets.a.b=text:x",
                                          "eval.sets.law=wordnet:sport"};
    const struct config_options o = {changes, COUNT(changes), NULL};
    struct err err = {0};
    assert_true(config_parse(STAGE, strlen(STAGE), "c.yaml", &o, &s, &err));
    assert_int_equal(s.seed, 8);
    assert_false(s.model.tied);
    assert_int_equal(s.stages[0].freeze.n, 2);
    assert_string_equal(s.stages[0].freeze.text[1], "0-1");
    assert_true(s.stages[0].optimizer.lr == 0.5 && s.stages[0].optimizer.clip == 0);
    assert_int_equal(s.eval.n_sets, 2);
    assert_string_equal(s.eval.sets[0].source, "wordnet:sport");
    assert_string_equal(s.eval.sets[1].name, "a.b");
    assert_string_equal(s.eval.sets[1].source, "text:x");
}

static void test_changed_stages(void **state) {
    (void)state;
    static const char *const change =
        "stages=[{data: wordnet:sport}, {name: b, data: wordnet:law}]";
    const struct config_options o = {&change, 1, NULL};
    struct err err = {0};
    assert_true(config_parse(STAGE, strlen(STAGE), "c.yaml", &o, &s, &err));
    assert_int_equal(s.n_stages, 2);
    assert_string_equal(s.stages[0].data.text[0], "wordnet:sport");
}

/* ---- files ---- */

static void test_files(void **state) {
    (void)state;
    char dir[] = "/tmp/thaw-config-XXXXXX", path[64], want[160];
    struct err err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/c.yaml", dir);
    assert_false(config_read(path, NULL, &s, &err));
    assert_non_null(strstr(err.msg, path));
    assert_non_null(strstr(err.msg, "No such file"));
    assert_false(config_read(dir, NULL, &s, &err));
    assert_non_null(strstr(err.msg, dir));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "stages:\n  - name: a\n    data: ['text:%s/none.txt']\n", dir);
    assert_int_equal(fclose(f), 0);
    assert_true(config_read(path, NULL, &s, &err));
    const struct config_options o = {.check = config_sources_there};
    assert_false(config_read(path, &o, &s, &err));
    snprintf(want, sizeof want, "%s:3:5: cannot read %s/none.txt: No such file or directory",
             path, dir);
    assert_string_equal(err.msg, want);
    unlink(path);
    rmdir(dir);
}

/* ---- hostile ---- */

static const char sound[] =
    "name: all\n"
    "seed: 5\n"
    "model: {family: gpt2, layers: 3, heads: 3, width: 96, context: 64, vocab: 512, tied: "
    "true}\n"
    "stages:\n"
    "  - name: pretrain\n"
    "    data: [wordnet:general, 'text:/tmp/a: b']\n"
    "    steps: 30\n"
    "    schedule: {kind: wsd, warmup: 3}\n"
    "  - name: \"fine: tune\"\n"
    "    data: wordnet:medicine\n"
    "    replay: {data: [wordnet:general], share: 0.05}\n"
    "    freeze: [embed, \"0-1\"]\n"
    "compare:\n"
    "  prompts: [\"fever :\", 'a \"quote\"', \"two\\nlines\", \"\", \"null\", \"12\", \"- x\", "
    "\"#\"]\n"
    "eval: {every: 10, sets: {general: wordnet:general, \"7\": wordnet:law}}\n"
    "checkpoint: {every: 9, keep: 2}\n";

/* Every beginning of a good config is read or refused with a place; nothing else happens. */
static void test_truncated(void **state) {
    (void)state;
    struct err err;
    for (size_t n = 0; n < sizeof sound - 1; n++) {
        err = (struct err){0};
        char *text = malloc(n + 1); /* exact, so that reading past the end is found */
        memcpy(text, sound, n);
        bool ok = config_parse(text, n, "c.yaml", NULL, &s, &err);
        if (!ok) assert_memory_equal(err.msg, "c.yaml:", 7);
        free(text);
    }
}

static void assert_refused(const char *text, size_t n, const char *message) {
    struct err err = {0};
    double best = 1e9;
    for (int i = 0; i < 5; i++) { /* the best of five: the machine may be busy */
        double start = clock_now();
        assert_false(config_parse(text, n, "c.yaml", NULL, &s, &err));
        double took = clock_now() - start;
        if (took < best) best = took;
    }
    assert_string_equal(err.msg, message);
    assert_true(best < 0.010);
}

static void test_nested(void **state) {
    (void)state;
    static char text[CONFIG_BYTES_MAX + 1];
    memset(text, '[', sizeof text);
    assert_refused(text, CONFIG_BYTES_MAX,
                   "c.yaml:1:1: a config must be keys with values, e.g. name: medical");
    memcpy(text, "name: ", 6);
    assert_refused(text, CONFIG_BYTES_MAX, "c.yaml:1:7: name must be one text");
    memcpy(text, "[[]]: ", 6);
    assert_refused(text, CONFIG_BYTES_MAX, "c.yaml:1:1: a key must be a word");
    for (size_t i = 0; i + 1 < CONFIG_BYTES_MAX; i += 2) memcpy(text + i, "{?", 2);
    assert_refused(text, CONFIG_BYTES_MAX, "c.yaml:1:3: a key must be a word");
    memset(text, ' ', sizeof text);
    assert_refused(text, sizeof text,
                   "c.yaml:1:1: 65537 bytes are too much for a config: at most 65536");
}

/* ---- there and back ---- */

static void test_round_trip(void **state) {
    (void)state;
    static struct settings again;
    struct buf first = {0}, second = {0};
    struct err err = {0};
    assert_true(parse(sound, &err));
    assert_int_equal(s.stages[1].data.n, 1);
    assert_string_equal(s.stages[1].name, "fine: tune");
    assert_string_equal(s.compare.prompts.text[2], "two\nlines");
    assert_true(config_write(&s, &first, &err));
    assert_true(config_parse(buf_text(&first), first.len, "again", NULL, &again, &err));
    assert_true(config_write(&again, &second, &err));
    assert_string_equal(buf_text(&first), buf_text(&second));
    struct buf a = {0}, b = {0};
    for (int i = 0; i < n_setting_keys; i++)
        for (int k = 0; k < 2; k++) {
            assert_int_equal(setting_get(&s, &setting_keys[i], k, &a),
                             setting_get(&again, &setting_keys[i], k, &b));
            assert_int_equal(a.len, b.len);
            assert_memory_equal(a.data, b.data, a.len);
        }
    buf_deinit(&a);
    buf_deinit(&b);
    buf_deinit(&first);
    buf_deinit(&second);
}

/* How many checkpoints stay: a number, or all that can be said; both come back. */
static void test_keep(void **state) {
    (void)state;
    static const char head[] = "stages: [{name: a, data: wordnet:law}]\n"
                               "eval: {sets: {law: wordnet:law}}\n";
    static const struct {
        const char *line, *change;
        struct retention keep;
    } forms[] = {
        {"checkpoint: {keep: 5}", NULL, {5, false, 0}},
        {"checkpoint: {keep: {last: 2, best: true, every: 1000}}", NULL, {2, true, 1000}},
        {"checkpoint: {keep: {best: true}}", NULL, {3, true, 0}},
        {"checkpoint: {keep: {}}", NULL, {3, false, 0}},
        {"checkpoint: {keep: {every: 7}}", "checkpoint.keep=4", {4, false, 7}},
        {"checkpoint: {keep: 5}", "checkpoint.keep={best: true, last: 1}", {1, true, 0}},
        {"checkpoint: {keep: 5}", "checkpoint.keep.every=20", {5, false, 20}},
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        char text[400];
        struct err err = {0};
        struct buf out = {0};
        const struct config_options o = {.changes = &forms[i].change,
                                         .n_changes = forms[i].change != NULL};
        snprintf(text, sizeof text, "%s%s\n", head, forms[i].line);
        for (int again = 0; again < 2; again++) {
            const char *source = again ? buf_text(&out) : text;
            if (!config_parse(source, strlen(source), "c.yaml", again ? NULL : &o, &s, &err))
                fail_msg("%s", err.msg);
            assert_int_equal(s.checkpoint.keep.last, forms[i].keep.last);
            assert_int_equal(s.checkpoint.keep.best, forms[i].keep.best);
            assert_int_equal(s.checkpoint.keep.every, forms[i].keep.every);
            if (!again) assert_true(config_write(&s, &out, &err));
        }
        buf_deinit(&out);
    }
}

/* The example is right. */
static void test_shipped(void **state) {
    (void)state;
    struct err err = {0};
    if (!config_read(THAW_SOURCE_DIR "/configs/medical.yaml", NULL, &s, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(s.n_stages, 2);
}

int main(void) {
    struct CMUnitTest tests[COUNT(bad) + COUNT(bad_changes) + 8];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(bad); i++)
        tests[n++] = (struct CMUnitTest){
            .name = bad[i].name, .test_func = test_bad, .initial_state = (void *)&bad[i]};
    for (size_t i = 0; i < COUNT(bad_changes); i++)
        tests[n++] = (struct CMUnitTest){.name = bad_changes[i].change,
                                         .test_func = test_bad_change,
                                         .initial_state = (void *)&bad_changes[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_changes), cmocka_unit_test(test_changed_stages),
        cmocka_unit_test(test_files),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_nested),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_keep),    cmocka_unit_test(test_shipped)};
    for (size_t i = 0; i < COUNT(others); i++) tests[n++] = others[i];
    return cmocka_run_group_tests_name("config_yaml", tests, NULL, NULL);
}
