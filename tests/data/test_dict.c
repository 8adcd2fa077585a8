#include <stdio.h>

#include <zlib.h>

#include "check.h"
#include "engine/data/dict.h"
#include "tests/data/source_test.h"

/* ---- dictionaries of a few lines, in the test's folder ---- */

struct piece {
    const char *word, *text;
};

/* A number as the index has it. */
static void put_number(struct buf *b, size_t x) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (x >= 64) put_number(b, x / 64);
    buf_add(b, digits + x % 64, 1);
}

static void put_gzip(const char *name, const char *text, size_t n) {
    gzFile f = gzopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, text, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

/* NAME.index and NAME.dict, or NAME.dict.dz, of these articles. */
static void put_dictionary(const char *name, bool packed, const struct piece *pieces,
                           size_t n) {
    struct buf index = {0}, body = {0};
    char file[64];
    for (size_t i = 0; i < n; i++) {
        buf_printf(&index, "%s\t", pieces[i].word);
        put_number(&index, body.len);
        buf_str(&index, "\t");
        put_number(&index, strlen(pieces[i].text));
        buf_str(&index, "\n");
        buf_str(&body, pieces[i].text);
    }
    snprintf(file, sizeof file, "%s.index", name);
    put_file(file, index.data, index.len);
    snprintf(file, sizeof file, packed ? "%s.dict.dz" : "%s.dict", name);
    if (packed) put_gzip(file, body.data, body.len);
    else put_file(file, body.data, body.len);
    buf_deinit(&index);
    buf_deinit(&body);
}

static const char *spec_of(const char *rest) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "dict:%s", in_folder(rest));
    return spec;
}

/* ---- articles ---- */

static const struct article_case {
    const char *name, *text, *lines;
} articles[] = {
    {"dict: a word, a blank line, a meaning", "lamp\n\n   A thing that gives light.\n\n",
     "lamp : A thing that gives light\n"},
    {"dict: the meaning right below the word", "lamp\n     n 1: a thing that gives light\n",
     "lamp : n 1: a thing that gives light\n"},
    {"dict: other names of the same thing",
     "Small Lamp\nSL\n\n   <device> (SL) A {lamp} of\n   no size.\n",
     "Small Lamp : A lamp of no size\n"},
    {"dict: how it is said, where it is from",
     "Lamp \\Lamp\\ (l[a^]mp), n. [OF. lampe, fr.\n   L. lampas.]\n   1. A light.\n      [Test "
     "1]\n\n   2. A star.\n",
     "Lamp : A light\nLamp : A star\n"},
    {"dict: quotations, notes and synonyms are left out",
     "Lamp \\Lamp\\, n.\n   A light; as, \"a lamp\" of oil. --Me.\n\n         Bring a lamp.  "
     "--You.\n\n   Note: It is hot.\n\n   Syn: star.\n",
     "Lamp : A light; as\n"},
    {"dict: compounds",
     "Lamp \\Lamp\\, n.\n   A light.\n\n   {Lamp oil}, or {Light oil} (Chem.), oil\n      for "
     "{lamps}.\n\n   {Lamp sign}. See {Sign}.\n\n   {Lamp bug}, {Bug lamp}, a fly.\n",
     "Lamp : A light\nLamp oil : oil for lamps\nLamp bug : a fly\n"},
    {"dict: lettered meanings",
     "Lamp \\Lamp\\, n.\n   1. (Sport)\n      (a) A light.\n      (b) A star.\n",
     "Lamp : A light\nLamp : A star\n"},
    {"dict: letters in brackets", "Diarrh[oe]a \\Di\\ n.\n   A r[=e]d [R.] na[\"i]ve [ae]on.\n",
     "Diarrhoea : A red naive aeon\n"},
    {"dict: no meaning", "lamp\n", ""},
    {"dict: a meaning elsewhere", "lamp\n\n   See {light}.\n", ""},
    {"dict: an open bracket", "lamp\n\n   A [thing (that {shines.\n",
     "lamp : A thing (that shines\n"},
    {"dict: not UTF-8", "lamp\n\n   A th\xffing.\n", ""},
    {"dict: empty", "", ""},
    {"dict: blank", "\n\n\n", ""},
};

static void test_article(void **state) {
    const struct article_case *c = *state;
    const struct piece pieces[] = {{"lamp", c->text}, {"end", "end\n\n   The last one.\n"}};
    char want[512];
    put_dictionary("one", false, pieces, 2);
    snprintf(want, sizeof want, "%send : The last one\n", c->lines);
    assert_lines(spec_of("one.index"), want);
}

static void test_long(void **state) {
    (void)state;
    struct buf text = {0}, want = {0};
    buf_str(&text, "lamp\n\n   ");
    for (int i = 0; i < 30; i++) buf_printf(&text, "It is the light number %02d. ", i);
    const struct piece piece = {"lamp", buf_text(&text)};
    put_dictionary("long", false, &piece, 1);
    buf_str(&want, "lamp : ");
    for (int i = 0; i < 14; i++)
        buf_printf(&want, "It is the light number %02d%s", i, i < 13 ? ". " : "\n");
    assert_lines(spec_of("long.index"),
                 buf_text(&want)); /* a whole sentence, within 400 bytes */
    buf_deinit(&text);
    buf_deinit(&want);
}

/* ---- domains and splits ---- */

