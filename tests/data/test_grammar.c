#include <stdio.h>

#include "check.h"
#include "engine/data/grammar.h"
#include "tests/data/data_test.h"

static struct grammar *parse(const char *text) {
    struct err err = {0};
    struct grammar *g = grammar_parse(text, strlen(text), &err);
    if (!g) fail_msg("%s\n%s", err.msg, text);
    return g;
}

/* The first `n` lines of the level "main", a | after each; the answer in brackets. */
static void write_lines(const struct grammar *g, uint64_t seed, uint64_t n, struct buf *out) {
    struct grammar_line line = {.answer = 0};
    struct err err = {0};
    int level = grammar_level(g, "main");
    assert_int_not_equal(level, -1);
    for (uint64_t i = 0; i < n; i++) {
        if (!grammar_make(g, level, seed, i, &line, &err)) fail_msg("%s", err.msg);
        size_t question = line.answer ? line.answer : line.text.len;
        buf_add(out, line.text.data, question);
        if (line.answer) buf_printf(out, "[%s]", line.text.data + line.answer);
        buf_str(out, "|");
    }
    buf_deinit(&line.text);
}

/* ---- what a text means: grammars with one possible line ---- */

#define MAIN "levels:\n  main: 10\nchoose:\n  main:\n    - "

static const struct text_case {
    const char *name, *grammar, *line;
} texts[] = {
    {"grammar: plain text", MAIN "a dog runs\n", "a dog runs|"},
    {"grammar: quotes", MAIN "\"- a: <x> #1\"\n  x:\n    - b\n", "- a: b #1|"},
    {"grammar: comments", "# one\n" MAIN "a#b # c\n\n    # d\n", "a#b|"},
    {"grammar: a rule", MAIN "a <x> and a <x>\n  x:\n    - dog\n", "a dog and a dog|"},
    {"grammar: a variable", MAIN "<n=x> is <n>\n  x:\n    - dog\n", "dog is dog|"},
    {"grammar: a variable of the rule's name",
     MAIN "<=x> is <x> when <y>\n  x:\n    - dog\n  y:\n    - <x>\n", "dog is dog when dog|"},
    {"grammar: silent, with agreement", MAIN "<!n=x><n.a> <n>\n  x:\n    - owl | a=an\n",
     "an owl|"},
    {"grammar: features come from below",
     MAIN "<!n=x><n.a> <n>\n  x:\n    - white <y>\n  y:\n    - owl | a=a\n", "a white owl|"},
    {"grammar: a capital", MAIN "<^x>. <!n=x><^n>. <n>\n  x:\n    - owl\n", "Owl. Owl. owl|"},
    {"grammar: nothing between two blanks", MAIN "a <x> dog\n  x:\n    - \"\"\n", "a dog|"},
    {"grammar: an answer", MAIN "what is it?<?> <x>\n  x:\n    - owl\n", "what is it?[ owl]|"},
    {"grammar: an unknown feature is nothing", MAIN "<!n=x>-<n.f>-\n  x:\n    - owl\n", "--|"},
    {"grammar: decisions, first that fits",
     MAIN "<!n=x><y>\n  x:\n    - owl | legs=2\ndecide:\n  y:\n    - no | when n=cat,dog\n    "
          "- four | when n.legs=4\n"
          "    - two | when n.legs=2,3 n!=cat\n    - else\n",
     "two|"},
    {"grammar: draws only what fits",
     MAIN "<!n=x><y>\n  x:\n    - owl\n  y:\n    - a | weight=1000000 when n!=owl\n    - b\n",
     "b|"},
};

static void test_text(void **state) {
    const struct text_case *c = *state;
    struct grammar *g = parse(c->grammar);
    struct buf got = {0};
    write_lines(g, 1, 1, &got);
    assert_string_equal(buf_text(&got), c->line);
    buf_deinit(&got);
    grammar_destroy(g);
}

/* ---- grammars that are wrong ---- */

