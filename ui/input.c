#include "ui/input.h"

#include <string.h>

#include "engine/core/text.h"
#include "ui/term.h"

enum { ESC = 27, MAX_SEQUENCE = 64 };

/* ESC [ LETTER and ESC O LETTER, with or without parameters (modifiers). */
static int key_of_letter(char letter) {
    switch (letter) {
    case 'A':
        return KEYS_UP;
    case 'B':
        return KEYS_DOWN;
    case 'C':
        return KEYS_RIGHT;
    case 'D':
        return KEYS_LEFT;
    case 'H':
        return KEYS_HOME;
    case 'F':
        return KEYS_END;
    case 'Z':
        return KEYS_BACKTAB;
    case 'P':
        return KEYS_F1;
    case 'M':
        return KEYS_ENTER; /* of the keypad */
    default:
        return KEYS_NONE;
    }
}

/* ESC [ NUMBER ~ */
static int key_of_number(int number) {
    switch (number) {
    case 1:
    case 7:
        return KEYS_HOME;
    case 4:
    case 8:
        return KEYS_END;
    case 3:
        return KEYS_DELETE;
    case 5:
        return KEYS_PAGE_UP;
    case 6:
        return KEYS_PAGE_DOWN;
    case 11:
        return KEYS_F1;
    default:
        return KEYS_NONE;
    }
}

/* A mouse report. code: bits 0-1 the button, 4 shift, 8 meta, 16 control, 32 motion, 64 wheel.
 */
static int mouse_key(struct term_mouse *mouse, int code, int x, int y, bool released) {
    bool wheel = code & 64;
    if (code < 0 || x < 1 || y < 1) return KEYS_NONE; /* no terminal sends that */
    if (released || (code & 32) || code >= 128 || (!wheel && (code & 3) == 3)) return KEYS_NONE;
    if (wheel && (code & 3) > 1) return KEYS_NONE; /* sideways */
    *mouse = (struct term_mouse){.x = x - 1, .y = y - 1};
    if (!wheel) mouse->button = (code & 3) + 1;
    mouse->wheel_up = wheel && (code & 3) == 0;
    mouse->wheel_down = wheel && (code & 3) == 1;
    return KEYS_MOUSE;
}

/* The parameters "a;b;c" of s[0..n); missing ones are 0. */
static void parse_numbers(const char *s, size_t n, int out[3]) {
    memset(out, 0, 3 * sizeof out[0]);
    int k = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == ';' && ++k == 3) return;
        if (s[i] >= '0' && s[i] <= '9' && out[k] < 10000) out[k] = out[k] * 10 + (s[i] - '0');
    }
}

/* ESC [ M and three bytes: button, column, row, each with 32 added. */
static size_t decode_x10_mouse(const unsigned char *s, size_t n, int *key,
                               struct term_mouse *mouse) {
    if (n < 6) return 0;
    *key = mouse_key(mouse, s[3] - 32, s[4] - 32, s[5] - 32, false);
    return 6;
}

/* A control sequence: ESC [ parameters (0x30-0x3F) intermediates (0x20-0x2F) final (0x40-0x7E).
 */
static size_t decode_csi(const char *s, size_t n, int *key, struct term_mouse *mouse) {
    if (n > 2 && s[2] == 'M') return decode_x10_mouse((const unsigned char *)s, n, key, mouse);
    if (n > 2 && s[2] == '[') { /* function keys of the Linux console: ESC [ [ A */
        if (n < 4) return 0;
        if (s[3] == 'A') *key = KEYS_F1;
        return 4;
    }
    size_t at = 2;
    while (at < n && at < MAX_SEQUENCE && s[at] >= 0x20 && s[at] < 0x40) at++;
    if (at == n && at < MAX_SEQUENCE) return 0;
    if (at == MAX_SEQUENCE || s[at] < 0x40 || s[at] > 0x7E) return at; /* broken off */
    int numbers[3];
    bool sgr_mouse = s[2] == '<' && (s[at] == 'M' || s[at] == 'm');
    parse_numbers(s + 2, at - 2, numbers);
    if (sgr_mouse) *key = mouse_key(mouse, numbers[0], numbers[1], numbers[2], s[at] == 'm');
    else if (s[at] == '~') *key = key_of_number(numbers[0]);
    else *key = key_of_letter(s[at]);
    return at + 1;
}

static size_t decode_escape(const char *s, size_t n, int *key, struct term_mouse *mouse) {
    if (n == 1) return 0;
    if (s[1] == '[') return decode_csi(s, n, key, mouse);
    if (s[1] == 'O') {
        if (n < 3) return 0;
        *key = key_of_letter(s[2]);
        return 3;
    }
    if (s[1] == '\t') { /* what the Linux console sends for Shift-Tab */
        *key = KEYS_BACKTAB;
        return 2;
    }
    *key = KEYS_ESCAPE; /* and then a key of its own: Alt is not used */
    return 1;
}

size_t input_decode(const char *bytes, size_t n, bool final, int *key,
                    struct term_mouse *mouse) {
    *key = KEYS_NONE;
    if (n == 0) return 0;
    if (bytes[0] == ESC) {
        size_t used = decode_escape(bytes, n, key, mouse);
        if (used > 0 || !final) return used;
        *key = n == 1 ? KEYS_ESCAPE : KEYS_NONE;
        return n;
    }
    if (!final && text_incomplete_tail(bytes, n) == n) return 0;
    uint32_t cp;
    size_t used = text_decode(bytes, n, &cp);
    *key = cp == 0x7F || cp == 8 ? KEYS_BACKSPACE : (int)cp;
    return used;
}
