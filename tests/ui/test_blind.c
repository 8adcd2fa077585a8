/* test_blind.c - the blind vote: nothing tells the sides apart before the vote, all does after.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/blind.h"

enum { ALL = 1 << 30 };

/* ---- the vote */

static struct sample_pair pair_of(char *prompt, char *base, char *tuned, int64_t step) {
    return (struct sample_pair){
        .prompt = prompt,
        .base = {.made = true, .text = base, .weights = "9f3a"},
        .tuned = {.made = true, .text = tuned, .weights = "77b0", .step = step}};
}

static void test_sides(void **state) {
    int left = 0;
    (void)state;
    for (int step = 0; step < 400; step++)
        left += (int)(blind_key("medical", "fever :", step * 50) & 1);
    assert_in_range(left, 160, 240); /* 4 deviations */
    uint64_t key = blind_key("medical", "fever :", 360);
    assert_true(key == blind_key("medical", "fever :", 360));
    assert_true(key != blind_key("medical-2", "fever :", 360));
    assert_true(key != blind_key("medical", "fever", 360));
    assert_true(key != blind_key("medical", "fever :", 361));
    assert_true(blind_key("ab", "c", 1) != blind_key("a", "bc", 1));
}

static void test_needs_two_texts(void **state) {
    struct blind b;
    struct sample_pair pair = pair_of("p", "one", "two", 5);
    (void)state;
    blind_init(&b);
    assert_true(blind_can(&pair) && blind_take(&b, "run", &pair) && b.held);
    pair.tuned.text = "one";
    assert_false(blind_can(&pair) || blind_take(&b, "run", &pair) || b.held);
    pair.base.made = false;
    assert_false(blind_can(&pair));
    blind_choose(&b, BLIND_LEFT);
    assert_false(blind_cast(&b)); /* nothing is held */
    blind_deinit(&b);
}

static void test_votes(void **state) {
    struct blind b;
    char tally[48];
    struct sample_pair pair = pair_of("p", "one", "two", 5);
    (void)state;
    blind_init(&b);
    blind_tally(&b, tally, sizeof tally);
    assert_string_equal(tally, "no votes yet");
    assert_true(blind_take(&b, "run", &pair));
    assert_false(blind_cast(&b)); /* none is chosen */
    enum blind_side tuned = b.key & 1 ? BLIND_LEFT : BLIND_RIGHT;
    blind_choose(&b, BLIND_LEFT + BLIND_RIGHT - tuned);
    blind_choose(&b, tuned); /* another choice before the vote */
    assert_true(blind_cast(&b) && b.revealed);
    assert_false(blind_cast(&b)); /* once only */
    blind_choose(&b, BLIND_LEFT + BLIND_RIGHT - tuned);
    assert_int_equal(b.choice, tuned);
    assert_true(blind_voted(&b, "run", &pair));
    pair.tuned.step = 6; /* a newer text */
    assert_false(blind_voted(&b, "run", &pair));
    assert_true(blind_take(&b, "run", &pair) && !b.revealed && b.choice == BLIND_NONE);
    blind_choose(&b, b.key & 1 ? BLIND_RIGHT : BLIND_LEFT);
    assert_true(blind_cast(&b));
    blind_tally(&b, tally, sizeof tally);
    assert_string_equal(tally, "tuned preferred 1 of 2");
    pair.tuned.step = 5; /* seen again: as it was voted on */
    assert_true(blind_take(&b, "run", &pair) && b.revealed);
    assert_int_equal(b.choice, tuned);
    blind_deinit(&b);
}

static void test_votes_are_bounded(void **state) {
    struct blind b;
    (void)state;
    blind_init(&b);
    for (int i = 0; i < BLIND_VOTES + 10; i++) {
        struct sample_pair pair = pair_of("p", "one", "two", i);
        assert_true(blind_take(&b, "run", &pair));
        blind_choose(&b, BLIND_LEFT);
        assert_true(blind_cast(&b));
    }
    struct sample_pair oldest = pair_of("p", "one", "two", 0);
    struct sample_pair kept = pair_of("p", "one", "two", 10);
    assert_int_equal(b.n_votes, BLIND_VOTES + 10);
    assert_false(blind_voted(&b, "run", &oldest));
    assert_true(blind_voted(&b, "run", &kept));
    blind_deinit(&b);
}

/* ---- on the screen: two pairs of the recorded run have both texts, "fever :" and "bank :" */

static void open_vote(struct app_fixture *f, enum app_mode mode) {
    fixture_open(f, mode, 80, 24, GLYPHS_ASCII);
    fixture_recorded(f, ALL);
    fixture_key(f, 'b');
}

static void expect(struct app_fixture *f, const char *words, bool there) {
    if (fixture_shows(f, words) != there)
        fail_msg("\"%s\" is %sin\n%s", words, there ? "not " : "", fixture_text(f));
}

