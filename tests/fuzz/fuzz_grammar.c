/* fuzz_grammar.c - any bytes as a grammar: refused with a message, or lines that are UTF-8, the
 * same each time, or refused with a message. Built as a libFuzzer target, and into
 * test_fuzz_grammar. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_line(const struct grammar *g, uint64_t number) {
    struct grammar_line line = {.answer = 0}, again = {.answer = 0};
    struct err err = {0};
    bool made = grammar_make(g, 0, 1, number, &line, &err);
    require(grammar_make(g, 0, 1, number, &again, NULL) == made);
    if (!made) require(err.code == ERR_RANGE && err.msg[0] != '\0');
    require(line.text.len == again.text.len && line.key == again.key);
    require(line.text.len == 0 || memcmp(line.text.data, again.text.data, line.text.len) == 0);
    require(!made || (line.answer <= line.text.len &&
                      text_valid_prefix(buf_text(&line.text), line.text.len) == line.text.len));
    buf_deinit(&line.text);
    buf_deinit(&again.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err err = {0};
    struct grammar *g = grammar_parse((const char *)data, size, &err);
    require(g || (err.code != ERR_NONE && err.msg[0] != '\0'));
    for (uint64_t i = 0; g && i < 4; i++) check_line(g, i);
    grammar_destroy(g);
    return 0;
}
