/* test_range.c - a range of layers: what V, the movements and Space ask of the run. The
 * recorded run has embed, block.0 to block.5 and norm, of which embed, block.0 and block.1 are
 * frozen. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"

enum { ALL = 1 << 30 };

static const struct range_case {
    const char *name;
    enum app_mode mode;
    const char *keys; /* \033 is Esc */
    const char *sent; /* every command, ended by ';' */
    const char *shown, *hidden;
} cases[] = {
    {"rows are marked", APP_DRIVE, "jjjVjj", "", "*block.2  learn", "*block.4"},
    {"the end is the selection", APP_DRIVE, "jjjVjj", "", ">block.4  learn", NULL},
    {"Space freezes", APP_DRIVE, "jjjVjj ", "freeze 2-4;", ">frozen", "*block"},
    {"upwards", APP_DRIVE, "GVkk ", "freeze 4-5,norm;", NULL, "*block"},
    {"one step to undo", APP_DRIVE, "GVkk u", "freeze 4-5,norm;unfreeze 4-5,norm;", NULL,
     ">frozen"},
    {"what is frozen is thawed", APP_DRIVE, "Vjj ", "unfreeze embed,0-1;", ">learn", NULL},
    {"it is said first", APP_DRIVE, "Vjj", "", "space thaws the range", NULL},
    {"mixed: the rest is frozen", APP_DRIVE, "Vjjj", "", "space freezes the range", NULL},
    {"mixed: only what learns", APP_DRIVE, "Vjjj ", "freeze block.2;", NULL, NULL},
    {"Esc leaves it", APP_DRIVE, "jjjVjj\033 ", "freeze block.4;", NULL, "*block"},
    {"V leaves it", APP_DRIVE, "jjjVjjV ", "freeze block.4;", NULL, "*block"},
    {"of one", APP_DRIVE, "GV ", "freeze norm;", NULL, NULL},
    {"a block with its parts", APP_DRIVE, "jjj\rVj ", "freeze block.2;", NULL, NULL},
    {"parts of a block", APP_DRIVE, "jjj\rjVj ", "freeze block.2.attn,block.2.mlp;", NULL,
     NULL},
    {"nothing to change is said", APP_DRIVE, "jjjV jV\033", "freeze block.2;", NULL, "*block"},
    {"the pane takes the keys", APP_DRIVE, "1Vj ", "unfreeze embed,block.0;", "2 Layers*",
     NULL},
    {"out of sight", APP_DRIVE, "1\rV", "", "the layers are out of sight: 2 shows them", NULL},
    {"Esc leaves it before full screen", APP_DRIVE, "\rVjj\033", "", "2 Layers*", "1 Loss"},
    {"who watches has none", APP_WATCH, "V", "", "watching only", "the range"},
};

static void test_range(void **state) {
    const struct range_case *r = *state;
    struct app_fixture f;
    struct buf sent = {0};
    fixture_open(&f, r->mode, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, r->keys);
    for (int i = 0; i < f.n_sent; i++)
        buf_printf(&sent, "%s %s;", command_infos[f.sent[i].kind].word, f.sent[i].text);
    assert_string_equal(buf_text(&sent), r->sent);
    if (r->shown && !fixture_shows(&f, r->shown))
        fail_msg("\"%s\" is not in\n%s", r->shown, fixture_text(&f));
    if (r->hidden && fixture_shows(&f, r->hidden))
        fail_msg("\"%s\" is in\n%s", r->hidden, fixture_text(&f));
    buf_deinit(&sent);
    fixture_close(&f);
}

/* A run that was begun anew with fewer groups: the range ends with the group it began at. */
static void test_groups_shrink(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "GVk");
    fixture_event(&f, "\"step\":0,\"type\":\"run\",\"name\":\"medical\",\"groups\":[{\"name\":"
                      "\"embed\"},{\"name\":\"norm\"}]");
    assert_false(fixture_shows(&f, "the range"));
    fixture_type(&f, " ");
    fixture_close(&f);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_range,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest)cmocka_unit_test(test_groups_shrink);
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