/* Fingerprints, steps, names, marks of the difference, gains: none is there before the vote. */
static void test_hidden(void **state) {
    static const char *const telling[] = {"BASE 9",     "TUNED", "77b0", "9f3a", "51c0",
                                          "token gain", "mean",  "[a]",  "at \""};
    struct app_fixture f;
    (void)state;
    open_vote(&f, APP_DRIVE);
    expect(&f, "> bank :", true); /* "fever :" has been seen with its names */
    expect(&f, "Which is better?", true);
    expect(&f, "prompt 3/8  no votes yet", true);
    for (int pair = 0; pair < 2; pair++) {
        for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++)
            expect(&f, telling[i], false);
        for (int i = 0; pair == 0 && i < 2; i++) fixture_key(&f, '['); /* to "fever :" */
    }
    expect(&f, "> fever :", true);
    fixture_close(&f);
}

static void test_vote_by_keys(void **state) {
    struct app_fixture f;
    (void)state;
    open_vote(&f, APP_DRIVE);
    fixture_key(&f, KEYS_ENTER); /* none is chosen: neither a vote nor full screen */
    expect(&f, "no votes yet", true);
    expect(&f, "1 Loss", true);
    fixture_key(&f, KEYS_LEFT);
    expect(&f, ">A chosen", true);
    fixture_key(&f, 'l');
    expect(&f, ">B chosen", true);
    expect(&f, ">A chosen", false);
    fixture_key(&f, KEYS_ENTER);
    expect(&f, "was TUNED 51c0 @324", true);
    expect(&f, "was BASE 9f3a", true);
    expect(&f, "of 1", true);
    fixture_key(&f, KEYS_ENTER);
    expect(&f, "> fever :", true);
    fixture_type(&f, "h\r");
    expect(&f, "of 2", true);
    expect(&f, "no pair is left", true);
    assert_int_equal(f.n_sent, 0);
    fixture_key(&f, 'b');
    expect(&f, "TUNED 77b0 @360", true);
    expect(&f, "of 2", true); /* the tally stays in sight */
    fixture_close(&f);
}

static void test_ends(void **state) {
    static const int ends[] = {'b', 'c', KEYS_ESCAPE};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct app_fixture f;
        open_vote(&f, APP_DRIVE);
        fixture_key(&f, ends[i]);
        expect(&f, "TUNED 77b0 @360", true); /* the newest again */
        expect(&f, "[text]", true);
        fixture_close(&f);
    }
}

/* Whoever watches may vote, with the mouse, too. */
static void test_watcher(void **state) {
    struct app_fixture f;
    (void)state;
    open_vote(&f, APP_WATCH);
    expect(&f, "3 Compare*", true);
    fixture_mouse(&f, (struct term_mouse){.x = 60, .y = 17, .button = 1});
    expect(&f, ">B chosen", true);
    fixture_mouse(&f, (struct term_mouse){.x = 10, .y = 17, .button = 1});
    fixture_key(&f, KEYS_ENTER);
    expect(&f, "of 1", true);
    fixture_close(&f);
}

static void feed(struct app_fixture *f, const char *prompt, int index, const char *word) {
    fixture_event(f,
                  "\"step\":372,\"type\":\"sample\",\"prompt\":\"%s\",\"side\":\"tuned\","
                  "\"weights\":\"abcd\",\"seed\":0,\"temperature\":0.8,\"index\":%d,"
                  "\"tokens\":[{\"id\":1,\"text\":\" %s\",\"logprob\":-1,\"gain\":0.5}]",
                  prompt, index, word);
}

/* What training says meanwhile changes neither the texts nor the pair; it can be voted on
 * later. */
static void test_stands_still(void **state) {
    struct app_fixture f;
    char before[4096];
    (void)state;
    open_vote(&f, APP_DRIVE);
    fixture_type(&f, "h");
    snprintf(before, sizeof before, "%s", strstr(fixture_text(&f), "+- 3 Compare"));
    feed(&f, "bank :", 2, "newest");
    feed(&f, "heart :", 6, "muscle");
    assert_string_equal(before, strstr(fixture_text(&f), "+- 3 Compare"));
    fixture_type(&f, "\r");
    expect(&f, "@324", true);
    fixture_type(&f, "\r\r"); /* "fever :", where Enter without a choice does nothing */
    expect(&f, "> fever :", true);
    fixture_type(&f, "l\r\r");
    expect(&f, "> bank :", true);
    expect(&f, "newest", true);
    fixture_close(&f);
}

static void test_too_early(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, 220); /* pretraining: there is no base */
    fixture_key(&f, 'b');
    expect(&f, "no two texts to choose from for this prompt yet", true);
    fixture_event(&f,
                  "\"step\":372,\"type\":\"sample\",\"prompt\":\"fever :\",\"side\":\"base\","
                  "\"weights\":\"abcd\",\"seed\":0,\"temperature\":0.8,\"index\":0,"
                  "\"tokens\":[{\"id\":1,\"text\":\" heat\",\"logprob\":-1}]");
    expect(&f, "two texts are there now: Enter shows them", true);
    expect(&f, " heat", false);
    fixture_key(&f, KEYS_ENTER);
    expect(&f, "Which is better?", true);
    expect(&f, " heat", true);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sides),        cmocka_unit_test(test_needs_two_texts),
        cmocka_unit_test(test_votes),        cmocka_unit_test(test_votes_are_bounded),
        cmocka_unit_test(test_hidden),       cmocka_unit_test(test_vote_by_keys),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_watcher),
        cmocka_unit_test(test_stands_still), cmocka_unit_test(test_too_early),
    };
    return cmocka_run_group_tests_name("blind", tests, NULL, NULL);
}
