#include "ui/hostile.h"

#include <string.h>

#include "check.h"
#include "engine/core/text.h"

/* Sequences that do something to a terminal: whole, in the 8-bit form, and cut off. */
static const char *const sequences[] = {
    "\033[2J",
    "\033[31;7m",
    "\033[?1049l",
    "\033[?25h\033[?1000h",
    "\033[6n",
    "\033[c",
    "\033[>c",
    "\033[999;999H",
    "\033[3;1r",
    "\033[5i",
    "\033[8;1;1t",
    "\033[21t",
    "\033[!p",
    "\033[1;2'{",
    "\033[",
    "\033[1;",
    "\033[1\030m",
    "\033",
    "\033c",
    "\033#8",
    "\033(0",
    "\033%@",
    "\033]0;owned\007",
    "\033]2;owned\033\\",
    "\033]52;c;b3duZWQ=\007",
    "\033]8;;http://owned\033\\link\033]8;;\033\\",
    "\033]P0ff0000",
    "\033]104\007",
    "\033]0;never ended",
    "\033P+q544e\033\\",
    "\033P$qm\033\\",
    "\033_apc\033\\",
    "\033Xsos\033\\",
    "\033^pm\033\\",
    "\033_never ended",
    "\2332J",
    "\2350;owned\234",
    "\220q\234",
    "\237apc\234",
    "\230sos\234",
    "\236pm\234",
    "\302\2332J",
    "\302\2350;owned\302\234",
    "\016lqk\017",
    "over\b\b\b\bwrite\rfront",
    "two\nlines\r\nand\vtabs\t\tand\fpages",
    "%s%n%d \\e[31m \\x1b[31m",
};

/* What is no UTF-8: overlong forms, lone and missing continuations, surrogates, beyond the end.
 */
static const char *const invalid[] = {
    "\300\257",
    "\340\200\257",
    "\360\200\200\257",
    "\301\233[2J",
    "\340\202\233[2J",
    "\355\240\200",
    "\355\277\277",
    "\364\220\200\200",
    "\370\210\200\200\200",
    "\374\204\200\200\200\200",
    "\376\377",
    "\200\201\277",
    "\342\202",
    "\360\237\230",
    "\303",
    "a\342\202[31m",
};

/* Characters that turn, hide, join or widen text. */
static const uint32_t characters[] = {
    0x00AD, 0x034F,  0x061C,  0x070F,  0x115F,  0x1160,  0x17B4,  0x180E,  0x200B,  0x200C,
    0x200D, 0x200E,  0x200F,  0x2028,  0x2029,  0x202A,  0x202B,  0x202C,  0x202D,  0x202E,
    0x2060, 0x2061,  0x2064,  0x2066,  0x2067,  0x2068,  0x2069,  0x206A,  0x206F,  0x3000,
    0x3164, 0xFE00,  0xFE0F,  0xFEFF,  0xFFA0,  0xFFF9,  0xFFFB,  0xFFFE,  0xFFFF,  0xE000,
    0xFDFD, 0x1D173, 0x1F1E9, 0x1F3FF, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xF0000, 0x10FFFF,
};

static void begin(struct hostile *h) {
    assert_true(h->n < HOSTILE_MAX);
    h->at[h->n++] = h->bytes.len;
}

static void end(struct hostile *h) { assert_true(buf_add(&h->bytes, "", 1)); }

static void add(struct hostile *h, const char *before, const char *s, size_t n,
                const char *after) {
    begin(h);
    buf_str(&h->bytes, before);
    buf_add(&h->bytes, s, n);
    buf_str(&h->bytes, after);
    end(h);
}

/* A letter, then a piece of text n times. */
static void add_run(struct hostile *h, const char *letter, const char *piece, int n) {
    begin(h);
    buf_str(&h->bytes, letter);
    for (int i = 0; i < n; i++) buf_str(&h->bytes, piece);
    end(h);
}

void hostile_make(struct hostile *h) {
    char bytes[4];
    *h = (struct hostile){.n = 0};
    for (int c = 1; c < 0x100; c++) /* C0, DEL, C1 and what else is no UTF-8 as one byte */
        if (c < 0x20 || c == 0x7F || (c >= 0x80 && c < 0xA0)) {
            bytes[0] = (char)c;
            add(h, "a", bytes, 1, "b");
        }
    for (uint32_t c = 0x80; c < 0xA0; c++) add(h, "a", bytes, text_encode(c, bytes), "2J;b");
    for (int c = 0x20; c < 0x7F; c++) { /* ESC and each character that may follow */
        bytes[0] = 033, bytes[1] = (char)c;
        add(h, "", bytes, 2, "1;2m");
    }
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        add(h, "x", sequences[i], strlen(sequences[i]), "y");
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        add(h, "x", invalid[i], strlen(invalid[i]), "y");
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++)
        add(h, "abc", bytes, text_encode(characters[i], bytes), "def");
    add_run(h, "e", "\314\201", 300);       /* combining marks on one letter */
    add_run(h, "", "\314\202\314\203", 40); /* and on none */
    add_run(h, "", "\360\237\221\250\342\200\215", 60);
    add_run(h, "", "\346\227\245", 300);
    add_run(h, "", "W", 3000);
    add_run(h, "", "\033[31m", 300);
    add_run(h, "", "\n", 300);
}

void hostile_deinit(struct hostile *h) { buf_deinit(&h->bytes); }

const char *hostile_text(const struct hostile *h, int i) {
    return h->bytes.data + h->at[i % h->n];
}
