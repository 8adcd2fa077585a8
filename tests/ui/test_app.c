/* test_app.c - the app as a machine: keys in, frames and commands out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/core/rng.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

enum { ALL = 1 << 30, CTRL_R = 18, CTRL_C = 3 };

/* ---- keys, one row a case: what is sent (a word and its text) and what is on the screen after
 */

static const struct key_case {
    const char *name;
    int keys[10];
    const char *sent[3], *shown, *hidden;
} key_cases[] = {
    {"Space freezes the selected group",
     {'j', 'j', 'j', ' '},
     {"freeze block.2"},
     ">frozen",
     NULL},
    {"Space thaws a frozen one", {' '}, {"unfreeze embed"}, ">learn", NULL},
    {"Space twice goes back",
     {'G', ' ', ' '},
     {"freeze norm", "unfreeze norm"},
     NULL,
     ">frozen"},
    {"F freezes what learns", {'F'}, {"freeze 2-5,norm"}, ">frozen", NULL},
    {"T thaws what is frozen", {'T'}, {"unfreeze embed,0-1"}, ">learn", NULL},
    {"B freezes up to here", {'j', 'j', 'j', 'j', 'B'}, {"freeze 2-3"}, ">frozen", NULL},
    {"u undoes", {'F', 'u'}, {"freeze 2-5,norm", "unfreeze 2-5,norm"}, NULL, ">frozen"},
    {"Ctrl-R does it again",
     {'F', 'u', CTRL_R},
     {"freeze 2-5,norm", "unfreeze 2-5,norm", "freeze 2-5,norm"},
     ">frozen",
     NULL},
    {"nothing to undo", {'u'}, {0}, "nothing to undo", NULL},
    {"a part of a block",
     {'j', 'j', 'j', '\r', 'j', ' '},
     {"freeze block.2.attn"},
     ".attn  >frozen",
     NULL},
    {"Enter closes the parts", {'j', '\r', '\r'}, {0}, NULL, ".attn"},
    {"p pauses", {'p'}, {"pause"}, "pause queued", NULL},
    {"n makes a step", {'n'}, {"single-step"}, "single-step queued", NULL},
    {"K begins a line", {'K'}, {0}, ":fork", NULL},
    {"K and Enter forks", {'K', '\r'}, {"fork"}, "fork queued", NULL},
    {"N asks first", {'N'}, {0}, "End FINE-TUNE at its step 72?", NULL},
    {"N, then yes", {'N', 'y'}, {"next-stage"}, "next-stage queued", NULL},
    {"N, then no", {'N', 'n'}, {0}, "nothing was changed", "y yes"},
    {"Q names what follows", {'Q'}, {0}, "thaw run --resume medical", NULL},
    {"Q, then Esc", {'Q', KEYS_ESCAPE}, {0}, "nothing was changed", NULL},
    {"Q, then yes", {'Q', 'y'}, {"stop"}, "a checkpoint first", NULL},
    {": sends a command", {':', 'e', 'v', 'a', 'l', '\r'}, {"eval"}, "eval queued", NULL},
    {": completes", {':', 'c', 'h', '\t', '\r'}, {"checkpoint"}, "checkpoint queued", NULL},
    {": opens for a word of the screen's own",
     {':', 'h', 'e', 'l', 'p', '\r'},
     {0},
     "Help",
     NULL},
    {": and Esc", {':', 'e', KEYS_ESCAPE}, {0}, "? help", "Tab: complete"},
    {": with nonsense says what there is", {':', 'x', '\r'}, {0}, "unfreeze", NULL},
    {"? shows the keys", {'?'}, {0}, "freeze or thaw the selected group", NULL},
    {"? and Esc", {'?', KEYS_ESCAPE}, {0}, "1 Loss", "Help"},
    {"Ctrl-C in a line only leaves the line", {':', CTRL_C}, {0}, "? help", NULL},
    {"Tab goes on", {'\t'}, {0}, "3 Compare*", "2 Layers*"},
    {"S-Tab goes back", {KEYS_BACKTAB}, {0}, "1 Loss*", "2 Layers*"},
    {"4 is the log", {'4'}, {0}, "4 Log*", "3 Compare"},
    {"Enter opens a pane", {'3', '\r'}, {0}, "3 Compare*", "1 Loss"},
    {"Esc closes it", {'3', '\r', KEYS_ESCAPE}, {0}, "1 Loss", NULL},
    {"an open pane changes with the focus", {'3', '\r', '1'}, {0}, "1 Loss*", "3 Compare"},
    {"Space needs the layers in sight",
     {'1', '\r', ' '},
     {0},
     "the layers are out of sight",
     NULL},
    {"] is the next prompt", {']'}, {0}, "suture :", NULL},
    {"[ goes round", {'['}, {0}, "law :", NULL},
    {"c shows scores", {'c'}, {0}, "[score]", NULL},
    {"c shows the most likely", {'c', 'c'}, {0}, "[top-k]", NULL},
    {"l is the logarithm", {'l'}, {0}, "EMA.90 log", NULL},
    {"l moves in Compare", {'3', 'l'}, {0}, "EMA.90 lin", NULL},
    {"s smooths", {'s'}, {0}, "EMA.99", NULL},
    {"x counts tokens", {'x'}, {0}, "by tokens", NULL},
    {"+ zooms", {'+'}, {0}, "zoom nats/token EMA.90", NULL},
    {"0 is the whole run", {'+', '+', '0'}, {0}, "nats/token EMA.90", "zoom nats"},
    {"m marks the newest step", {'m', '1', KEYS_LEFT}, {0}, "step 372: own mark", NULL},
    {"m again takes the mark away", {'m', 'm', '1', KEYS_LEFT}, {0}, "step 372", "own mark"},
    {"m marks where the cursor is",
     {'1', KEYS_LEFT, 'g', 'm', KEYS_RIGHT, KEYS_RIGHT, '\''},
     {0},
     "step 200: checkpoint",
     NULL},
    {"' goes to the first mark in sight", {'\''}, {0}, "step 200: checkpoint", NULL},
    {"' goes on from there", {'\'', '\''}, {0}, "finetune begins", NULL},
    {"' begins anew behind the last", {'1', KEYS_LEFT, 'm', '\'', '\''}, {0}, "finetune", NULL},
    {"' moves the window", {'1', '+', '+', '+', '<', '<', '<', '\''}, {0}, "checkpoint", NULL},
    {"/ finds in the log",
     {'/', 'T', 'U', 'N', 'E', '\r'},
     {0},
     "finetune started",
     "3 Compare"},
    {"/ and Esc", {'/', 'x', KEYS_ESCAPE}, {0}, "? help", "Enter: find"},
    {"/ with what is nowhere", {'/', '#', '#', '\r'}, {0}, "no line of the log contains", NULL},
    {"f follows", {'f'}, {0}, "follow nats/token EMA.90", NULL},
};