static const struct piece labelled[] = {
    {"00-database-info", "00-database-info\n\n   About it.\n"},
    {"cut", "Cut \\Cut\\, n.\n   1. (Surg.) To open a body.\n\n   2. (Cricket) To hit past "
            "point.\n\n   3. To part.\n\n   {Cut down} (Scots Law), to void.\n"},
    {"ox", "Ox \\Ox\\, n. (Zool.)\n   A beast. (b) (Med. & Zool.) A sick beast.\n"},
    {"node", "node\n\n   <language, Med> A point.\n"},
};

static void test_domains(void **state) {
    (void)state;
    put_dictionary("labels", true, labelled, COUNT(labelled));
    assert_lines(spec_of("labels.index:medicine"),
                 "Cut : To open a body\nOx : A sick beast\nnode : A point\n");
    assert_lines(spec_of("labels.index:law"), "Cut down : to void\n");
    assert_lines(spec_of("labels.index:sport"), "Cut : To hit past point\n");
    assert_lines(spec_of("labels.index:general"), "Cut : To part\nOx : A beast\n");
    assert_lines(spec_of("labels.index:zool"), "Ox : A beast\nOx : A sick beast\n");
    assert_lines(spec_of("labels.index:LANGUAGE"), "node : A point\n");
    assert_error(spec_of("labels.index:music"), ERR_RANGE,
                 "labels.index: no meaning in it is labelled \"music\"");
}

/* All meanings of a word are on one side. */
static void test_split(void **state) {
    (void)state;
    struct source_text s = {0};
    put_dictionary("labels", false, labelled, COUNT(labelled));
    assert_true(source_read(spec_of("labels.index"), &s, NULL));
    assert_int_equal(s.n_units, 7);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s.units[i].validation, unit_is_validation("cut", 3));
    source_deinit(&s);
}

/* ---- files that are not right ---- */

static void assert_index_error(const char *index, const char *says) {
    put_file("bad.dict", TEXT("0123456789"));
    put_file("bad.index", index, strlen(index));
    assert_error(spec_of("bad.index"), ERR_PARSE, says);
}

static void test_index_errors(void **state) {
    (void)state;
    static const char *const lines[] = {
        "word",       "word\tA",    "word\tA\t",           "word\t\tB",      "word\tA\tL",
        "word\tK\tB", "word\t-\tB", "word\tA\tAAAAAAAAAB", "word\t//////\tB"};
    char index[64];
    for (size_t i = 0; i < COUNT(lines); i++) {
        snprintf(index, sizeof index, "first\tA\tB\n%s\n", lines[i]);
        assert_index_error(
            index, "bad.index: line 2 is not \"word, offset, length\" within the 10 bytes");
    }
    assert_index_error("one\tA\tF\ntwo\tE\tB\n",
                       "bad.index: the articles of \"one\" and \"two\" overlap");
    put_file("bad.index", TEXT(""));
    assert_error(spec_of("bad.index"), ERR_RANGE, "no meaning in it");
}

static void test_file_errors(void **state) {
    (void)state;
    put_file("alone.index", TEXT("word\tA\tB\n"));
    assert_error(spec_of("alone.index"), ERR_IO, "alone.dict is missing: a dictionary is");
    assert_error(spec_of("none.index"), ERR_IO, "none.index is missing");
    assert_error("dict:thaw-has-none", ERR_IO,
                 "/usr/share/dictd/thaw-has-none.index is missing: install dict-thaw-has-none");
    put_file("alone.dict.dz", TEXT("\x1f\x8b\x08 and no more"));
    assert_error(spec_of("alone.index"), ERR_PARSE, "alone.dict.dz: this gzip file is ");
    static const char *const wrong[] = {
        "dict::law", "dict:a/b", "dict:a:", "dict:a:b:c", "dict:a:1", "dict:a.index:"};
    for (size_t i = 0; i < COUNT(wrong); i++) assert_false(source_check(wrong[i], NULL));
    assert_true(source_check("dict:gcide", NULL));
    assert_true(source_check("dict:/x/gcide.index:law", NULL));
}

/* ---- the real one, where it is installed ---- */

static void test_real(void **state) {
    (void)state;
    if (!files_exists("/usr/share/dictd/gcide.index")) {
        print_message("skipped: dict-gcide is not installed\n");
        skip();
    }
    static const struct {
        const char *spec;
        size_t low, high;
    } sizes[] = {{"dict:gcide", 150000, 250000},
                 {"dict:gcide:medicine", 4500, 7000},
                 {"dict:gcide:law", 1800, 3000},
                 {"dict:gcide:sport", 300, 700}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct source_text s = {0};
        assert_true(source_read(sizes[i].spec, &s, NULL));
        assert_in_range(s.n_units, sizes[i].low, sizes[i].high);
        uint64_t held_out = source_count(&s, SPLIT_VAL).units;
        assert_in_range(held_out, s.n_units * 2 / 100, s.n_units * 8 / 100);
        source_deinit(&s);
    }
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_long),        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_split),       cmocka_unit_test(test_index_errors),
        cmocka_unit_test(test_file_errors), cmocka_unit_test(test_real),
    };
    struct CMUnitTest tests[COUNT(articles) + COUNT(others)];
    for (size_t i = 0; i < COUNT(articles); i++)
        tests[i] = (struct CMUnitTest){.name = articles[i].name,
                                       .test_func = test_article,
                                       .initial_state = (void *)&articles[i]};
    memcpy(tests + COUNT(articles), others, sizeof others);
    return cmocka_run_group_tests_name("dict", tests, make_folder, remove_folder);
}
