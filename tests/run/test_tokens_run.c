/* A run on files of tokens against the same run on the text. */
#include "tests/run/trainer_test.h"

#include "engine/data/tokenize.h"

/* Make folder/NAME.tokens of a source; tokenizer NULL: a vocabulary of 300 is learned. */
static void make_tokens(const char *spec, const char *name, struct tokenizer *t, bool alone) {
    char path[PATH_MAX + 32];
    struct tokenize_result r;
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s.tokens", folder, name);
    const struct tokenize_plan plan = {.specs = &spec,
                                       .n_specs = 1,
                                       .tokenizer = t,
                                       .vocab = 300,
                                       .form = {.alone = alone},
                                       .threads = 2};
    must(tokenize(&plan, path, &r, &err), &err);
}

static char *spec_of(const char *kind, const char *name) {
    static char specs[4][PATH_MAX + 64];
    static int next;
    char *spec = specs[next++ % 4];
    snprintf(spec, sizeof specs[0], "%s:%s/%s", kind, folder, name);
    return spec;
}

static struct tokenizer *general_vocabulary(void) {
    struct err err = {0};
    struct tokenizer *t =
        tokens_tokenizer(tokens_path(spec_of("tokens", "general.tokens")), &err);
    must(t != NULL, &err);
    return t;
}

static void make_both(void) {
    make_tokens(spec_of("text", "general.txt"), "general", NULL, false);
    struct tokenizer *t = general_vocabulary();
    make_tokens(spec_of("text", "domain.txt"), "domain", t, false);
    tokenizer_destroy(t);
}

/* What the two stages read, and the two sets, of which one may be left out. */
static void use_sources(struct settings *s, const char *general, const char *domain,
                        bool both_sets) {
    const char *sets[] = {"general", general, "domain", domain};
    int stage;
    struct err err = {0};
    put(s, "stages.0.data", general);
    put(s, "stages.1.data", domain);
    must(setting_put(s, setting_find("eval.sets", &stage, NULL), -1, sets, both_sets ? 4 : 2,
                     &err),
         &err);
}

static void use_tokens(struct settings *s) {
    use_sources(s, spec_of("tokens", "general.tokens"), spec_of("tokens", "domain.tokens"),
                true);
}

static void test_same_weights(void **state) {
    (void)state;
    struct settings *s = small_settings();
    make_both();
    put(s, "stages.1.replay.data", spec_of("text", "general.txt"));
    put(s, "stages.1.replay.share", "0.3");
    struct run_paths text = train(s, "text");
    use_tokens(s);
    put(s, "stages.1.replay.data", spec_of("tokens", "general.tokens"));
    put(s, "threads", "2");
    struct run_paths tokens = train(s, "tokens");
    assert_same_state(&text, &tokens, 24);
    free(s);
}

/* Answers, each in a window of its own. */
static void test_same_weights_alone(void **state) {
    (void)state;
    char path[PATH_MAX + 32];
    struct settings *s = small_settings();
    struct buf b = {0};
    struct err err = {0};
    for (int i = 0; i < 200; i++)
        buf_printf(&b, "{\"prompt\": \"%d :\", \"completion\": \" a red drug\"}\n", i);
    snprintf(path, sizeof path, "%s/answers.jsonl", folder);
    must(files_write(path, b.data, b.len, &err), &err);
    buf_deinit(&b);
    make_both();
    struct tokenizer *t = general_vocabulary();
    make_tokens(spec_of("jsonl", "answers.jsonl"), "answers", t, true);
    tokenizer_destroy(t);
    put(s, "stages.1.packing", "false");
    use_sources(s, spec_of("text", "general.txt"), spec_of("jsonl", "answers.jsonl"), false);
    struct run_paths text = train(s, "answers");
    use_sources(s, spec_of("tokens", "general.tokens"), spec_of("tokens", "answers.tokens"),
                false);
    struct run_paths tokens = train(s, "answer-tokens");
    assert_same_state(&text, &tokens, 24);
    free(s);
}

static void assert_fails(struct settings *s, const char *name, const char *says) {
    struct run_paths paths;
    struct err err = {0};
    fresh_paths(name, &paths);
    assert_false(engine_main(s, &paths, false, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say: %s", err.msg, says);
}

static void test_refused(void **state) {
    (void)state;
    struct settings *s = small_settings();
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    make_both();
    use_tokens(s);
    put(s, "model.vocab", "280");
    assert_fails(s, "small-vocab", "set model.vocab to 300");
    put(s, "model.vocab", "300");
    make_tokens(spec_of("text", "domain.txt"), "domain", NULL, false);
    assert_fails(s, "other-vocab", "another tokenizer");
    const char *both[] = {spec_of("tokens", "general.tokens"), spec_of("text", "general.txt")};
    int stage;
    const struct setting_key *k = setting_find("stages.0.data", &stage, NULL);
    must(setting_put(s, k, stage, both, 2, &err), &err);
    assert_false(settings_check(s, path, &err));
    assert_string_equal(path, "stages.0.data");
    assert_non_null(strstr(err.msg, "cannot be joined"));
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_weights),
                                       cmocka_unit_test(test_same_weights_alone),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests_name("tokens in a run", tests, make_folder, remove_folder);
}