static void check_sent(const struct app_fixture *f, const char *const *expected, size_t most) {
    int n = 0;
    while ((size_t)n < most && expected[n]) n++;
    assert_int_equal(f->n_sent, n);
    for (int i = 0; i < n; i++) {
        char words[512];
        const struct command *c = &f->sent[i];
        snprintf(words, sizeof words, "%s%s%s", command_infos[c->kind].word,
                 c->text[0] ? " " : "", c->text);
        assert_string_equal(words, expected[i]);
        assert_string_equal(c->by, "screen");
        for (int k = 0; k < i; k++) assert_int_not_equal(c->id, f->sent[k].id);
    }
}

static void test_key(void **state) {
    const struct key_case *k = *state;
    struct app_fixture f;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    for (size_t i = 0; i < COUNT(k->keys) && k->keys[i]; i++) fixture_key(&f, k->keys[i]);
    check_sent(&f, k->sent, COUNT(k->sent));
    if (k->shown && !fixture_shows(&f, k->shown))
        fail_msg("\"%s\" is not in\n%s", k->shown, fixture_text(&f));
    if (k->hidden && fixture_shows(&f, k->hidden))
        fail_msg("\"%s\" is in\n%s", k->hidden, fixture_text(&f));
    assert_int_equal(app_ended(f.app), APP_GOES_ON);
    fixture_close(&f);
}

