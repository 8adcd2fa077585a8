#include <stdio.h>

#include "check.h"
#include "engine/data/bytes_map.h"
#include "engine/data/source.h"
#include "tests/data/data_test.h"

static struct source_text read_domain(const char *domain) {
    char spec[64];
    struct source_text s = {0};
    struct err err = {0};
    snprintf(spec, sizeof spec, "wordnet:%s", domain);
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    return s;
}

/* ---- a WordNet of a few lines, in the test's folder ---- */

static const char licence[] = "  1 This stands before the data.\n";
static const char nouns[] =
    "00000001 03 n 01 entity 0 000 | that which exists  \n"
    "00000002 26 n 01 ill_health 0 001 @ 00000001 n 0000 | a state in which you are unable to "
    "function normally; \"he stayed in bed\"  \n"
    "00000003 26 n 02 fever 0 pyrexia 0 002 @ 00000002 n 0000 ~ 00000009 n 0000 | a rise in "
    "the temperature of the body; a symptom  \n"
    "00000004 06 n 01 drug 0 000 | a substance that is used as a medicine or narcotic  \n"
    "00000005 09 n 01 medicine 1 000 | the branches of medical science that deal with illness  "
    "\n"
    "00000006 09 n 01 surgery 0 001 @ 00000005 n 0000 | the part that cuts  \n"
    "00000007 14 n 01 law 0 000 | the collection of rules imposed by authority; \"law is law\" "
    " \n"
    "00000008 04 n 02 sport 0 athletics 0 001 @ 00000001 n 0000 | an active diversion "
    "requiring physical exertion  \n"
    "00000009 04 n 01 athletic_game 0 001 @ 00000008 n 0000 | a game involving athletic "
    "activity  \n"
    "00000010 10 n 01 contract 0 002 @ 00000001 n 0000 ;c 00000007 n 0000 | an agreement  \n"
    "00000011 10 n 01 lease 0 001 @i 00000010 n 0000 | a contract for a house; \"sign a "
    "lease\"  \n"
    "00000012 10 n 02 bank 0 savings_bank 0 001 @ 00000001 n 0000 | a house of money: \"go to "
    "the bank\"; \"rob a bank\"- Mark Twain; \"go home\"  \n"
    "00000013 10 n 01 riddle 0 001 @ 00000001 n 0000 | \"what is it?\" \"...\"; \"it ends "
    "nowhere  \n";
static const char verbs[] =
    "00000001 30 v 01 operate 0 001 ;c 00000006 n 0000 01 + 08 00 | cut a body  \n"
    "00000002 30 v 01 amputate 0 001 @ 00000001 v 0000 02 + 08 00 + 11 01 | cut off; \"go "
    "home\"  \n";
static const char adjectives[] = "00000001 00 a 02 galore(ip) 0 Much 0 000 | in plenty  \n";

static void put_wordnet(const char *noun_lines) {
    static const char *const names[] = {"data.noun", "data.verb", "data.adj", "data.adv"};
    const char *texts[] = {noun_lines, verbs, adjectives, ""};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct buf b = {0};
        buf_str(&b, licence);
        buf_str(&b, texts[i]);
        put_file(names[i], b.data, b.len);
        buf_deinit(&b);
    }
    assert_int_equal(setenv("WNSEARCHDIR", folder, 1), 0);
}

