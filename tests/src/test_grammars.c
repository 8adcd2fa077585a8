/* test_grammars.c - the grammars of assets/grammars: YAML to every reader, lines without end,
 * one right answer to each question. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/data/bytes_map.h"
#include "engine/data/grammar_file.h"
#include "src/config_yaml.h"

enum { LINES = 20000 };

static const char folder[] = THAW_SOURCE_DIR "/assets/grammars";

static void add_span(struct buf *out, char sign, struct grammar_span s) {
    buf_printf(out, "%c%.*s\n", sign, (int)s.n, s.at);
}

/* What the engine's reader sees: a line an item. */
static void read_ours(const struct buf *text, struct buf *out) {
    struct grammar_reader r = {text->data, text->data + text->len, 0};
    struct grammar_span word, value;
    enum grammar_item kind;
    struct err err = {0};
    for (;;) {
        if (!grammar_next(&r, &kind, &word, &value, &err)) fail_msg("%s", err.msg);
        if (kind == ITEM_END) return;
        if (kind == ITEM_TEXT) add_span(out, '-', value);
        else add_span(out, kind == ITEM_SECTION ? '#' : ':', word);
        if (kind == ITEM_NAME && value.n > 0) add_span(out, '=', value);
    }
}

/* What libyaml sees: a mapping of mappings to lists or words. */
static void read_yaml(const struct buf *text, struct buf *out) {
    struct err err = {0};
    struct yaml_source *y = yaml_source_create(text->data, text->len, &err);
    struct yaml_item item;
    int depth = 0;
    bool in_list = false, value = false;
    assert_non_null(y);
    for (;;) {
        if (!yaml_source_next(y, &item, &err)) fail_msg("%zu: %s", item.line, err.msg);
        if (item.kind == YAML_END) break;
        if (item.kind == YAML_LIST) in_list = true;
        if (item.kind == YAML_MAPPING || item.kind == YAML_LIST) depth++;
        if (item.kind == YAML_CLOSE) depth--, in_list = false;
        if (item.kind != YAML_WORD) {
            value = false;
            continue;
        }
        struct grammar_span s = {item.text, item.n};
        if (in_list) add_span(out, '-', s);
        else if (value) add_span(out, '=', s);
        else add_span(out, depth == 1 ? '#' : ':', s);
        value = !in_list && !value;
    }
    yaml_source_destroy(y);
}

/* A question that is asked again has the same answer. */
static void check_answer(struct bytes_map *questions, struct bytes_map *answers,
                         const struct grammar_line *line) {
    uint32_t question, answer, known = questions->n;
    assert_true(bytes_map_add(questions, line->text.data, line->answer, &question, NULL));
    if (question < known) {
        if (bytes_map_find(answers, line->text.data, line->text.len) == BYTES_MAP_NONE)
            fail_msg("another answer: %s", line->text.data);
        return;
    }
    assert_true(bytes_map_add(answers, line->text.data, line->text.len, &answer, NULL));
}

static void check_level(const struct grammar *g, int level) {
    struct bytes_map questions = {.n = 0}, answers = {.n = 0};
    struct grammar_line line = {.answer = 0};
    struct err err = {0};
    for (uint64_t i = 0; i < LINES; i++) {
        if (!grammar_make(g, level, 1, i, &line, &err)) fail_msg("%s", err.msg);
        assert_true(line.text.len > 3 && !strstr(line.text.data, "  "));
        char end = line.text.data[line.text.len - 1];
        assert_true(end == '.' || end == '?');
        if (line.answer) check_answer(&questions, &answers, &line);
    }
    if (questions.n > 0) assert_true(questions.n >= 50); /* enough that some are held out */
    bytes_map_deinit(&questions);
    bytes_map_deinit(&answers);
    buf_deinit(&line.text);
}

static void check_file(const char *name) {
    char path[4096];
    struct buf text = {0}, ours = {0}, theirs = {0};
    struct err err = {0};
    assert_true(files_join(path, sizeof path, folder, name, &err));
    assert_true(files_read(path, GRAMMAR_BYTES_MAX, &text, &err));
    read_ours(&text, &ours);
    read_yaml(&text, &theirs);
    assert_string_equal(buf_text(&ours), buf_text(&theirs));
    struct grammar *g = grammar_parse(text.data, text.len, &err);
    if (!g) fail_msg("%s: %s", name, err.msg);
    for (int i = 0; i < g->n_levels; i++) check_level(g, i);
    grammar_destroy(g);
    buf_deinit(&text);
    buf_deinit(&ours);
    buf_deinit(&theirs);
}

static void test_files(void **state) {
    (void)state;
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        print_message("%s\n", e->d_name);
        check_file(e->d_name);
        n++;
    }
    closedir(d);
    assert_true(n >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};
    return cmocka_run_group_tests_name("grammars", tests, NULL, NULL);
}
