/* test_progress_line.c - what stands on stderr while something takes its time: on a terminal,
 * and elsewhere. */
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "src/progress_line.h"

enum { TEXT_MAX = 4000, COLUMNS = 78 };

/* stderr, for a while, and what was written there. */
struct capture {
    int old, from;
    char text[TEXT_MAX];
};

static void capture_begin(struct capture *c, bool terminal) {
    int ends[2];
    if (terminal) assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
    else assert_int_equal(pipe(ends), 0);
    c->old = dup(STDERR_FILENO);
    c->from = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

/* All that was written; a mark tells where it ends. */
static const char *capture_end(struct capture *c) {
    size_t n = 0;
    fprintf(stderr, "$");
    fflush(stderr);
    while (n == 0 || c->text[n - 1] != '$') {
        ssize_t got = read(c->from, c->text + n, TEXT_MAX - n - 1);
        assert_true(got > 0);
        n += (size_t)got;
    }
    c->text[n - 1] = '\0';
    dup2(c->old, STDERR_FILENO);
    close(c->old);
    close(c->from);
    return c->text;
}

static void make_due(struct progress_line *p) { p->told -= 1000; }

/* Nothing that is over at once says anything. */
static void test_short(void **state) {
    (void)state;
    for (int terminal = 0; terminal < 2; terminal++) {
        struct capture c;
        capture_begin(&c, terminal);
        struct progress_line p = progress_line_begin();
        for (int i = 0; i <= 10; i++) progress_line_tell(&p, "reading", i / 10.0);
        progress_line_say(&p, "words");
        progress_line_end(&p);
        assert_string_equal(capture_end(&c), "");
        assert_true(p.terminal == terminal);
    }
}

static void test_lines(void **state) {
    static const char reading[] = "reading";
    struct capture c;
    (void)state;
    capture_begin(&c, false);
    struct progress_line p = progress_line_begin();
    make_due(&p);
    progress_line_tell(&p, reading, 0);
    progress_line_tell(&p, reading, 0.1); /* not due */
    make_due(&p);
    p.begun -= 30; /* half took half a minute */
    progress_line_tell(&p, reading, 0.5);
    make_due(&p);
    p.begun -= 500;
    progress_line_tell(&p, "counting", 0.25); /* begins anew */
    make_due(&p);
    progress_line_tell(&p, "counting", 7);
    make_due(&p);
    progress_line_say(&p, "step %d", 3);
    progress_line_end(&p);
    assert_string_equal(capture_end(&c), "reading, 0%, - left\n"
                                         "reading, 50%, 0:30 left\n"
                                         "counting, 25%, 0:00 left\n"
                                         "counting, 100%, 0:00 left\n"
                                         "step 3\n");
}

/* A line lies over the one before, and is gone in the end, however often that is said. */
static void test_terminal(void **state) {
    char wanted[TEXT_MAX];
    struct capture c;
    (void)state;
    capture_begin(&c, true);
    struct progress_line p = progress_line_begin();
    make_due(&p);
    progress_line_tell(&p, "reading", 0);
    make_due(&p);
    progress_line_say(&p, "%0100d", 7); /* longer than the line */
    progress_line_end(&p);
    progress_line_end(&p);
    snprintf(wanted, sizeof wanted, "\r%-*s\r%0*d\r%-*s\r", COLUMNS, "reading, 0%, - left",
             COLUMNS, 0, COLUMNS, "");
    assert_string_equal(capture_end(&c), wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
