/* test_app_report.c - `w` and `:report`: who is asked to write which file, and what is said
 * then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

enum { ALL = 1 << 30 };

static char written[PATH_MAX], of[PATH_MAX];

static bool write_page(const struct run_paths *run, const char *file, struct err *err) {
    snprintf(written, sizeof written, "%s", file);
    snprintf(of, sizeof of, "%s", run->dir);
    return !strstr(file, "full") || err_set(err, ERR_IO, "the disk is full");
}

static const struct report_case {
    const char *keys, *file, *said;
} cases[] = {
    {"w", "medical.html", "the report is in medical.html"},
    {":report\r", "medical.html", "the report is in medical.html"},
    {":report  my page.html \r", "my page.html", "the report is in my page.html"},
    {":report ~/page.html\r", "/home/x/page.html", "the report is in /home/x/page.html"},
    {":report full.html\r", "full.html", "the disk is full"},
};

static void test_report(void **state) {
    static const enum app_mode modes[] = {APP_DRIVE, APP_WATCH};
    struct run_paths run;
    (void)state;
    assert_true(run_paths_of("/runs/medical", &run, NULL));
    setenv("HOME", "/home/x", 1);
    for (size_t i = 0; i < COUNT(cases) * COUNT(modes); i++) {
        const struct report_case *c = &cases[i % COUNT(cases)];
        struct app_fixture f;
        fixture_open(&f, modes[i / COUNT(cases)], 80, 24, GLYPHS_ASCII);
        fixture_recorded(&f, ALL);
        written[0] = '\0';
        fixture_type(&f, c->keys);
        app_report_if_asked(f.app, &run, write_page);
        assert_string_equal(written, c->file);
        assert_string_equal(of, "/runs/medical");
        assert_string_equal(fixture_row(&f, 22), c->said);
        assert_int_equal(f.n_sent, 0); /* nothing for the engine */
        written[0] = '\0';
        app_report_if_asked(f.app, &run, write_page);
        assert_string_equal(written, ""); /* asked once, written once */
        fixture_close(&f);
    }
}

static void test_nobody_writes(void **state) {
    struct run_paths run;
    struct app_fixture f;
    (void)state;
    assert_true(run_paths_of("/runs/medical", &run, NULL));
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_key(&f, 'w');
    app_report_if_asked(f.app, &run, NULL);
    assert_string_equal(fixture_row(&f, 22),
                        "there are no reports here: thaw report writes one");
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_nobody_writes),
    };
    return cmocka_run_group_tests_name("app_report", tests, NULL, NULL);
}
