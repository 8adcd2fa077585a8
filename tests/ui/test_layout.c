#include <string.h>

#include "check.h"
#include "ui/layout.h"

static const struct kind_case {
    int w, h;
    enum layout_kind kind;
} kinds[] = {
    {1, 1, LAYOUT_TOO_SMALL}, {39, 8, LAYOUT_TOO_SMALL}, {40, 7, LAYOUT_TOO_SMALL},
    {40, 8, LAYOUT_STATUS},   {59, 30, LAYOUT_STATUS},   {200, 15, LAYOUT_STATUS},
    {60, 16, LAYOUT_TABS},    {79, 40, LAYOUT_TABS},     {200, 23, LAYOUT_TABS},
    {80, 24, LAYOUT_THREE},   {109, 60, LAYOUT_THREE},   {200, 33, LAYOUT_THREE},
    {110, 34, LAYOUT_FOUR},   {179, 50, LAYOUT_FOUR},    {180, 49, LAYOUT_FOUR},
    {180, 50, LAYOUT_SIX},    {250, 80, LAYOUT_SIX},     {84, 46, LAYOUT_STACKED},
    {40, 46, LAYOUT_STACKED}, {85, 46, LAYOUT_THREE},    {84, 45, LAYOUT_THREE},
};

static void test_ladder(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct layout l = layout_make(kinds[i].w, kinds[i].h, -1, PANE_LOSS);
        if (l.kind != kinds[i].kind)
            fail_msg("%dx%d is %d", kinds[i].w, kinds[i].h, (int)l.kind);
    }
}

static void assert_rect(struct rect r, int x, int y, int w, int h) {
    assert_int_equal(r.x, x);
    assert_int_equal(r.y, y);
    assert_int_equal(r.w, w);
    assert_int_equal(r.h, h);
}

static void test_80x24(void **state) {
    (void)state;
    struct layout l = layout_make(80, 24, -1, PANE_LAYERS);
    assert_rect(l.lifecycle, 0, 0, 80, 1);
    assert_rect(l.status, 0, 1, 80, 1);
    assert_rect(l.panes[PANE_LOSS], 0, 2, 46, 11);
    assert_rect(l.panes[PANE_LAYERS], 46, 2, 34, 11);
    assert_rect(l.panes[PANE_COMPARE], 0, 13, 80, 8);
    assert_rect(l.learned, 0, 21, 80, 1);
    assert_rect(l.message, 0, 22, 80, 1);
    assert_rect(l.hint, 0, 23, 80, 1);
    assert_false(layout_shows(&l, PANE_LOG));
    l = layout_make(80, 24, -1, PANE_LOG); /* the log comes where Compare was */
    assert_rect(l.panes[PANE_LOG], 0, 13, 80, 8);
    assert_false(layout_shows(&l, PANE_COMPARE));
}

static void test_180x50(void **state) {
    (void)state;
    struct layout l = layout_make(180, 50, -1, PANE_LAYERS);
    assert_rect(l.panes[PANE_LOSS], 0, 2, 72, 27);
    assert_rect(l.panes[PANE_LAYERS], 72, 2, 52, 27);
    assert_rect(l.panes[PANE_COMPARE], 0, 29, 124, 18);
    assert_rect(l.panes[PANE_SPEED], 124, 2, 56, 19);
    assert_rect(l.panes[PANE_GUIDE], 124, 21, 56, 15);
    assert_rect(l.panes[PANE_LOG], 124, 36, 56, 11);
    for (int pane = 0; pane < PANE_COUNT; pane++) assert_false(layout_opens(&l, pane));
}

/* Where there is no room for six, the last two have the whole middle while they are looked at.
 */
static void test_opened(void **state) {
    static const int sizes[][2] = {{80, 24}, {120, 40}, {179, 60}, {84, 46}};
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int focus = 0; focus < PANE_COUNT; focus++) {
            struct layout l = layout_make(sizes[i][0], sizes[i][1], -1, focus);
            bool opened = focus == PANE_SPEED || focus == PANE_GUIDE;
            assert_int_equal(layout_opens(&l, focus), opened);
            for (int pane = 0; opened && pane < PANE_COUNT; pane++)
                assert_int_equal(layout_shows(&l, pane), pane == focus);
        }
    struct layout tabs = layout_make(60, 16, -1, PANE_GUIDE);
    assert_false(layout_opens(&tabs, PANE_GUIDE)); /* so does every pane there */
    assert_true(layout_shows(&tabs, PANE_GUIDE));
}

