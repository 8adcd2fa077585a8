/* fuzz_command.c - any bytes at the control socket and at the command line: refused with a
 * message, or a command that survives the way through JSON. Built as a libFuzzer target, and
 * into test_fuzz_command. */
#include <stdlib.h>
#include <string.h>

#include "engine/run/command.h"
#include "engine/run/frame.h"
#include "engine/run/role.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* A good command is the same after another trip. */
static void check_command(const struct command *c) {
    struct buf line = {0}, again = {0};
    struct command back;
    command_to_json(c, &line);
    require(command_from_json(line.data, line.len, &back, NULL));
    command_to_json(&back, &again);
    require(line.len == again.len && memcmp(line.data, again.data, line.len) == 0);
    buf_deinit(&line);
    buf_deinit(&again);
}

/* What else goes over the socket: who steers, and what everybody is to hear. */
static void take_others(const char *line, size_t n) {
    struct buf text = {0};
    char notice[NOTICE_MAX], again[NOTICE_MAX];
    int64_t id, same;
    bool steers, too;
    if (hold_from_json(line, n, &id)) {
        hold_to_json(id, &text);
        require(hold_from_json(text.data, text.len, &same) && same == id);
    }
    buf_clear(&text);
    if (role_from_json(line, n, &steers)) {
        role_to_json(steers, &text);
        require(role_from_json(text.data, text.len, &too) && too == steers);
    }
    buf_clear(&text);
    if (notice_from_json(line, n, notice)) {
        notice_to_json(notice, &text);
        require(notice_from_json(text.data, text.len, again) && strcmp(again, notice) == 0);
    }
    buf_deinit(&text);
}

static void take_json(const char *line, size_t n) {
    take_others(line, n);
    struct command c;
    struct answer a;
    struct err err = {0};
    if (command_from_json(line, n, &c, &err)) check_command(&c);
    else require(err.code != ERR_NONE && err.msg[0] != '\0');
    if (!answer_from_json(line, n, &a, NULL)) return;
    struct buf text = {0};
    answer_to_json(&a, &text);
    require(answer_from_json(text.data, text.len, &a, NULL));
    buf_deinit(&text);
}

/* The bytes as they may come from a socket: in pieces of three. */
static void take_stream(const uint8_t *data, size_t size) {
    struct frame f = {0};
    for (size_t at = 0; at < size && !frame_too_long(&f); at += 3) {
        const char *line;
        size_t n;
        require(frame_add(&f, data + at, size - at < 3 ? size - at : 3, 0));
        while (frame_next(&f, &line, &n)) take_json(line, n);
    }
    frame_deinit(&f);
}

/* The bytes as words between blanks. */
static void take_words(const uint8_t *data, size_t size) {
    enum { WORDS = 16 };
    const char *words[WORDS];
    char *rest = malloc(size + 1), *word;
    require(rest != NULL);
    memcpy(rest, data, size);
    rest[size] = '\0';
    int n = 0;
    for (char *at = rest; n < WORDS && (word = strsep(&at, " \t\n"));) words[n++] = word;
    struct command c;
    struct err err = {0};
    if (command_from_words(words, n, &c, &err)) check_command(&c);
    else require(err.code != ERR_NONE && err.msg[0] != '\0');
    free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    take_json((const char *)data, size);
    take_stream(data, size);
    take_words(data, size);
    return 0;
}
