/* test_pod.c - Perl's documentation as paragraphs. */
#include <stdio.h>

#include "check.h"
#include "engine/data/pod.h"
#include "tests/data/source_test.h"

static const struct pod_case {
    const char *name, *text, *units;
} cases[] = {
    {"pod: headings, items, paragraphs",
     "=head1 NAME\n\nperl - a\nlanguage\n\n=item * One\n\nTwo.\n",
     "NAME|perl - a language|One|Two.|"},
    {"pod: only what is inside",
     "use strict;\n\n=pod\n\nText.\n\n=cut\n\nmy $x;\n\n=head2 More\n", "Text.|More|"},
    {"pod: code is left out", "=pod\n\nA.\n\n    print 1;\n\n\tprint 2;\n\nB.", "A.|B.|"},
    {"pod: blocks are left out",
     "=pod\n\n=begin html\n\n<p>no</p>\n\n=end html\n\n=for man .SH no\nno\n\nYes.\n\n=over "
     "4\n\n=back\n",
     "Yes.|"},
    {"pod: codes", "=pod\n\nUse B<bold I<and> more> and C<< a->b >> now.",
     "Use bold and more and a->b now.|"},
    {"pod: links", "=pod\n\nSee L<the manual|perlop/Quote>, L<perlre>.",
     "See the manual, perlre.|"},
    {"pod: characters",
     "=pod\n\nE<lt>aE<gt> E<233> E<0x2014> E<sol>E<verbar> E<nope>.E<0>E<7>E<99999999>",
     "<a> \u00e9 \u2014 /| .|"},
    {"pod: an index is no text", "=pod\n\nOne X<index> two.X<a>X<b>", "One two.|"},
    {"pod: no codes", "=pod\n\nif a<b or A <b> c> X<", "if a<b or A <b> c>|"},
    {"pod: line ends of another system", "=pod\r\n\r\nOne\r\ntwo.\r\n \r\nThree.\r\n",
     "One two.|Three.|"},
    {"pod: a blank at the front", "\n\n=head1\n\n=head1 \n\n=cut back\n\nx", ""},
    {"pod: none at all", "Just a text.\n\nAnd another.", ""},
    {"pod: nothing", "", ""},
};

static void test_text(void **state) {
    const struct pod_case *c = *state;
    assert_units_of(pod_add, c->text, c->units);
}

/* Codes in codes are followed so far only: the rest is text, and the stack is safe. */
static void test_nested(void **state) {
    struct buf text = {0};
    struct source_text s = {0};
    (void)state;
    buf_str(&text, "=pod\n\n");
    for (int i = 0; i < 100000; i++) buf_str(&text, "B<");
    assert_true(pod_add(text.data, text.len, &s, NULL));
    assert_int_equal(s.n_units, 1);
    buf_deinit(&text);
    source_deinit(&s);
}

static void test_files(void **state) {
    char spec[4300];
    (void)state;
    assert_true(files_make_dirs(in_folder("doc/sub"), 0700, NULL));
    put_file("doc/b.pod", TEXT("=pod\n\nsecond"));
    put_file("doc/a.pm", TEXT("package a;\n\n=pod\n\nfirst\n\n=cut\n\n1;"));
    put_file("doc/old.pod", TEXT("=encoding latin1\n\nna\xefve"));
    put_file("doc/note.txt", TEXT("=pod\n\nno"));
    put_file("doc/sub/c.pl", TEXT("=pod\n\nthird"));
    snprintf(spec, sizeof spec, "pod:%s", in_folder("doc"));
    assert_lines(spec, "first\nsecond\nthird\n");
    snprintf(spec, sizeof spec, "pod:%s", in_folder("doc/old.pod"));
    assert_error(spec, ERR_RANGE, "old.pod: it is empty");
    assert_error("pod:/nowhere/at/all", ERR_IO, "/nowhere/at/all");
}

int main(void) {
    static const struct CMUnitTest others[] = {cmocka_unit_test(test_nested),
                                               cmocka_unit_test(test_files)};
    struct CMUnitTest tests[COUNT(cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_text, .initial_state = (void *)&cases[i]};
    memcpy(tests + COUNT(cases), others, sizeof others);
    return cmocka_run_group_tests_name("pod", tests, make_folder, remove_folder);
}