static const struct error_case {
    const char *name, *grammar, *says;
} errors[] = {
    {"grammar: empty", "", "there is no level"},
    {"grammar: no level", "choose:\n  a:\n    - b\n", "there is no level"},
    {"grammar: an unknown section", "levels:\n  a: 1\nchose:\n",
     "line 3: sections are levels, choose and decide, not \"chose\""},
    {"grammar: a level without a rule", "levels:\n  a: 1\n",
     "line 2: there is no rule for the level \"a\""},
    {"grammar: a level without lines", "levels:\n  a: many\n",
     "line 2: a level has a number of lines, not \"many\""},
    {"grammar: an unknown rule", MAIN "<x>\n",
     "line 5: there is neither a rule nor a variable \"x\""},
    {"grammar: an unknown rule, kept", MAIN "<y=x>\n", "line 5: there is no rule \"x\""},
    {"grammar: an unknown variable", MAIN "b | when x=1\n",
     "line 5: nothing is ever kept as \"x\""},
    {"grammar: a rule twice", MAIN "b\n  main:\n    - c\n",
     "line 6: there already is a rule \"main\""},
    {"grammar: a rule without texts", MAIN "b\n  x:\n",
     "line 6: there is no text below the rule \"x\""},
    {"grammar: a text without a rule", "choose:\n    - b\n",
     "line 2: a rule's name must stand before \"b\""},
    {"grammar: a text of a level", "levels:\n  a: 1\n    - b\n",
     "line 3: only rules of choose: and decide:"},
    {"grammar: an open <", MAIN "a <x\n", "line 5: no > closes the \"x\""},
    {"grammar: no name", MAIN "a <x y>\n", "line 5: this is no name"},
    {"grammar: a note that is none", MAIN "b | loud\n", "line 5: behind | stand feature=value"},
    {"grammar: a weight of nothing", MAIN "b | weight=0\n",
     "line 5: a weight is a whole number"},
    {"grammar: a condition that is none", MAIN "b | when x\n",
     "line 5: a condition is x=value"},
    {"grammar: silent, but not kept", MAIN "<!main>\n", "line 5: ! is for what is kept"},
    {"grammar: a tab", "levels:\n\ta: 1\n", "line 2: only blanks may indent"},
    {"grammar: odd indents", "levels:\n   a: 1\n", "line 2: a line is a section, a name"},
    {"grammar: a sign in front", MAIN "[a]\n", "line 5: a text that begins with a sign"},
    {"grammar: a colon within", MAIN "a: b\n", "line 5: a text with a colon before a blank"},
    {"grammar: quotes that do not close", MAIN "\"a\n", "line 5: the quotes do not close"},
    {"grammar: a quote in quotes", MAIN "\"a\"b\"\n", "line 5: no quotes and no backslash"},
    {"grammar: not UTF-8", "levels:\n  a\xff: 1\n", "is not valid UTF-8"},
};

static void test_error(void **state) {
    const struct error_case *c = *state;
    struct err err = {0};
    assert_null(grammar_parse(c->grammar, strlen(c->grammar), &err));
    assert_int_equal(err.code, ERR_PARSE);
    if (!strstr(err.msg, c->says)) fail_msg("\"%s\" does not say %s", err.msg, c->says);
}

static void assert_no_line(const char *grammar, const char *says) {
    struct grammar *g = parse(grammar);
    struct grammar_line line = {.answer = 0};
    struct err err = {0};
    assert_false(grammar_make(g, 0, 1, 0, &line, &err));
    assert_int_equal(err.code, ERR_RANGE);
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    buf_deinit(&line.text);
    grammar_destroy(g);
}

static void test_endless(void **state) {
    (void)state;
    assert_no_line(MAIN "a <main>\n", "line 4: the rule \"main\" comes to no end");
    assert_no_line(MAIN "<x><x>\n  x:\n    - <y><y>\n  y:\n    - <main><main>\n",
                   "comes to no end");
    assert_no_line(MAIN "<!n=x><y>\n  x:\n    - b\n  y:\n    - c | when n=d\n",
                   "line 8: the rule \"y\" has no alternative that fits");
}

/* Each rule writes what the one below it gave twice: short to write, and 8 MB as a line. */
static void test_doubling(void **state) {
    enum { RULES = 20 };
    (void)state;
    struct buf text = {0};
    buf_printf(&text, MAIN "<r%d>\n  r0:\n    - eight by\n", RULES);
    for (int i = 1; i <= RULES; i++)
        buf_printf(&text, "  r%d:\n    - <=r%d><r%d>\n", i, i - 1, i - 1);
    assert_no_line(buf_text(&text), "makes a longer line than a grammar may");
    buf_deinit(&text);
}

/* ---- draws ---- */

