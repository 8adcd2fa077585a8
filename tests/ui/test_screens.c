/* test_screens.c - golden screens: a recorded log, some keys, a size; the frame as text must be
 * the file in tests/golden, and terminals must show it. THAW_UPDATE_GOLDEN=1 writes the files
 * anew: look at them before committing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/canvas_dump.h"
#include "ui/golden.h"
#include "ui/on_terminals.h"

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

#define TOKEN(text, logprob, gain)                                                             \
    "{\"id\":1,\"text\":\"" text "\",\"logprob\":" logprob ",\"gain\":" gain ",\"rank\":1}"
#define THIRD                                                                                  \
    "\"step\":360,\"type\":\"sample\",\"prompt\":\"fever :\",\"side\":\"legal/step-600\","     \
    "\"weights\":\"1c2d5e6f708192a3\",\"seed\":0,\"temperature\":0.8,\"index\":0,\"mean_"      \
    "gain\":"                                                                                  \
    "-0.42,\"kl\":0.3,\"tokens\":[" TOKEN(" a", "-0.9", "0.1") "," TOKEN(                      \
        " writ", "-3.1", "-1.2") "," TOKEN(" of the court", "-1", "-0.2") "]"

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
    {"200x60-ascii", 200, 60, ASCII, ALL, {0}, {0}, 0, false},
    {"180x50", 180, 50, UTF8, ALL, {0}, {0}, 0, false},
    {"180x50-ascii", 180, 50, ASCII, ALL, {0}, {0}, 0, false},
    {"180x50-blocks", 180, 50, BLOCKS, 220, {'5'}, {0}, 0, false},
    {"300x100", 300, 100, UTF8, ALL, {'6', KEYS_PAGE_DOWN}, {0}, 0, false},
    {"84x46", 84, 46, UTF8, ALL, {0}, {0}, 0, false},
    {"speed", 80, 24, UTF8, ALL, {'5'}, {0}, 0, false},
    {"speed-wide", 120, 40, ASCII, ALL, {'5'}, {0}, 0, false},
    {"60x16-speed", 60, 16, UTF8, ALL, {'5'}, {0}, 0, false},
    {"guide", 80, 24, ASCII, ALL, {'3', '6', 'j'}, {0}, 0, false},
    {"guide-wide", 120, 40, UTF8, 220, {'1', '6'}, {0}, 0, false},
    {"60x16-guide", 60, 16, ASCII, ALL, {'4', '6'}, {PAUSE}, 0, false},
    {"60x16-ascii", 60, 16, ASCII, ALL, {0}, {0}, 0, false},
    {"20x5-ascii", 20, 5, ASCII, ALL, {0}, {0}, 0, false},
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
    {"third", 80, 24, ASCII, ALL, {'c', 'c', 'c'}, {THIRD}, 0, false},
    {"third-beside", 180, 50, UTF8, ALL, {0}, {THIRD}, 0, false},
    {"third-pretraining", 80, 24, UTF8, 220, {0}, {THIRD}, 0, false},
    {"tokens", 80, 24, UTF8, ALL, {'x', 'f'}, {0}, 0, false},
};

/* A scene that is about a size, and nothing else. */
static bool is_size(const struct screen *s) { return s->name[0] >= '1' && s->name[0] <= '9'; }

/* Without colours: the attributes must say the same. */
static void check_mono(const struct screen *s, const struct canvas *c) {
    char name[64];
    struct buf text = {0};
    snprintf(name, sizeof name, "%s-mono", s->name);
    canvas_dump_as(c, DUMP_ANSI, (struct dump_look){.colours = 0}, &text);
    check_golden(name, buf_text(&text));
    buf_deinit(&text);
}

/* What a screen of this size showed while the base was trained. */
static void draw_earlier(const struct screen *s, struct app_fixture *f) {
    fixture_open(f, APP_DRIVE, s->w, s->h, (enum glyphs)s->glyphs);
    fixture_recorded(f, 220);
    fixture_draw(f);
}

/* The terminal goes from an earlier frame to this one, and back. */
static void check_terminals(const struct screen *s, const struct canvas *c) {
    struct app_fixture earlier;
    draw_earlier(s, &earlier);
    const struct canvas frames[] = {earlier.canvas, *c};
    if (is_size(s)) check_on_terminals(frames, COUNT(frames));
    else check_on_one_terminal(frames, COUNT(frames), (int)(s - screens));
    fixture_close(&earlier);
}

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
    if (is_size(s) && s->glyphs == UTF8 && !s->keys[0]) check_mono(s, &f.canvas);
    check_terminals(s, &f.canvas);
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