/* ---- watching */

static const int special_keys[] = {KEYS_UP,      KEYS_DOWN,      KEYS_LEFT,   KEYS_RIGHT,
                                   KEYS_PAGE_UP, KEYS_PAGE_DOWN, KEYS_HOME,   KEYS_END,
                                   KEYS_BACKTAB, KEYS_BACKSPACE, KEYS_DELETE, KEYS_F1,
                                   KEYS_RESIZE,  KEYS_ESCAPE};

/* No key and no click of a watcher asks anything of the run. */
static void test_watch(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_WATCH, 120, 40, GLYPHS_BRAILLE);
    fixture_recorded(&f, ALL);
    for (int key = 1; key < 256; key++) {
        fixture_key(&f, key);
        fixture_key(&f, 'y');
        fixture_key(&f, KEYS_ESCAPE);
    }
    fixture_type(&f, ":pause\r");
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 120; x += 3)
            fixture_mouse(&f, (struct term_mouse){.x = x, .y = y, .button = 1});
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
    fixture_open(&f, APP_WATCH, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_key(&f, ' ');
    assert_true(fixture_shows(&f, "watching only: thaw attach medical drives it"));
    fixture_key(&f, ']'); /* what does not change the run works */
    assert_true(fixture_shows(&f, "suture :"));
    fixture_type(&f, ":pause\r");
    assert_true(fixture_shows(&f, "watching only: thaw attach medical drives it"));
    fixture_type(&f, ":overlay other\r");
    assert_true(fixture_shows(&f, "other lies over the curve as 1"));
    fixture_close(&f);
}

/* Another run comes, is in the legend, and goes; no run hears of it. */
static void test_overlay(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, ":overlay\r");
    assert_true(fixture_shows(&f, ":overlay RUN lays the curve of another run"));
    fixture_type(&f, ":overlay nobody\r");
    assert_true(fixture_shows(&f, "there is no run \"nobody\""));
    fixture_type(&f, ":overlay medical\r");
    assert_true(fixture_shows(&f, "medical is the run on this screen"));
    fixture_type(&f, ":overlay other\r");
    assert_true(fixture_shows(&f, "  1 other  "));
    fixture_type(&f, ":overlay other\r");
    assert_true(fixture_shows(&f, "other lies over the curve already"));
    fixture_type(&f, ":overlay\r");
    assert_true(fixture_shows(&f, "taken off the curve: other"));
    assert_false(fixture_shows(&f, "1 other"));
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

/* ---- robustness: run these under ASan and UBSan */

/* Every key twice in every state that takes keys. */
static void test_every_key(void **state) {
    static const char *const openers[] = {"",  "?",   ":",    "/",   "e",
                                          "Q", "1\r", "3\rc", "2\r", "4\r"};
    (void)state;
    for (size_t i = 0; i < COUNT(openers); i++) {
        struct app_fixture f;
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
        fixture_recorded(&f, ALL);
        for (int key = 1; key < 300; key++) {
            f.n_sent = 0;
            fixture_type(&f, openers[i]);
            fixture_key(&f, key);
            fixture_key(&f, key);
            for (int k = 0; k < 2; k++) fixture_key(&f, KEYS_ESCAPE);
        }
        for (size_t k = 0; k < COUNT(special_keys); k++) {
            f.n_sent = 0;
            fixture_type(&f, openers[i]);
            fixture_key(&f, special_keys[k]);
            fixture_key(&f, special_keys[k]);
            for (int e = 0; e < 2; e++) fixture_key(&f, KEYS_ESCAPE);
        }
        fixture_close(&f);
    }
}

static int random_key(struct rng *r) {
    if (rng_below(r, 8) == 0) return special_keys[rng_below(r, COUNT(special_keys))];
    if (rng_below(r, 50) == 0) return (int)rng_below(r, 0x110000);
    return (int)rng_below(r, 128);
}

