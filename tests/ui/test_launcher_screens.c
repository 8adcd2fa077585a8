/* test_launcher_screens.c - golden screens of the launcher, as test_screens.c has the app's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/golden.h"
#include "ui/launcher_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { UTF8 = GLYPHS_BRAILLE, ASCII = GLYPHS_ASCII };

static const struct screen {
    const char *name;
    int w, h, glyphs, runs;
    int keys[8];
    bool asks; /* the question of a deletion */
} screens[] = {
    {"launcher-80x24", 80, 24, UTF8, 6, {0}, false},
    {"launcher-80x24-ascii", 80, 24, ASCII, 6, {0}, false},
    {"launcher-80x24-blocks", 80, 24, GLYPHS_BLOCKS, 6, {'j', 'j'}, false},
    {"launcher-120x40", 120, 40, UTF8, 40, {'G'}, false},
    {"launcher-60x16", 60, 16, UTF8, 40, {KEYS_PAGE_DOWN}, false},
    {"launcher-40x8", 40, 8, UTF8, 6, {0}, false},
    {"launcher-40x8-ascii", 40, 8, ASCII, 40, {'j', 'j', 'j'}, false},
    {"launcher-20x5", 20, 5, UTF8, 6, {0}, false},
    {"launcher-empty", 80, 24, UTF8, 0, {0}, false},
    {"launcher-config", 40, 8, ASCII, 6, {'g'}, false},
    {"launcher-filter", 80, 24, ASCII, 6, {'/', 'm', 'e', 'd'}, false},
    {"launcher-filtered", 80, 24, ASCII, 6, {'/', 'z', 'z', '\r'}, false},
    {"launcher-delete", 80, 24, ASCII, 6, {'j', 'j'}, true},
    {"launcher-delete-40x8", 40, 8, ASCII, 6, {'j', 'j'}, true},
    {"launcher-living", 80, 24, ASCII, 6, {'d'}, false},
    {"launcher-help", 80, 24, ASCII, 6, {'?'}, false},
    {"launcher-help-40x8", 40, 8, ASCII, 6, {'?', 'G'}, false},
};

static void test_screen(void **state) {
    const struct screen *s = *state;
    struct launcher_fixture f;
    launcher_open(&f, s->runs, s->w, s->h, (enum glyphs)s->glyphs);
    for (int i = 0; i < 8 && s->keys[i]; i++) launcher_press(&f, s->keys[i]);
    if (s->asks)
        launcher_ask(&f.launcher, &(struct run_contents){.checkpoints = 3, .bytes = 130 << 20});
    check_golden(s->name, launcher_text(&f));
    launcher_close(&f);
}

int main(void) {
    struct CMUnitTest tests[COUNT(screens)];
    for (size_t i = 0; i < COUNT(screens); i++)
        tests[i] = (struct CMUnitTest){.name = screens[i].name,
                                       .test_func = test_screen,
                                       .initial_state = (void *)(uintptr_t)&screens[i]};
    return cmocka_run_group_tests_name("launcher_screens", tests, NULL, NULL);
}