static void assert_lines(const char *domain, const char *want) {
    struct source_text s = read_domain(domain);
    struct buf got = {0};
    for (size_t i = 0; i < s.n_units; i++) {
        buf_add(&got, s.bytes.data + s.units[i].offset, s.units[i].length);
        buf_str(&got, "\n");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

static void test_small(void **state) {
    (void)state;
    put_wordnet(nouns);
    assert_lines("medicine",
                 "ill health : a state in which you are unable to function normally\n"
                 "fever : a rise in the temperature of the body; a symptom\n"
                 "pyrexia : a rise in the temperature of the body; a symptom\n"
                 "drug : a substance that is used as a medicine or narcotic\n"
                 "medicine : the branches of medical science that deal with illness\n"
                 "surgery : the part that cuts\n"
                 "operate : cut a body\n");
    assert_lines("law", "law : the collection of rules imposed by authority\n"
                        "contract : an agreement\n"
                        "lease : a contract for a house\n");
    assert_lines("sport", "sport : an active diversion requiring physical exertion\n"
                          "athletics : an active diversion requiring physical exertion\n"
                          "athletic game : a game involving athletic activity\n");
    assert_lines("general", "entity : that which exists\n"
                            "bank : a house of money\n"
                            "savings bank : a house of money\n"
                            "go to the bank\n"
                            "rob a bank\n"
                            "go home\n"
                            "what is it?\n"
                            "it ends nowhere\n"
                            "amputate : cut off\n"
                            "galore : in plenty\n"
                            "Much : in plenty\n");
}

/* ---- files that are not right ---- */

static void assert_error(const char *noun_lines, const char *says) {
    struct source_text s = {0};
    struct err err = {0};
    put_wordnet(noun_lines);
    assert_false(source_read("wordnet:law", &s, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    source_deinit(&s);
}

static void test_errors(void **state) {
    (void)state;
    static const char *const bad[] = {"00000001 03 n 01 entity 0 000 that which exists\n",
                                      "0000000x 03 n 01 entity 0 000 | x\n",
                                      "00000001 03 n 02 entity 0 000 | x\n",
                                      "00000001 03 n 0g entity 0 000 | x\n",
                                      "00000001 03 n 01 entity 0 | x\n",
                                      "00000001 03 n 01 entity 0 001 | x\n",
                                      "00000001 03 n 01 entity 0 001 @ 00000001 z 0 | x\n",
                                      "000000001 03 n 01 entity 0 000 | x\n",
                                      "00000001 03 n 80000001 entity 0 000 | x\n",
                                      "|\n"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_error(bad[i], "data.noun:2: this is not a line of WordNet");
    assert_error("00000001 03 n 01 entity 0 001 @ 00000009 n 0000 | x\n",
                 "data.noun has no synset 00000009");
    assert_error("00000006 03 n 01 entity 0 000 | x\n",
                 "data.noun has no \"ill_health : a state");
    assert_int_equal(unlink(in_folder("data.adv")), 0);
    struct source_text s = {0};
    struct err err = {0};
    assert_false(source_read("wordnet:law", &s, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.msg, "data.adv is missing: install wordnet-base"));
    source_deinit(&s);
}

/* A file cut anywhere is read in part or refused; never read beyond its end. */
static void test_truncated(void **state) {
    (void)state;
    put_wordnet(nouns);
    for (size_t n = 0; n < sizeof nouns; n++) {
        struct source_text s = {0};
        struct err err = {0};
        put_file("data.noun", nouns, n);
        if (!source_read("wordnet:general", &s, &err)) assert_true(err.msg[0] != '\0');
        source_deinit(&s);
    }
}

/* ---- the real one, where it is installed ---- */

static const char *const domains[] = {"general", "medicine", "law", "sport"};

static void need_wordnet(void) {
    assert_int_equal(unsetenv("WNSEARCHDIR"), 0);
    if (files_exists("/usr/share/wordnet/data.noun")) return;
    print_message("skipped: wordnet-base is not installed\n");
    skip();
}

static bool has_line(const struct source_text *s, const char *line) {
    size_t n = strlen(line);
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i].length == n && memcmp(s->bytes.data + s->units[i].offset, line, n) == 0)
            return true;
    return false;
}

static void test_real_sizes(void **state) {
    (void)state;
    need_wordnet();
    static const size_t low[] = {240000, 5100, 1300, 1250}, high[] = {250000, 5400, 1700, 1400};
    for (size_t d = 0; d < COUNT(domains); d++) {
        struct source_text s = read_domain(domains[d]);
        assert_in_range(s.n_units, low[d], high[d]);
        uint64_t held_out = source_count(&s, SPLIT_VAL).units;
        assert_in_range(held_out, s.n_units * 35 / 1000, s.n_units * 65 / 1000);
        size_t odd = 0; /* bytes that no line should have: WordNet is plain ASCII */
        for (size_t i = 0; i < s.bytes.len; i++)
            odd += s.bytes.data[i] < 32 || s.bytes.data[i] > 126;
        assert_int_equal(odd, 0);
        source_deinit(&s);
    }
}

static void test_real_lines(void **state) {
    (void)state;
    need_wordnet();
    static const struct {
        int domain;
        const char *line;
    } known[] = {
        {0, "entity : that which is perceived or known or inferred to have its own distinct "
            "existence (living or nonliving)"},
        {0, "take a breath : draw air into, and expel out of, the lungs"},
        {0, "I can breathe better when the air is clean"},
        {1,
         "ill health : a state in which you are unable to function normally and without pain"},
        {1,
         "penicillin : any of various antibiotics obtained from Penicillium molds (or produced "
         "synthetically) and used in the treatment of various infections and diseases"},
        {1, "cardiology : the branch of medicine dealing with the heart and its diseases"},
        {3, "athletic game : a game involving athletic activity"},
    };
    struct source_text s[COUNT(domains)];
    for (size_t d = 0; d < COUNT(domains); d++) s[d] = read_domain(domains[d]);
    for (size_t i = 0; i < COUNT(known); i++)
        for (size_t d = 0; d < COUNT(domains); d++)
            if (has_line(&s[d], known[i].line) != (known[i].domain == (int)d))
                fail_msg("%s: %s", domains[d], known[i].line);
    for (size_t d = 0; d < COUNT(domains); d++) source_deinit(&s[d]);
}

/* No line is on both sides of the split, and no line of a domain is in general. */
static void test_real_apart(void **state) {
    (void)state;
    need_wordnet();
    struct bytes_map lines = {0};
    unsigned char *where =
        calloc(400000, 1); /* bit 0: held out, bit 1: training; then domains */
    assert_non_null(where);
    for (size_t d = 0; d < COUNT(domains); d++) {
        struct source_text s = read_domain(domains[d]);
        for (size_t i = 0; i < s.n_units; i++) {
            const struct unit *u = &s.units[i];
            uint32_t number;
            assert_true(
                bytes_map_add(&lines, s.bytes.data + u->offset, u->length, &number, NULL));
            assert_true(number < 400000);
            where[number] |= (unsigned char)((u->validation ? 1 : 2) | (d ? 8 : 4));
        }
        source_deinit(&s);
    }
    for (uint32_t i = 0; i < lines.n; i++) {
        size_t n;
        const char *line = bytes_map_key(&lines, i, &n);
        if ((where[i] & 3) == 3) fail_msg("on both sides: %.*s", (int)n, line);
        if ((where[i] & 12) == 12) fail_msg("in general, too: %.*s", (int)n, line);
    }
    free(where);
    bytes_map_deinit(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),      cmocka_unit_test(test_errors),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_real_sizes),
        cmocka_unit_test(test_real_lines), cmocka_unit_test(test_real_apart),
    };
    return cmocka_run_group_tests_name("wordnet", tests, make_folder, remove_folder);
}
