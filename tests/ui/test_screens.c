/* test_screens.c - golden screens: a recorded log, some keys, a size; the frame as text must be
 * the file in tests/golden. THAW_UPDATE_GOLDEN=1 writes the files anew: look at them before
 * committing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/app_fixture.h"
#include "ui/golden.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { ALL = 1 << 30, UTF8 = GLYPHS_BRAILLE, BLOCKS = GLYPHS_BLOCKS, ASCII = GLYPHS_ASCII };

#define PAUSE                                                                                  \
    "\"step\":372,\"type\":\"control\",\"do\":\"pause\",\"argument\":\"\",\"by\":\"screen\""
#define END                                                                                    \
    "\"step\":420,\"type\":\"stage\",\"index\":1,\"name\":\"finetune\",\"state\":"             \
    "\"finished\","                                                                            \
    "\"steps\":120",                                                                           \
        "\"step\":420,\"type\":\"end\",\"reason\":\"finished\""
#define PROBLEM                                                                                \
    "\"step\":372,\"type\":\"problem\",\"severity\":\"warning\","                              \
    "\"text\":\"checkpoint skipped: no space left on device\""
#define LONG_PROBLEM                                                                           \
    "\"step\":372,\"type\":\"problem\",\"severity\":\"warning\","                              \
    "\"text\":\"checkpoint skipped: 40 MiB are wanted and 12 MiB are left on the disk; make "  \
    "room, then type :checkpoint\""

static const struct screen {
    const char *name;
    int w, h, glyphs, events;
    int keys[12];
    const char *extra[3]; /* events behind the recorded ones */
    double wait;          /* seconds before the last frame */
    bool watch;
} screens[] = {
    {"80x24", 80, 24, UTF8, ALL, {0}, {0}, 0, false},
    {"80x24-blocks", 80, 24, BLOCKS, ALL, {0}, {0}, 0, false},
    {"80x24-ascii", 80, 24, ASCII, ALL, {0}, {0}, 0, false},
    {"120x40", 120, 40, UTF8, ALL, {0}, {0}, 0, false},
    {"120x40-ascii", 120, 40, ASCII, ALL, {0}, {0}, 0, false},
    {"200x60", 200, 60, UTF8, ALL, {0}, {0}, 0, false},
    {"60x16", 60, 16, UTF8, ALL, {0}, {0}, 0, false},
    {"60x16-ascii-loss", 60, 16, ASCII, ALL, {'1'}, {0}, 0, false},
    {"60x16-compare", 60, 16, UTF8, ALL, {'3'}, {0}, 0, false},
    {"60x16-log", 60, 16, UTF8, ALL, {'4'}, {0}, 0, false},
    {"40x8", 40, 8, UTF8, ALL, {0}, {0}, 0, false},
    {"40x8-ascii", 40, 8, ASCII, ALL, {0}, {0}, 0, false},
    {"20x5", 20, 5, UTF8, ALL, {0}, {0}, 0, false},
    {"50x46", 50, 46, UTF8, ALL, {0}, {0}, 0, false},
    {"50x46-ascii", 50, 46, ASCII, ALL, {0}, {0}, 0, false},
    {"nothing-yet", 80, 24, ASCII, 0, {0}, {0}, 0, false},
    {"starting", 80, 24, ASCII, 4, {0}, {0}, 0, false},
    {"pretraining", 80, 24, UTF8, 220, {0}, {0}, 0, false},
    {"queued", 80, 24, ASCII, ALL, {'j', 'j', 'j', ' '}, {0}, 0, false},
    {"paused", 80, 24, ASCII, ALL, {0}, {PAUSE}, 0, false},
    {"stalled", 80, 24, ASCII, ALL, {0}, {0}, 9, false},
    {"ended", 80, 24, ASCII, ALL, {0}, {END}, 0, false},
    {"problem", 80, 24, ASCII, ALL, {'4'}, {PROBLEM}, 0, false},
    {"watching", 80, 24, ASCII, ALL, {' '}, {0}, 0, true},
    {"help", 80, 24, ASCII, ALL, {'?'}, {0}, 0, false},
    {"help-marks", 80, 24, ASCII, ALL, {'?', 'G', 'k', 'k', 'k', 'k'}, {0}, 0, false},
    {"help-find", 80, 24, ASCII, ALL, {'?', '/', 'z', 'o', 'o', 'm', '\r', 'n'}, {0}, 0, false},
    {"help-find-typing", 40, 8, ASCII, ALL, {'?', '/', 'l', 'o', 'g'}, {0}, 0, false},
    {"tour", 80, 24, UTF8, ALL, {':', 't', 'o', 'u', 'r', '\r'}, {0}, 0, false},
    {"tour-layers", 80, 24, ASCII, ALL, {':', 't', 'o', 'u', 'r', '\r', '\r'}, {0}, 0, false},
    {"tour-compare-60x16",
     60,
     16,
     ASCII,
     ALL,
     {':', 't', 'o', 'u', 'r', '\r', '\r', '\r'},
     {0},
     0,
     false},
    {"tour-40x8", 40, 8, ASCII, ALL, {':', 't', 'o', 'u', 'r', '\r'}, {0}, 0, false},
    {"tour-end",
     80,
     24,
     ASCII,
     ALL,
     {':', 't', 'o', 'u', 'r', '\r', '\r', '\r', '\r', '\r'},
     {0},
     0,
     false},
    {"log-wide", 80, 24, ASCII, ALL, {'4', '\r'}, {LONG_PROBLEM}, 0, false},
    {"zoomed-in", 80, 24, ASCII, ALL, {'1', '+', '+', '+', '+', '+', '+'}, {0}, 0, false},
    {"help-end", 120, 40, ASCII, ALL, {'?', 'G'}, {0}, 0, false},
    {"stop-asked", 80, 24, ASCII, ALL, {'Q'}, {0}, 0, false},
    {"command-line", 80, 24, ASCII, ALL, {':', 'u', '\t', 'b', '\t', '2'}, {0}, 0, false},
    {"command-wrong", 80, 24, ASCII, ALL, {':', 'l', 'r', ' ', 'x', '\r'}, {0}, 0, false},
    {"prompt", 80, 24, ASCII, ALL, {'e', '!'}, {0}, 0, false},
    {"score", 80, 24, UTF8, ALL, {'c'}, {0}, 0, false},
    {"blind", 80, 24, ASCII, ALL, {'b', KEYS_RIGHT}, {0}, 0, false},
    {"blind-revealed", 80, 24, UTF8, ALL, {'b', KEYS_LEFT, '\r'}, {0}, 0, false},
    {"blind-small", 60, 16, UTF8, ALL, {'b'}, {0}, 0, true},
    {"range", 80, 24, ASCII, ALL, {'j', 'j', 'j', 'V', 'j', 'j'}, {0}, 0, false},
    {"range-wide",
     120,
     40,
     UTF8,
     ALL,
     {'j', 'j', 'j', '\r', 'V', 'j', 'j', 'j', 'j'},
     {0},
     0,
     false},
    {"top-k", 120, 40, ASCII, ALL, {'c', 'c'}, {0}, 0, false},
    {"opened", 120, 40, UTF8, ALL, {'j', 'j', 'j', '\r', 'j'}, {0}, 0, false},
    {"cursor", 80, 24, UTF8, ALL, {'1', KEYS_LEFT, KEYS_LEFT, KEYS_LEFT}, {0}, 0, false},
    {"own-marks",
     80,
     24,
     UTF8,
     ALL,
     {'1', 'm', '\'', KEYS_RIGHT, KEYS_RIGHT, 'm', KEYS_LEFT, '\''},
     {0},
     0,
     false},
    {"overlay",
     80,
     24,
     UTF8,
     ALL,
     {':', 'o', 'v', '\t', 'o', 't', 'h', '\t', '\r'},
     {0},
     0,
     false},
    {"overlay-ascii",
     120,
     40,
     ASCII,
     ALL,
     {':', 'o', 'v', '\t', 'o', '\t', '\r', '1', '\r'},
     {0},
     0,
     true},
    {"zoomed", 120, 40, ASCII, ALL, {'1', '\r', '+', '+', '>', 'l', 's'}, {0}, 0, false},
    {"tokens", 80, 24, UTF8, ALL, {'x', 'f'}, {0}, 0, false},
};

static void test_screen(void **state) {
    const struct screen *s = *state;
    struct app_fixture f;
    fixture_open(&f, s->watch ? APP_WATCH : APP_DRIVE, s->w, s->h, (enum glyphs)s->glyphs);
    fixture_recorded(&f, s->events);
    for (int i = 0; i < 3 && s->extra[i]; i++) fixture_event(&f, "%s", s->extra[i]);
    fixture_draw(&f);
    for (int i = 0; i < 12 && s->keys[i]; i++) fixture_key(&f, s->keys[i]);
    f.now += s->wait;
    check_golden(s->name, fixture_text(&f));
    fixture_close(&f);
}

int main(void) {
    struct CMUnitTest tests[COUNT(screens)];
    for (size_t i = 0; i < COUNT(screens); i++)
        tests[i] = (struct CMUnitTest){.name = screens[i].name,
                                       .test_func = test_screen,
                                       .initial_state = (void *)(uintptr_t)&screens[i]};
    return cmocka_run_group_tests_name("screens", tests, NULL, NULL);
}
