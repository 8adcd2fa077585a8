#include <stdio.h>

#include <sys/stat.h>

#include "check.h"
#include "engine/data/source.h"
#include "tests/data/source_test.h"

static struct source_text read_source(const char *spec) {
    struct source_text s = {0};
    struct err err = {0};
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    return s;
}

static const char *spec_of(const char *kind, const char *name) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "%s:%s", kind, in_folder(name));
    return spec;
}

/* All units, a | after each. */
static void assert_units(const char *spec, const char *want) {
    struct source_text s = read_source(spec);
    struct buf got = {0};
    for (size_t i = 0; i < s.n_units; i++) {
        buf_add(&got, s.bytes.data + s.units[i].offset, s.units[i].length);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

/* ---- one file, paragraph by paragraph, or line by line ---- */

static const struct file_case {
    const char *name, *text, *units;
} files[] = {
    {"text: one paragraph", "a\n\n", "a|"},
    {"text: paragraphs", "a\nb\n\n\nc\n", "a\nb|c|"},
    {"text: no last newline", "a\n\nb", "a|b|"},
    {"text: a blank line may hold spaces", "a\n \t\nb", "a|b|"},
    {"text: line ends of Windows", "a\r\nb\r\n\r\nc\r\n", "a\nb|c|"},
    {"text: spaces inside stay", "  a  \n\n b", "  a  | b|"},
    {"text: without a blank line, by lines", "a\nb\nc\n", "a|b|c|"},
    {"text: blank lines around part nothing", "\n\na\nb\n\n", "a|b|"},
    {"text: a byte order mark is left out",
     "\xef\xbb\xbf"
     "a\n\nb",
     "a|b|"},
    {"text: other scripts", "\xe6\x97\xa5\n\n\xf0\x9f\x98\x80",
     "\xe6\x97\xa5|\xf0\x9f\x98\x80|"},
};

static void test_file(void **state) {
    const struct file_case *c = *state;
    put_file("case.txt", c->text, strlen(c->text));
    assert_units(spec_of("text", "case.txt"), c->units);
}

/* ---- folders and globs ---- */

static void test_folder(void **state) {
    (void)state;
    assert_true(files_make_dirs(in_folder("books/sub"), 0700, NULL));
    put_file("books/b.txt", TEXT("second"));
    put_file("books/a.txt", TEXT("first"));
    put_file("books/sub/c.md", TEXT("third"));
    put_file("books/.hidden", TEXT("\xff"));
    put_file("books/empty.txt", TEXT(""));
    assert_units(spec_of("text", "books"), "first|second|third|");
    assert_units(spec_of("text", "books/*.txt"), "first|second|");
    assert_units(spec_of("text", "books/[ab].txt"), "first|second|");
    assert_units(spec_of("text", "books/s*"), "third|");
    assert_error(spec_of("text", "books/*.pdf"), ERR_IO, "no such file, folder or match");
    assert_int_equal(mkfifo(in_folder("books/pipe"), 0600),
                     0); /* neither a file nor a folder */
    assert_int_equal(symlink("../a.txt", in_folder("books/sub/again.txt")), 0);
    assert_units(spec_of("text", "books"), "first|second|first|third|");
    assert_int_equal(symlink("..", in_folder("books/sub/loop")), 0);
    assert_error(spec_of("text", "books"), ERR_RANGE, "is a link a loop?");
    assert_int_equal(unlink(in_folder("books/sub/loop")), 0);
    assert_int_equal(symlink("nowhere", in_folder("books/sub/broken")), 0);
    assert_error(spec_of("text", "books"), ERR_IO, "books/sub/broken: ");
}

/* "a", a blank line, "b", as gzip writes them: read as what they are. */
static void test_gzip(void **state) {
    (void)state;
    static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xe4\xe2\x4a\xe2"
                                 "\x02\x00\x69\x2c\x44\xb7\x05\x00\x00\x00";
    put_file("packed.txt.gz", TEXT(packed));
    assert_units(spec_of("text", "packed.txt.gz"), "a|b|");
    put_file("packed.txt.gz", packed, sizeof packed - 2);
    assert_error(spec_of("text", "packed.txt.gz"), ERR_PARSE,
                 "packed.txt.gz: this gzip file is cut short");
}

/* A second source is appended to the first. */
static void test_appends(void **state) {
    (void)state;
    struct source_text s = {0};
    put_file("one.txt", TEXT("one"));
    put_file("two.txt", TEXT("two"));
    assert_true(source_read(spec_of("text", "one.txt"), &s, NULL));
    assert_true(source_read(spec_of("text", "two.txt"), &s, NULL));
    assert_int_equal(s.n_units, 2);
    assert_memory_equal(s.bytes.data + s.units[1].offset, "two", 3);
    source_deinit(&s);
}

static void test_text_errors(void **state) {
    (void)state;
    put_file("bad.txt", TEXT("good\nbad \xc3( end\n"));
    assert_error(spec_of("text", "bad.txt"), ERR_PARSE,
                 "bad.txt:2: byte 0xc3 is not valid UTF-8");
    put_file("cut.txt", TEXT("a\nb\n\xe2\x82"));
    assert_error(spec_of("text", "cut.txt"), ERR_PARSE, "cut.txt:3: byte 0xe2");
    put_file("nul.txt", TEXT("a\nb\0c"));
    assert_error(spec_of("text", "nul.txt"), ERR_PARSE, "nul.txt:2: a NUL byte");
    put_file("empty.txt", TEXT(""));
    assert_error(spec_of("text", "empty.txt"), ERR_RANGE, "empty.txt: it is empty");
    put_file("blank.txt", TEXT(" \n\n\t\n"));
    assert_error(spec_of("text", "blank.txt"), ERR_RANGE, "blank.txt: it is empty");
    assert_true(files_make_dirs(in_folder("void"), 0700, NULL));
    assert_error(spec_of("text", "void"), ERR_RANGE, "void: it is empty");
    assert_error(spec_of("text", "none.txt"), ERR_IO, "none.txt: there is no such file");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_error(spec_of("text", "pipe"), ERR_IO, "pipe");
}

static void test_no_permission(void **state) {
    (void)state;
    const char *path = put_file("secret.txt", TEXT("a"));
    if (geteuid() == 0) {
        print_message("skipped: root may read any file\n");
        skip();
    }
    assert_int_equal(chmod(path, 0), 0);
    assert_error(spec_of("text", "secret.txt"), ERR_IO, "secret.txt");
}

/* ---- JSON Lines ---- */

static void test_jsonl(void **state) {
    (void)state;
    static const char lines[] =
        "{\"text\":\"a\\nb\",\"de\":\"x\"}\n\n"
        "{\"de\":\"\xc3\xa4\",\"text\":\"\"}\r\n{\"text\":\"c\",\"de\":\"y\"}";
    put_file("lines.jsonl", TEXT(lines));
    assert_units(spec_of("jsonl", "lines.jsonl"), "a\nb|c|");
    assert_units(spec_of("jsonl", "lines.jsonl#text"), "a\nb|c|");
    assert_units(spec_of("jsonl", "lines.jsonl#de"), "x|\xc3\xa4|y|");
}

static void assert_jsonl_error(const char *text, enum err_code code, const char *says) {
    put_file("bad.jsonl", text, strlen(text));
    assert_error(spec_of("jsonl", "bad.jsonl"), code, says);
}

static void test_jsonl_errors(void **state) {
    (void)state;
    assert_jsonl_error("{\"text\":\"a\"}\n{\"text\" 1}\n", ERR_PARSE, "bad.jsonl:2: column");
    assert_jsonl_error("{\"text\":\"a\"}\n\n[1]\n", ERR_PARSE,
                       "bad.jsonl:3: it is not an object");
    assert_jsonl_error("{\"txt\":\"a\"}", ERR_PARSE,
                       "bad.jsonl:1: there is no text under \"text\"");
    assert_jsonl_error("{\"text\":1}", ERR_PARSE,
                       "bad.jsonl:1: there is no text under \"text\"");
    assert_jsonl_error("{\"text\":\"\xff\"}", ERR_PARSE, "bad.jsonl:1: ");
    assert_jsonl_error("\n\n", ERR_RANGE, "bad.jsonl: it is empty");
    assert_jsonl_error("{\"text\":\"\"}", ERR_RANGE, "bad.jsonl: it is empty");
    assert_error(spec_of("jsonl", "none.jsonl"), ERR_IO, "none.jsonl");
}

/* ---- specs ---- */

static void test_check(void **state) {
    (void)state;
    static const char *const right[] = {"text:a", "jsonl:a#b", "wordnet:general",
                                        "wordnet:sport"};
    static const char *const wrong[] = {"",
                                        "a.txt",
                                        "text",
                                        "text:",
                                        "TEXT:a",
                                        "tex:a",
                                        "wordnet:",
                                        "wordnet:gen",
                                        "wordnet:general|law",
                                        "wordnet:medicine "};
    for (size_t i = 0; i < COUNT(right); i++) assert_true(source_check(right[i], NULL));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct err err = {0};
        assert_false(source_check(wrong[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.msg, wrong[i]));
        assert_error(wrong[i], ERR_USAGE, "is not a source");
    }
    assert_error(
        "books/a.txt", ERR_USAGE,
        "text:PATH, jsonl:PATH#key, html:PATH, packages:PATH, wordnet:general|medicine");
    assert_error("wordnet:music", ERR_USAGE, "general|medicine|law|sport");
}

static void test_absolute(void **state) {
    (void)state;
    char out[4300], want[4300], here[4096];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(want, sizeof want, "text:%s/a/*.txt", here);
    assert_true(source_absolute("text:a/*.txt", out, sizeof out, NULL));
    assert_string_equal(out, want);
    snprintf(want, sizeof want, "jsonl:%s/a.jsonl#de", here);
    assert_true(source_absolute("jsonl:a.jsonl#de", out, sizeof out, NULL));
    assert_string_equal(out, want);
    assert_true(source_absolute("text:/x/y", out, sizeof out, NULL));
    assert_string_equal(out, "text:/x/y");
    assert_true(source_absolute("wordnet:law", out, sizeof out, NULL));
    assert_string_equal(out, "wordnet:law");
    struct err err = {0};
    assert_false(source_absolute("text:/x/y", out, 8, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_false(source_absolute("nothing", out, sizeof out, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

/* ---- the split ---- */

/* One in twenty; fixed for ever, so a few keys are pinned; equal keys go together. */
static void test_split(void **state) {
    enum { N = 100000 };
    (void)state;
    struct source_text s = {0};
    int held_out = 0;
    for (int i = 0; i < N; i++) {
        char key[16];
        int n = snprintf(key, sizeof key, "key %d", i / 2);
        assert_true(source_add(&s, key, (size_t)n, key, (size_t)n, NULL));
        held_out += s.units[i].validation;
        if (i % 2) assert_int_equal(s.units[i].validation, s.units[i - 1].validation);
    }
    assert_in_range(held_out, N * 46 / 1000, N * 54 / 1000);
    source_deinit(&s);
    static const int pinned[] = {58, 59, 60, 77, 103, 105, 109, 123, 154, 186, 192};
    for (int i = 0, k = 0; i < 200; i++) {
        char key[16];
        int n = snprintf(key, sizeof key, "key %d", i);
        bool want = k < (int)COUNT(pinned) && pinned[k] == i;
        k += want;
        assert_int_equal(unit_is_validation(key, (size_t)n), want);
    }
}

static void test_counts(void **state) {
    (void)state;
    static const char a[] = "Don't stop! It is 3.5 km to go.\nNow", b[] = "caf\xc3\xa9 ... ok?";
    struct source_text s = {0};
    assert_true(source_add(&s, TEXT(a), "key 0", 5, NULL));
    assert_true(source_add(&s, TEXT(""), "key 0", 5, NULL)); /* nothing is no unit */
    assert_true(source_add(&s, TEXT(b), "key 1", 5, NULL));
    struct source_counts c = source_count(&s, SPLIT_ALL);
    assert_int_equal(c.units, 2);
    assert_int_equal(c.lines, 3);
    assert_int_equal(c.sentences, 5); /* Don't stop! ... go. Now | caf\xc3\xa9 ... ok? */
    assert_int_equal(c.words, 12);
    assert_int_equal(c.bytes, sizeof a + sizeof b - 2);
    s.units[1].validation = true;
    s.units[0].validation = false;
    assert_int_equal(source_count(&s, SPLIT_VAL).bytes, sizeof b - 1);
    assert_int_equal(source_count(&s, SPLIT_TRAIN).bytes, sizeof a - 1);
    source_deinit(&s);
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_folder),        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_gzip),          cmocka_unit_test(test_text_errors),
        cmocka_unit_test(test_no_permission), cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_jsonl_errors),  cmocka_unit_test(test_check),
        cmocka_unit_test(test_absolute),      cmocka_unit_test(test_split),
        cmocka_unit_test(test_counts),
    };
    struct CMUnitTest tests[COUNT(files) + COUNT(others)];
    for (size_t i = 0; i < COUNT(files); i++)
        tests[i] = (struct CMUnitTest){
            .name = files[i].name, .test_func = test_file, .initial_state = (void *)&files[i]};
    memcpy(tests + COUNT(files), others, sizeof others);
    return cmocka_run_group_tests_name("source", tests, make_folder, remove_folder);
}
