/* test_link.c - commands and answers over a real control socket; nothing may wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/run/control.h"
#include "ui/link.h"

struct fixture {
    char dir[64], socket[96];
    struct control *control;
    struct link link;
    struct err err;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->dir, "/tmp/thaw-link-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->socket, sizeof f->socket, "%s/control.sock", f->dir);
    link_init(&f->link, f->socket);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    link_deinit(&f->link);
    control_stop(f->control);
    unlink(f->socket);
    rmdir(f->dir);
    free(f);
    return 0;
}

/* The engine's part: wait for the next command and answer it. */
static struct command serve(struct fixture *f) {
    struct command c;
    struct control_ticket ticket;
    double until = clock_now() + 20;
    while (!control_take(f->control, &c, &ticket)) {
        assert_true(clock_now() < until);
        control_wait(f->control, 1);
    }
    struct answer a = {.id = c.id, .ok = true, .step = 42};
    control_answer(f->control, ticket, &a);
    return c;
}

static struct answer await(struct fixture *f) {
    struct answer a;
    double until = clock_now() + 20;
    while (!link_next(&f->link, &a)) {
        assert_true(clock_now() < until);
        usleep(1000);
        if (!link_pump(&f->link, &f->err)) fail_msg("%s", f->err.msg);
    }
    return a;
}

static void test_ask(void **state) {
    struct fixture *f = *state;
    f->control = control_start(f->socket, &f->err);
    assert_non_null(f->control);
    for (int i = 1; i <= 3; i++) {
        struct command c = {.kind = COMMAND_FREEZE, .id = i, .text = "0-3"};
        assert_true(link_send(&f->link, &c, &f->err));
        assert_string_equal(serve(f).text, "0-3");
        struct answer a = await(f);
        assert_int_equal(a.id, i);
        assert_true(a.ok);
        assert_int_equal(a.step, 42);
    }
}

/* Nobody there: said at once, with the way back; and asked again later it connects. */
static void test_nobody(void **state) {
    struct fixture *f = *state;
    struct command c = {.kind = COMMAND_PAUSE, .id = 1};
    assert_false(link_send(&f->link, &c, &f->err));
    assert_non_null(strstr(f->err.msg, "--resume"));
    assert_true(link_pump(&f->link, &f->err)); /* nothing to do is no failure */
    f->control = control_start(f->socket, &f->err);
    assert_true(link_send(&f->link, &c, &f->err));
    assert_int_equal(serve(f).kind, COMMAND_PAUSE);
    assert_true(await(f).ok);
}

/* The engine ends right after its answer: the answer is there, then the loss is told once. */
static void test_hang_up(void **state) {
    struct fixture *f = *state;
    struct command c = {.kind = COMMAND_STOP, .id = 9};
    struct answer a;
    f->control = control_start(f->socket, &f->err);
    assert_true(link_send(&f->link, &c, &f->err));
    serve(f);
    assert_int_equal(await(f).id, 9);
    control_stop(f->control);
    f->control = NULL;
    double until = clock_now() + 20;
    while (link_pump(&f->link, &f->err)) {
        assert_true(clock_now() < until);
        usleep(1000);
    }
    assert_int_equal(f->link.fd, -1);
    assert_true(link_pump(&f->link, &f->err));
    assert_false(link_next(&f->link, &a));
}

/* What the engine says unasked, beside answers; a link that only listens hears it, too. */
static void test_notice(void **state) {
    struct fixture *f = *state;
    struct command c = {.kind = COMMAND_PAUSE, .id = 3};
    struct answer a;
    const char *notice = NULL;
    link_listen(&f->link); /* nobody there: fine */
    assert_int_equal(f->link.fd, -1);
    f->control = control_start(f->socket, &f->err);
    control_tell(f->control, "the disk is full");
    link_listen(&f->link);
    double until = clock_now() + 20;
    for (; !notice; notice = link_notice(&f->link)) {
        assert_true(clock_now() < until);
        assert_true(link_pump(&f->link, &f->err));
        assert_false(link_next(&f->link, &a));
    }
    assert_string_equal(notice, "the disk is full");
    assert_null(link_notice(&f->link));
    control_tell(f->control, "");
    assert_true(link_send(&f->link, &c, &f->err));
    serve(f);
    assert_int_equal(await(f).id, 3);
    assert_string_equal(link_notice(&f->link), "");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_ask), TEST(test_nobody), TEST(test_hang_up),
                                       TEST(test_notice)};
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