static void test_resizes(void **state) {
    static const enum glyphs kinds[] = {GLYPHS_ASCII, GLYPHS_BLOCKS, GLYPHS_BRAILLE};
    struct rng r = rng_make(11, 0, 0);
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
    fixture_recorded(&f, 260);
    for (int i = 0; i < 500; i++) {
        int w = 1 + (int)rng_below(&r, i % 5 ? 130 : 320),
            h = 1 + (int)rng_below(&r, i % 5 ? 50 : 110);
        assert_true(canvas_resize(&f.canvas, w, h, NULL));
        f.canvas.glyphs = kinds[rng_below(&r, 3)];
        f.n_sent = 0;
        for (int k = 0; k < 6; k++) fixture_key(&f, random_key(&r));
        fixture_mouse(&f, (struct term_mouse){.x = (int)rng_below(&r, (uint64_t)w),
                                              .y = (int)rng_below(&r, (uint64_t)h),
                                              .wheel_up = rng_below(&r, 4) == 0,
                                              .wheel_down = rng_below(&r, 4) == 0});
        if (i == 250) fixture_recorded(&f, ALL); /* a log that begins anew must not harm */
    }
    fixture_close(&f);
}

/* ---- foreign text */

static bool is_control(uint32_t ch) {
    bool bidi = (ch >= 0x202A && ch <= 0x202E) || (ch >= 0x2066 && ch <= 0x2069);
    return (ch < 0x20 && ch != 0) || (ch >= 0x7F && ch < 0xA0) || bidi || ch == 0x200B ||
           ch == 0xFEFF;
}

static void check_cells(const struct canvas *c) {
    for (int i = 0; i < c->w * c->h; i++) {
        assert_false(is_control(c->cells[i].ch));
        for (int k = 0; k < 2; k++) assert_false(is_control(c->cells[i].mark[k]));
    }
}

/* Events with the text `x` wherever one may stand. The first text leaves nothing of a name. */
static void tell_hostile(struct app_fixture *f, const char *x, bool first) {
    fixture_event(
        f,
        "\"step\":0,\"type\":\"run\",\"name\":\"%s\",\"blas\":\"%s\",\"groups\":[{\"name\":"
        "\"%.40s\"},{\"name\":\"embed\"}],\"stages\":[{\"name\":\"%s\",\"steps\":5}],"
        "\"prompts\":[\"%s\"]",
        x, x, first ? "x" : "\\u001b[1m", x, x);
    fixture_event(f, "\"step\":0,\"type\":\"progress\",\"what\":\"%s\",\"done\":1,\"total\":2",
                  x);
    fixture_draw(f);
    check_cells(&f->canvas);
    fixture_event(
        f, "\"step\":0,\"type\":\"stage\",\"index\":0,\"name\":\"%s\",\"state\":\"started\"",
        x);
    fixture_event(f, "\"step\":1,\"type\":\"step\",\"loss\":3,\"tokens\":5");
    fixture_event(f,
                  "\"step\":1,\"type\":\"eval\",\"sets\":{\"%s\":{\"tuned\":{\"loss\":2},"
                  "\"base\":{\"loss\":3}}}",
                  first ? "\\u001b" : x);
    for (int side = 0; side < 2; side++)
        fixture_event(f,
                      "\"step\":1,\"type\":\"sample\",\"prompt\":\"%s\",\"side\":\"%s\","
                      "\"weights\":\"%s\","
                      "\"index\":0,\"tokens\":[{\"id\":1,\"text\":\"%s\",\"logprob\":-1,"
                      "\"gain\":1,\"top\":"
                      "[{\"text\":\"%s\",\"logprob\":-1}],\"base_top\":[{\"text\":\"%s\","
                      "\"logprob\":-1}]}]",
                      x, side ? "tuned" : "base", x, x, x, x);
    fixture_event(f,
                  "\"step\":1,\"type\":\"freeze\",\"group\":\"%s\",\"state\":\"frozen\","
                  "\"by\":\"%s\"",
                  x, x);
    fixture_event(
        f, "\"step\":1,\"type\":\"control\",\"do\":\"%s\",\"argument\":\"%s\",\"by\":\"%s\"", x,
        x, x);
    fixture_event(f, "\"step\":1,\"type\":\"checkpoint\",\"path\":\"%s\"", x);
    fixture_event(f, "\"step\":1,\"type\":\"problem\",\"severity\":\"error\",\"text\":\"%s\"",
                  x);
}