static void test_zoomed(void **state) {
    (void)state;
    struct layout l = layout_make(120, 40, PANE_COMPARE, PANE_COMPARE);
    assert_rect(l.panes[PANE_COMPARE], 0, 2, 120, 35);
    for (int pane = 0; pane < PANE_COUNT; pane++)
        assert_int_equal(layout_shows(&l, pane), pane == PANE_COMPARE);
}

static void test_pane_at(void **state) {
    (void)state;
    struct layout l = layout_make(80, 24, -1, PANE_LOSS);
    assert_int_equal(layout_pane_at(&l, 0, 2), PANE_LOSS);
    assert_int_equal(layout_pane_at(&l, 45, 12), PANE_LOSS);
    assert_int_equal(layout_pane_at(&l, 46, 12), PANE_LAYERS);
    assert_int_equal(layout_pane_at(&l, 79, 20), PANE_COMPARE);
    assert_int_equal(layout_pane_at(&l, 0, 1), -1);
    assert_int_equal(layout_pane_at(&l, 0, 21), -1);
    assert_int_equal(layout_pane_at(&l, -1, 5), -1);
    assert_false(layout_shows(&l, -1));
    assert_false(layout_shows(&l, PANE_COUNT));
}

/* Paint a part; every cell may be painted once, and lies on the screen. */
static void paint(char *screen, const struct layout *l, struct rect r) {
    if (r.w == 0 || r.h == 0) return;
    assert_true(r.x >= 0 && r.y >= 0 && r.w > 0 && r.h > 0);
    assert_true(r.x + r.w <= l->w && r.y + r.h <= l->h);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) {
            assert_int_equal(screen[y * l->w + x], 0);
            screen[y * l->w + x] = 1;
        }
}

static void check_layout(const struct layout *l, int focus) {
    static char screen[250 * 80];
    memset(screen, 0, sizeof screen);
    const struct rect parts[] = {l->lifecycle, l->status,  l->tabs, l->sparkline,
                                 l->learned,   l->message, l->hint};
    for (size_t i = 0; i < COUNT(parts); i++) paint(screen, l, parts[i]);
    for (int pane = 0; pane < PANE_COUNT; pane++) {
        struct rect r = l->panes[pane];
        paint(screen, l, r);
        if (layout_shows(l, pane)) assert_true(r.w >= 34 && r.h >= 5);
    }
    assert_true(l->message.w > 0);
    if (l->kind == LAYOUT_TOO_SMALL) return;
    for (int i = 0; i < l->w * l->h; i++) assert_int_equal(screen[i], 1);
    if (l->kind != LAYOUT_STATUS) assert_true(layout_shows(l, focus));
}

static void test_every_size(void **state) {
    (void)state;
    for (int w = 1; w <= 250; w++)
        for (int h = 1; h <= 80; h++)
            for (int focus = 0; focus < PANE_COUNT; focus++) {
                struct layout l = layout_make(w, h, -1, focus);
                check_layout(&l, focus);
                l = layout_make(w, h, focus, focus);
                check_layout(&l, focus);
            }
}

static void test_nonsense(void **state) {
    (void)state;
    struct layout l = layout_make(0, 0, -1, 0);
    assert_int_equal(l.kind, LAYOUT_TOO_SMALL);
    assert_int_equal(l.message.w, 0);
    l = layout_make(80, 24, 99, -7);
    assert_true(layout_shows(&l, PANE_LOSS) && layout_shows(&l, PANE_COMPARE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder),     cmocka_unit_test(test_80x24),
        cmocka_unit_test(test_zoomed),     cmocka_unit_test(test_pane_at),
        cmocka_unit_test(test_180x50),     cmocka_unit_test(test_opened),
        cmocka_unit_test(test_every_size), cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
