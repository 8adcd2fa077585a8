/* fuzz_screen.c - any bytes as a run's log, looked at with any keys: what a keyboard sends, a
 * line "%%", and events.jsonl. Whatever the log says and whatever is pressed, every frame at
 * every size is made of characters that a terminal may be sent. Built as a libFuzzer target,
 * and into test_fuzz_screen. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "tests/fuzz/folder.h"
#include "ui/app_parts.h"
#include "ui/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    KEYS_MOST = 12,
    KEYS_A_FRAME = 6, /* a frame costs more than all else; one is drawn behind the last key */
    COMMANDS_MOST = 64
};

static const struct {
    int w, h;
    enum glyphs glyphs;
} sizes[] = {{80, 24, GLYPHS_BRAILLE},
             {40, 8, GLYPHS_ASCII},
             {60, 16, GLYPHS_BLOCKS},
             {20, 5, GLYPHS_BRAILLE},
             {50, 46, GLYPHS_BLOCKS}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* What looks at every cell is not what is to be explored; inlined, it would be. */
#if defined(__clang__)
#define NOT_EXPLORED __attribute__((noinline, no_sanitize("coverage")))
#else
#define NOT_EXPLORED
#endif

static void require(bool holds) {
    if (!holds) abort();
}

/* Passes the sanitiser as it is; a mark stands on a letter there. */
static bool is_clean(uint32_t ch, bool mark) {
    char bytes[8] = "a";
    struct buf clean = {0};
    size_t n = (size_t)mark + text_encode(ch, bytes + mark);
    text_sanitise(&clean, bytes, n, false);
    bool same = clean.len == n && memcmp(clean.data, bytes, n) == 0;
    buf_deinit(&clean);
    return same;
}

/* Asked once of each character. */
NOT_EXPLORED static void check_character(uint32_t ch, bool mark) {
    enum { ALL = 0x110000 };
    static uint8_t known[2][ALL / 8];
    require(ch < ALL);
    uint8_t *byte = &known[mark][ch / 8], bit = (uint8_t)(1 << ch % 8);
    if (*byte & bit) return;
    require(is_clean(ch, mark));
    *byte |= bit;
}

NOT_EXPLORED static bool same(const struct cell *a, const struct cell *b) {
    return a->ch == b->ch && a->mark[0] == b->mark[0] && a->mark[1] == b->mark[1];
}

NOT_EXPLORED static void check_frame(const struct canvas *c) {
    for (int i = 0; i < c->w * c->h; i++) {
        const struct cell *cell = &c->cells[i];
        if (i > 0 && cell->ch == ' ' && same(cell, cell - 1)) continue; /* most are */
        bool half = cell->ch == 0; /* the right one of a wide character */
        require(!half || (i % c->w > 0 && text_width(cell[-1].ch) == 2));
        if (!half) check_character(cell->ch, false);
        for (int k = 0; k < 2; k++)
            if (cell->mark[k]) check_character(cell->mark[k], true);
    }
}

static void draw(struct app *a, struct canvas *c, double now) {
    app_draw(a, c, now);
    check_frame(c);
}

static void observe(struct app *a, const uint8_t *data, size_t size) {
    for (size_t n; size > 0; data += n, size -= n) {
        const uint8_t *end = memchr(data, '\n', size);
        struct event e;
        n = end ? (size_t)(end - data) + 1 : size;
        if (!event_parse((const char *)data, n, &e, NULL)) continue;
        app_observe(a, &e);
        event_deinit(&e);
    }
    app_caught_up(a);
}

/* One in two wishes is granted, one in four refused with what came from outside, one waits. */
static void answer(struct app *a, const struct command *sent, int n, const char *text) {
    for (int i = 0; i < n; i++) {
        struct answer said = {.id = sent[i].id, .ok = sent[i].id % 2 == 0, .step = sent[i].id};
        if (!said.ok) strncpy(said.error, text, sizeof said.error - 1);
        if (sent[i].id % 4 != 1) app_answer(a, &said);
    }
}

static void press(struct app *a, struct canvas *c, const uint8_t *keys, size_t n) {
    static struct command sent[COMMANDS_MOST];
    char text[64] = "";
    memcpy(text, keys, n < sizeof text ? n : sizeof text - 1);
    for (int i = 0; i < KEYS_MOST && n > 0; i++) {
        struct term_mouse mouse = {.x = 0};
        int key;
        size_t used = input_decode((const char *)keys, n, true, &key, &mouse);
        keys += used;
        n -= used;
        answer(a, sent, app_key(a, key, &mouse, sent, COMMANDS_MOST), text);
        if (i % KEYS_A_FRAME == KEYS_A_FRAME - 1 || n == 0) draw(a, c, 1000 + i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct folder_part parts[2];
    struct canvas canvas = {.cells = NULL};
    struct app_options o = {.mode = APP_DRIVE, .name = "fuzz", .runs = folder_path()};
    folder_cut(data, size, parts, 2);
    struct app *a = app_create(&o, NULL);
    size_t s = size % SIZES;
    require(a && canvas_init(&canvas, sizes[s].w, sizes[s].h, sizes[s].glyphs, NULL));
    if (parts[1].data) observe(a, parts[1].data, parts[1].size);
    draw(a, &canvas, 900);
    press(a, &canvas, parts[0].data, parts[0].size);
    app_destroy(a);
    canvas_deinit(&canvas);
    return 0;
}
