/* fuzz_typed.c - any bytes as the file of lines that were typed: at most so many lines come out
 * of it, none too long, each can be looked at in the line, and what is typed next is kept
 * behind them. Built as a libFuzzer target, and into test_fuzz_typed. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/folder.h"
#include "ui/command_line.h"
#include "ui/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct command_line l, again;
    static struct history h;
    const char *path = folder_put("history", (struct folder_part){data, size});
    struct command c;
    struct err err = {0};
    command_line_read(&l, path);
    require(l.n_past >= 0 && l.n_past <= COMMAND_LINE_HISTORY && l.n_new == 0);
    for (int i = 0; i < l.n_past; i++) {
        size_t n = strnlen(l.past[i], LINE_EDIT_MAX);
        require(n < LINE_EDIT_MAX && !memchr(l.past[i], '\n', n));
    }
    command_line_open(&l);
    for (int i = 0; i < l.n_past + 2; i++)
        require(command_line_key(&l, &h, KEYS_UP, &c, &err) == COMMAND_LINE_OPEN);
    command_line_open(&l);
    line_edit_set(&l.edit, "pause");
    require(command_line_key(&l, &h, KEYS_ENTER, &c, &err) == COMMAND_LINE_SEND);
    require(command_line_keep(&l, path, &err));
    command_line_read(&again, path);
    require(again.n_past > 0 && strcmp(again.past[again.n_past - 1], "pause") == 0);
    return 0;
}
