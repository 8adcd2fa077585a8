/* fuzz_frame.c - any bytes from a socket, in pieces of any size: the lines are those of the
 * bytes as a whole, each is refused with a message or survives the way through JSON. The first
 * byte says how long the pieces are. Built as a libFuzzer target, and into test_fuzz_frame. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/command.h"
#include "engine/run/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* What both ends of the socket make of a line. */
static void take_line(const char *line, size_t n) {
    struct command c;
    struct answer a;
    struct err err = {0};
    struct buf text = {0};
    char notice[NOTICE_MAX];
    if (!command_from_json(line, n, &c, &err))
        require(err.code != ERR_NONE && err.msg[0] != '\0');
    if (answer_from_json(line, n, &a, NULL)) {
        answer_to_json(&a, &text);
        require(answer_from_json(text.data, text.len, &a, NULL));
        buf_clear(&text);
    }
    if (notice_from_json(line, n, notice)) {
        require(memchr(notice, '\0', sizeof notice) != NULL);
        notice_to_json(notice, &text);
        require(notice_from_json(text.data, text.len, notice));
    }
    buf_deinit(&text);
}

/* The next line must be the one that begins at `at`; the place behind it. */
static size_t check_line(const uint8_t *data, size_t size, size_t at, const char *line,
                         size_t n) {
    require(n <= size - at && memcmp(line, data + at, n) == 0);
    require(at + n < size && data[at + n] == '\n' && memchr(line, '\n', n) == NULL);
    take_line(line, n);
    return at + n + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t piece = (size_t)data[0] + 1, taken = 0;
    struct frame f = {0};
    data++, size--;
    for (size_t at = 0; at < size && !frame_too_long(&f); at += piece) {
        const char *line;
        size_t n, here = size - at < piece ? size - at : piece;
        require(frame_add(&f, data + at, here, (double)at));
        while (frame_next(&f, &line, &n)) taken = check_line(data, size, taken, line, n);
        double patience = frame_patience(&f, (double)at);
        require(taken == at + here ? isinf(patience) : patience == FRAME_SILENCE_S);
    }
    require(frame_too_long(&f) || !memchr(data + taken, '\n', size - taken));
    frame_deinit(&f);
    return 0;
}
