/* fuzz_input.c - any bytes from a terminal: each is part of a key, whatever comes behind them,
 * and no key is out of range. Built as a libFuzzer target, and into test_fuzz_input. */
#include <stdint.h>
#include <stdlib.h>

#include "ui/input.h"
#include "ui/term.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_key(int key, const struct term_mouse *m) {
    bool character = key > 0 && key < 0x110000 && !(key >= 0xD800 && key < 0xE000);
    require(key == KEYS_NONE || character || (key > KEYS_SPECIAL && key <= KEYS_RESIZE));
    if (key == KEYS_MOUSE) require(m->x >= 0 && m->y >= 0 && m->button >= 0 && m->button <= 3);
    require(keys_action(key) >= ACTION_NONE && keys_action(key) < ACTION_COUNT);
}

/* The key at the front, of as few bytes as tell it: the same as when all are there. */
static void check_early(const char *bytes, size_t n, size_t used, int key) {
    struct term_mouse mouse = {0};
    for (size_t i = 1; i <= used && i <= n; i++) {
        int early;
        size_t taken = input_decode(bytes, i, false, &early, &mouse);
        require(taken == 0 || (taken == used && early == key));
        if (taken > 0) return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    for (size_t at = 0; at < size;) {
        struct term_mouse mouse = {0};
        int key = -1;
        size_t left = size - at, used = input_decode(bytes + at, left, false, &key, &mouse);
        require(used <= left);
        if (used > 0) check_early(bytes + at, left, used, key);
        else used = input_decode(bytes + at, left, true, &key, &mouse);
        require(used > 0 && used <= left);
        check_key(key, &mouse);
        at += used;
    }
    return 0;
}
