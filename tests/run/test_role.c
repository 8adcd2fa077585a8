/* test_role.c - one steers alone, the others are told and refused; when that one goes, all
 * steer again. */
#include <pthread.h>
#include <unistd.h>

#include "engine/run/role.h"
#include "tests/run/control_client.h"

/* ---- the lines */

static void test_lines(void **state) {
    (void)state;
    struct buf out = {0};
    int64_t id = 0;
    bool steers = true;
    hold_to_json(7, &out);
    assert_string_equal(buf_text(&out), "{\"id\":7,\"hold\":true}\n");
    assert_true(hold_from_json(out.data, out.len, &id));
    assert_int_equal(id, 7);
    assert_false(role_from_json(out.data, out.len, &steers));
    buf_clear(&out);
    role_to_json(false, &out);
    assert_string_equal(buf_text(&out), "{\"role\":\"watch\"}\n");
    assert_true(role_from_json(out.data, out.len, &steers));
    assert_false(steers);
    assert_false(hold_from_json(out.data, out.len, &id));
    buf_clear(&out);
    role_to_json(true, &out);
    assert_true(role_from_json(out.data, out.len, &steers));
    assert_true(steers);
    buf_deinit(&out);
    static const char *const others[] = {
        "{\"id\":1,\"do\":\"sample\",\"prompt\":\"\\\"hold\\\"\",\"hold\":true}",
        "{\"hold\":false}",
        "{\"hold\":1}",
        "{\"role\":\"king\"}",
        "{\"role\":",
        "\"hold\"",
        ""};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_false(hold_from_json(others[i], strlen(others[i]), &id));
        assert_false(role_from_json(others[i], strlen(others[i]), &steers));
    }
}

/* ---- an engine that answers whatever it is asked */

struct engine {
    struct control *control;
    pthread_t thread;
};

static void *obey(void *argument) {
    struct engine *e = argument;
    for (bool stop = false; !stop;) {
        struct command c;
        struct control_ticket ticket;
        control_wait(e->control, PATIENCE_S);
        while (control_take(e->control, &c, &ticket)) {
            const struct answer a = {.id = c.id, .ok = true, .step = 1};
            stop = stop || c.kind == COMMAND_STOP;
            control_answer(e->control, ticket, &a);
        }
    }
    return NULL;
}

static void engine_start(struct engine *e, const char *path) {
    struct err err = {0};
    e->control = control_start(path, &err);
    assert_ok(e->control, err);
    assert_int_equal(pthread_create(&e->thread, NULL, obey, e), 0);
}

/* ---- a client, and what it hears next */

struct client {
    int fd;
    struct frame in;
};

static struct client come(const char *path) { return (struct client){.fd = dial(path)}; }

static void go(struct client *c) {
    close(c->fd);
    frame_deinit(&c->in);
}

/* The next line, whatever it is. */
static const char *next_line(struct client *c, size_t *n) {
    const char *line;
    char chunk[256];
    while (!frame_next(&c->in, &line, n)) {
        assert_true(wait_for(c->fd, POLLIN));
        ssize_t got = recv(c->fd, chunk, sizeof chunk, 0);
        assert_true(got > 0 && frame_add(&c->in, chunk, (size_t)got, 0));
    }
    return line;
}

static void hears_role(struct client *c, bool expected) {
    size_t n;
    bool steers;
    const char *line = next_line(c, &n);
    if (!role_from_json(line, n, &steers)) fail_msg("no role: %.*s", (int)n, line);
    assert_int_equal(steers, expected);
}

static struct answer hears_answer(struct client *c) {
    size_t n;
    struct answer a;
    struct err err = {0};
    const char *line = next_line(c, &n);
    assert_ok(answer_from_json(line, n, &a, &err), err);
    return a;
}

static void asks(struct client *c, bool granted) {
    say_text(c->fd, "{\"id\":3,\"do\":\"pause\",\"by\":\"test\"}\n");
    struct answer a = hears_answer(c);
    assert_int_equal(a.id, 3);
    assert_int_equal(a.ok, granted);
    if (!granted) assert_non_null(strstr(a.error, "thaw attach --steal"));
}

static void holds(struct client *c) {
    say_text(c->fd, "{\"id\":5,\"hold\":true}\n");
    struct answer a = hears_answer(c);
    assert_true(a.ok && a.id == 5);
}

/* ---- who steers */

static void test_hold(void **state) {
    const char *path = in_folder(state, "control.sock");
    struct engine e;
    struct command pause = {.kind = COMMAND_PAUSE, .id = 8, .by = "send"};
    struct answer a;
    struct err err = {0};
    engine_start(&e, path);
    struct client first = come(path), second = come(path);
    asks(&first, true);
    asks(&second, true);
    holds(&second);
    hears_role(&first, false);
    asks(&first, false);
    asks(&second, true);
    struct client late = come(path); /* who comes is told at once */
    hears_role(&late, false);
    asks(&late, false);
    assert_ok(control_ask(path, &pause, PATIENCE_S, &a, &err), err); /* as `thaw send` does */
    assert_false(a.ok);
    say_text(first.fd, "{\"id\":5,\"hold\":true}\n"); /* taken back */
    hears_role(&first, true);
    assert_true(hears_answer(&first).ok);
    hears_role(&second, false);
    hears_role(&late, false);
    asks(&second, false);
    go(&first);
    hears_role(&second, true); /* nobody steers alone any more */
    hears_role(&late, true);
    asks(&second, true);
    asks(&late, true);
    pause.kind = COMMAND_STOP;
    assert_ok(control_ask(path, &pause, PATIENCE_S, &a, &err), err);
    assert_true(a.ok);
    assert_int_equal(pthread_join(e.thread, NULL), 0);
    control_stop(e.control);
    go(&second);
    go(&late);
}

/* To hold twice is to hold once, and nobody else hears of it twice as a change. */
static void test_hold_again(void **state) {
    const char *path = in_folder(state, "again.sock");
    struct engine e;
    struct err err = {0};
    struct command stop = {.kind = COMMAND_STOP, .id = 1, .by = "test"};
    struct answer a;
    engine_start(&e, path);
    struct client only = come(path);
    holds(&only);
    holds(&only);
    asks(&only, true);
    assert_int_equal(control_clients(e.control), 1);
    go(&only);
    assert_ok(control_ask(path, &stop, PATIENCE_S, &a, &err), err);
    while (!a.ok) /* the holder's going may be seen a moment later */
        assert_ok(control_ask(path, &stop, PATIENCE_S, &a, &err), err);
    assert_int_equal(pthread_join(e.thread, NULL), 0);
    control_stop(e.control);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_again),
    };
    return cmocka_run_group_tests_name("role", tests, folder_setup, folder_teardown);
}