static const char animals[] = MAIN
    "the <=x><?> <y>\n  x:\n    - dog | weight=3\n    - cat\n  y:\n    - runs\n    - sits\n";

/* A line is a function of seed and number; weights are kept. */
static void test_draws(void **state) {
    enum { N = 4000 };
    (void)state;
    struct grammar *g = parse(animals);
    struct buf once = {0}, again = {0}, other = {0};
    struct grammar_line line = {.answer = 0};
    int dogs = 0;
    write_lines(g, 1, 50, &once);
    write_lines(g, 1, 50, &again);
    write_lines(g, 2, 50, &other);
    assert_string_equal(buf_text(&once), buf_text(&again));
    assert_string_not_equal(buf_text(&once), buf_text(&other));
    for (uint64_t i = 0; i < N; i++) {
        assert_true(grammar_make(g, 0, 1, i, &line, NULL));
        dogs += strstr(line.text.data, "dog") != NULL;
    }
    assert_in_range(dogs, N * 70 / 100, N * 80 / 100);
    buf_deinit(&once);
    buf_deinit(&again);
    buf_deinit(&other);
    buf_deinit(&line.text);
    grammar_destroy(g);
}

/* The key of a line that asks is the case, not its wording: two animals, whatever they do. */
static void test_key(void **state) {
    (void)state;
    struct grammar *g = parse(animals);
    struct grammar_line line = {.answer = 0};
    uint64_t dog = 0, cat = 0;
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(grammar_make(g, 0, 1, i, &line, NULL));
        uint64_t *key = strstr(line.text.data, "dog") ? &dog : &cat;
        if (!*key) *key = line.key;
        assert_true(*key == line.key);
    }
    assert_true(dog != cat && dog && cat);
    buf_deinit(&line.text);
    grammar_destroy(g);
}

/* ---- the source ---- */

static const char *spec_of(const char *rest) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "grammar:%s", in_folder(rest));
    return spec;
}

static size_t lines_of(const char *spec) {
    struct source_text s = {0};
    struct err err = {0};
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    size_t n = s.n_units;
    source_deinit(&s);
    return n;
}

static void assert_refused(const char *spec, const char *says) {
    struct source_text s = {0};
    struct err err = {0};
    assert_false(source_read(spec, &s, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    source_deinit(&s);
}

static void test_source(void **state) {
    (void)state;
    put_file("g.yaml", TEXT(animals));
    assert_int_equal(lines_of(spec_of("g.yaml:main")), 10);
    assert_int_equal(lines_of(spec_of("g.yaml:main:25")), 25);
    assert_int_equal(lines_of(spec_of("g.yaml:main:7:99")), 7);
    assert_refused(spec_of("g.yaml:other"),
                   "g.yaml: there is no level \"other\"; the levels are main");
    assert_refused(spec_of("none.yaml:main"), "none.yaml: No such file");
    put_file("bad.yaml", TEXT("levels:\n  a\n"));
    assert_refused(spec_of("bad.yaml:main"), "bad.yaml: line 2: ");
    static const char *const wrong[] = {
        "grammar:g",     "grammar:g:",     "grammar:g:a:0",
        "grammar:g:a:x", "grammar:g:a:1:", "grammar:g:a:1:2:3",
        "grammar:a/b:c", "grammar::a",     "grammar:g:a:99999999999"};
    for (size_t i = 0; i < COUNT(wrong); i++) assert_false(source_check(wrong[i], NULL));
    assert_true(source_check("grammar:cricket:match:100:2", NULL));
    char out[4300];
    source_path("grammar:a/g.yaml:main", out, sizeof out);
    assert_string_equal(out, "a/g.yaml");
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_endless), cmocka_unit_test(test_doubling),
        cmocka_unit_test(test_draws), cmocka_unit_test(test_key),
        cmocka_unit_test(test_source)};
    struct CMUnitTest tests[COUNT(texts) + COUNT(errors) + COUNT(others)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(texts); i++)
        tests[n++] = (struct CMUnitTest){
            .name = texts[i].name, .test_func = test_text, .initial_state = (void *)&texts[i]};
    for (size_t i = 0; i < COUNT(errors); i++)
        tests[n++] = (struct CMUnitTest){.name = errors[i].name,
                                         .test_func = test_error,
                                         .initial_state = (void *)&errors[i]};
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("grammar", tests, make_folder, remove_folder);
}