/* Every control byte, escape sequences, bidi and zero-width characters, in every text that an
 * event can carry: none of it gets into a cell. */
static void test_hostile(void **state) {
    static const char *const texts[] = {
        "\\u0000\\u0001\\u0002\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u001b\\u001f\\u007f",
        "\\u001b[2J\\u001b[31mred\\u001b]0;title\\u0007\\u001bP+q\\u001b\\\\",
        "\\u0080\\u0085\\u009b31m\\u009d0;x\\u009c\\u009f",
        "\\u202e\\u2066\\u200b\\ufeff\\u200d\\u00ad",
        "a\\u0301\\u0302\\u0303\\u0304\\u0305\\u0306",
        "\\ud83d\\ude00\\u4e2d\\u6587 wide",
    };
    static const struct {
        int w, h;
    } sizes[] = {{80, 24}, {120, 40}, {60, 16}, {40, 8}, {50, 46}, {9, 3}};
    (void)state;
    for (size_t t = 0; t < COUNT(texts); t++) {
        const char *x = texts[t];
        struct app_fixture f;
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
        tell_hostile(&f, x, t == 0);
        for (size_t s = 0; s < COUNT(sizes); s++) {
            assert_true(canvas_resize(&f.canvas, sizes[s].w, sizes[s].h, NULL));
            static const char keys[] =
                "1234cc3c4e\033:\033Q\033"; /* every pane, view and line */
            for (const char *k = keys; *k; k++) {
                fixture_key(&f, *k);
                check_cells(&f.canvas);
            }
        }
        fixture_event(&f, "\"step\":1,\"type\":\"end\",\"reason\":\"%s\"", x);
        fixture_draw(&f);
        check_cells(&f.canvas);
        fixture_close(&f);
    }
}

/* ---- figures: printed, not asserted, as a loaded machine would make them fail */

static double frame_seconds(struct app_fixture *f) {
    enum { FRAMES = 50 };
    double best = INFINITY;
    for (int i = 0; i < FRAMES; i++) {
        double start = clock_now();
        fixture_draw(f);
        best = fmin(best, clock_now() - start);
    }
    return best;
}

static void test_frame_cost(void **state) {
    static const int steps[] = {100, 10000, 1000000};
    (void)state;
    for (size_t k = 0; k < COUNT(steps); k++) {
        struct app_fixture f;
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
        fixture_recorded(&f, ALL);
        struct event e = {.type = EVENT_STEP, .stp = {.total = 0.1}};
        double start = clock_now();
        for (int i = 0; i < steps[k]; i++) {
            e.step = 373 + i;
            e.t = f.t + i * 0.1;
            e.stp.loss = 2 + sin(i);
            e.stp.tokens = 5000000 + (int64_t)i * 4096;
            app_observe(f.app, &e);
        }
        double fold = clock_now() - start, small = frame_seconds(&f);
        assert_true(canvas_resize(&f.canvas, 200, 60, NULL));
        print_message(
            "%7d steps: folded in %.0f ms; a frame of 80x24 takes %.2f ms, of 200x60 %.2f ms\n",
            steps[k], fold * 1e3, small * 1e3, frame_seconds(&f) * 1e3);
        fixture_close(&f);
    }
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_watch),     cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_every_key), cmocka_unit_test(test_resizes),
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_frame_cost),
    };
    struct CMUnitTest tests[COUNT(key_cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(key_cases); i++)
        tests[i] = (struct CMUnitTest){.name = key_cases[i].name,
                                       .test_func = test_key,
                                       .initial_state = (void *)(uintptr_t)&key_cases[i]};
    memcpy(tests + COUNT(key_cases), others, sizeof others);
    return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
