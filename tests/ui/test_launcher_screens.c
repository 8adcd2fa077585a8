/* test_launcher_screens.c - golden screens of the launcher, as test_screens.c has the app's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/golden.h"
#include "ui/launcher_fixture.h"

enum { UTF8 = GLYPHS_BRAILLE, ASCII = GLYPHS_ASCII };

static const struct screen {
    const char *name;
    int w, h, glyphs, runs;
    int keys[8];
    bool asks;     /* the question of a deletion */
    bool compares; /* paper with live */
} screens[] = {
    {"launcher-80x24", 80, 24, UTF8, 6, {0}, false, false},
    {"launcher-80x24-ascii", 80, 24, ASCII, 6, {0}, false, false},
    {"launcher-80x24-blocks", 80, 24, GLYPHS_BLOCKS, 6, {'j', 'j'}, false, false},
    {"launcher-120x40", 120, 40, UTF8, 40, {KEYS_DOWN}, false, false},
    {"launcher-60x16", 60, 16, UTF8, 40, {KEYS_PAGE_DOWN}, false, false},
    {"launcher-40x8", 40, 8, UTF8, 6, {0}, false, false},
    {"launcher-40x8-ascii", 40, 8, ASCII, 40, {'j', 'j', 'j'}, false, false},
    {"launcher-20x5", 20, 5, UTF8, 6, {0}, false, false},
    {"launcher-empty", 80, 24, UTF8, 0, {0}, false, false},
    {"launcher-config", 40, 8, ASCII, 6, {KEYS_TAB}, false, false},
    {"launcher-filter", 80, 24, ASCII, 6, {'/', 'm', 'e', 'd'}, false, false},
    {"launcher-filtered", 80, 24, ASCII, 6, {'/', 'z', 'z', '\r'}, false, false},
    {"launcher-delete", 80, 24, ASCII, 6, {'j', 'j'}, true, false},
    {"launcher-delete-40x8", 40, 8, ASCII, 6, {'j', 'j'}, true, false},
    {"launcher-living", 80, 24, ASCII, 6, {'d'}, false, false},
    {"launcher-marked", 80, 24, ASCII, 6, {'j', 'm', 'k'}, false, false},
    {"launcher-changes", 80, 24, UTF8, 6, {0}, false, true},
    {"launcher-changes-40x8", 40, 8, ASCII, 6, {0}, false, true},
    {"launcher-help", 80, 24, ASCII, 6, {'?'}, false, false},
    {"launcher-help-40x8", 40, 8, ASCII, 6, {'?', 'G'}, false, false},
};

static void compare(struct launcher *l, struct launch_changes *changes) {
    static const struct launch_change some[] = {
        {"seed", {"1337", "7"}},
        {"model.layers", {"6", "8"}},
        {"stages.1.data",
         {"wordnet:medicine", "wordnet:medicine, text:notes.txt, text:letters"}},
        {"stages.1.optimizer.lr", {"0.002", "0.0005"}},
        {"stages.1.freeze", {"embed, 0-2", "-"}},
        {"stages.2", {"-", "a \x1b]2;title\a that must not arrive"}},
    };
    *changes = (struct launch_changes){.name = {"paper", "live"}};
    for (size_t i = 0; i < COUNT(some); i++) assert_true(launch_changes_add(changes, &some[i]));
    launcher_compare(l, changes);
}

static void test_screen(void **state) {
    const struct screen *s = *state;
    struct launcher_fixture f;
    struct launch_changes changes = {.n = 0};
    launcher_open(&f, s->runs, s->w, s->h, (enum glyphs)s->glyphs);
    for (int i = 0; i < 8 && s->keys[i]; i++) launcher_press(&f, s->keys[i]);
    if (s->asks)
        launcher_ask(&f.launcher, &(struct run_contents){.checkpoints = 3, .bytes = 130 << 20});
    if (s->compares) compare(&f.launcher, &changes);
    check_golden(s->name, launcher_text(&f));
    launch_changes_deinit(&changes);
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
