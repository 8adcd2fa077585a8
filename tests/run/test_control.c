#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/control.h"
#include "engine/run/frame.h"
#include "engine/run/socket.h"
#include "tests/run/control_client.h"
#include "tests/run/run_test.h"

/* --- an engine: a thread that answers with the number of commands so far as the step */

struct engine {
    struct control *control;
    pthread_t thread;
};

/* Obeys until it is told to stop; refuses to evaluate. */
static void *obey(void *argument) {
    struct engine *e = argument;
    int64_t step = 0;
    for (bool stop = false; !stop;) {
        struct command c;
        struct control_ticket ticket;
        control_wait(e->control, PATIENCE_S);
        while (control_take(e->control, &c, &ticket)) {
            struct answer a = {.id = c.id, .ok = c.kind != COMMAND_EVAL, .step = ++step};
            if (!a.ok) strcpy(a.error, "nothing to evaluate");
            stop = stop || c.kind == COMMAND_STOP;
            control_answer(e->control, ticket, &a);
        }
    }
    return NULL;
}

static struct control *start(const char *path) {
    struct err err = {0};
    struct control *k = control_start(path, &err);
    if (!k) fail_msg("%s", err.msg);
    return k;
}

static void engine_start(struct engine *e, const char *path) {
    e->control = start(path);
    assert_int_equal(pthread_create(&e->thread, NULL, obey, e), 0);
}

static struct answer ask(const char *path, enum command_kind kind, int64_t id) {
    struct command c = {.kind = kind, .id = id, .text = "0-3", .number = 1e-4, .by = "test"};
    struct answer a;
    struct err err = {0};
    assert_ok(control_ask(path, &c, PATIENCE_S, &a, &err), err);
    assert_int_equal(a.id, id);
    return a;
}

static void engine_stop(struct engine *e, const char *path) {
    assert_true(ask(path, COMMAND_STOP, 99).ok);
    assert_int_equal(pthread_join(e->thread, NULL), 0);
    control_stop(e->control);
    assert_false(files_exists(path));
}

/* --- asking and answering */

static void test_ask(void **state) {
    const char *path = in_folder(state, "control.sock");
    struct engine e;
    struct stat st;
    engine_start(&e, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    for (int i = 1; i <= 20; i++) assert_int_equal(ask(path, COMMAND_FREEZE, i).step, i);
    struct answer a = ask(path, COMMAND_EVAL, 5);
    assert_false(a.ok);
    assert_string_equal(a.error, "nothing to evaluate");
    engine_stop(&e, path);
}

/* The next line that is a notice. */
static void hear_notice(int fd, struct frame *f, char out[NOTICE_MAX]) {
    const char *line;
    size_t n;
    char chunk[64];
    for (;;) {
        while (frame_next(f, &line, &n))
            if (notice_from_json(line, n, out)) return;
        assert_true(wait_for(fd, POLLIN));
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        assert_true(got > 0 && frame_add(f, chunk, (size_t)got, 0));
    }
}

/* Heard by who is there and by who comes while it holds; questions are answered as ever. */
static void test_notice(void **state) {
    const char *path = in_folder(state, "control.sock");
    struct engine e;
    struct frame early = {0}, late = {0};
    char notice[NOTICE_MAX];
    engine_start(&e, path);
    int first = dial(path);
    assert_true(ask(path, COMMAND_PAUSE, 1).ok); /* the one before was welcomed by then */
    control_tell(e.control, "the disk is \"full\"");
    hear_notice(first, &early, notice);
    assert_string_equal(notice, "the disk is \"full\"");
    int second = dial(path);
    hear_notice(second, &late, notice);
    assert_string_equal(notice, "the disk is \"full\"");
    assert_true(ask(path, COMMAND_PAUSE, 2).ok); /* a notice comes before the answer */
    control_tell(e.control, "");
    hear_notice(first, &early, notice);
    assert_string_equal(notice, "");
    hear_notice(second, &late, notice);
    assert_string_equal(notice, "");
    control_tell(NULL, "nobody listens");
    frame_deinit(&early);
    frame_deinit(&late);
    close(first);
    close(second);
    engine_stop(&e, path);
}

struct asker {
    const char *path;
    int first, answered;
};

/* cmocka's asserts belong to the main thread, so this one only counts. */
static void *ask_often(void *argument) {
    struct asker *me = argument;
    for (int i = 0; i < 50; i++) {
        struct command c = {.kind = COMMAND_LR, .id = me->first + i, .number = 1e-4};
        struct answer a;
        bool answered = control_ask(me->path, &c, PATIENCE_S, &a, NULL);
        me->answered += answered && a.ok && a.id == c.id;
    }
    return NULL;
}

static void test_many_askers(void **state) {
    enum { ASKERS = 4 };
    const char *path = in_folder(state, "many.sock");
    struct engine e;
    pthread_t threads[ASKERS];
    struct asker askers[ASKERS];
    engine_start(&e, path);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.path = path, .first = i * 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].answered, 50);
    }
    assert_int_equal(ask(path, COMMAND_PAUSE, 1).step, ASKERS * 50 + 1);
    engine_stop(&e, path);
}

/* One connection, many commands in odd pieces; each answer carries its own id. */
static void test_pieces(void **state) {
    const char *path = in_folder(state, "pieces.sock");
    struct engine e;
    struct answer a;
    struct frame f = {0};
    engine_start(&e, path);
    int fd = dial(path);
    say_text(fd, "{\"id\":1,\"do\":\"pau");
    say_text(fd, "se\"}\n{\"id\":2,\"do\":\"resume\"}\n{\"id\":3,");
    say_text(fd, "\"do\":\"eval\"}\n");
    for (int id = 1; id <= 3; id++) {
        assert_true(hear(fd, &f, &a));
        assert_int_equal(a.id, id);
        assert_int_equal(a.ok, id < 3);
    }
    close(fd);
    frame_deinit(&f);
    engine_stop(&e, path);
}

static void test_bad_frames(void **state) {
    const char *path = in_folder(state, "bad.sock");
    struct engine e;
    struct answer a;
    struct frame f = {0};
    engine_start(&e, path);
    int fd = dial(path);
    say_text(fd, "hello\n{\"id\":7,\"do\":\"fly\"}\n\n{\"id\":8,\"do\":\"pause\"}\n");
    static const struct {
        int64_t id;
        bool ok;
        const char *says;
    } want[] = {{0, false, "line 1"}, {7, false, "fly"}, {0, false, "line 1"}, {8, true, ""}};
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(hear(fd, &f, &a));
        assert_int_equal(a.id, want[i].id);
        assert_int_equal(a.ok, want[i].ok);
        if (!strstr(a.error, want[i].says)) fail_msg("%s", a.error);
    }
    close(fd);
    frame_deinit(&f);
    engine_stop(&e, path);
}

static void test_oversize_frame(void **state) {
    const char *path = in_folder(state, "big.sock");
    struct engine e;
    struct answer a;
    struct frame f = {0};
    static char noise[FRAME_BYTES_MAX + 4096];
    memset(noise, 'x', sizeof noise);
    engine_start(&e, path);
    int fd = dial(path);
    say(fd, noise, sizeof noise);
    while (hear(fd, &f, &a)) { /* perhaps a word of why, then it hangs up */
        assert_false(a.ok);
        assert_string_equal(a.error, "the command is too long");
    }
    close(fd);
    frame_deinit(&f);
    assert_true(ask(path, COMMAND_PAUSE, 1).ok);
    engine_stop(&e, path);
}

/* Those who hang up before their answer, or in the middle of a word, harm nobody. */
static void test_gone_clients(void **state) {
    const char *path = in_folder(state, "gone.sock");
    struct engine e;
    engine_start(&e, path);
    for (int i = 0; i < 100; i++) {
        int fd = dial(path);
        say_text(fd, i % 2 ? "{\"id\":1,\"do\":\"pause\"}\n" : "{\"id\":1,\"do\":");
        close(fd);
    }
    assert_true(ask(path, COMMAND_PAUSE, 1).ok);
    engine_stop(&e, path);
}

/* --- limits */

/* With nobody obeying, 64 commands wait; the next is refused, and all are answered at the end.
 */
static void test_full_queue(void **state) {
    enum { QUEUE = 64 };
    const char *path = in_folder(state, "full.sock");
    struct control *k = start(path);
    struct frame f = {0};
    struct answer a;
    int fd = dial(path);
    for (int i = 1; i <= QUEUE + 1; i++) {
        char line[64];
        snprintf(line, sizeof line, "{\"id\":%d,\"do\":\"pause\"}\n", i);
        say_text(fd, line);
    }
    assert_true(hear(fd, &f, &a));
    assert_int_equal(a.id, QUEUE + 1);
    assert_non_null(strstr(a.error, "too many commands"));
    control_stop(k);
    for (int i = 1; i <= QUEUE; i++) {
        assert_true(hear(fd, &f, &a));
        assert_int_equal(a.id, i);
        assert_string_equal(a.error, "the engine has stopped");
    }
    assert_false(hear(fd, &f, &a));
    close(fd);
    frame_deinit(&f);
}

static void test_too_many_clients(void **state) {
    enum { CLIENTS = 32 };
    const char *path = in_folder(state, "crowd.sock");
    struct engine e;
    struct frame f = {0};
    struct answer a;
    int fds[CLIENTS];
    engine_start(&e, path);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(path);
        say_text(fds[i], "{\"id\":1,\"do\":\"pause\"}\n");
        assert_true(hear(fds[i], &f, &a));
    }
    int one_more = dial(path);
    assert_false(hear(one_more, &f, &a));
    close(one_more);
    for (int i = 0; i < CLIENTS; i++) close(fds[i]);
    frame_deinit(&f);
    /* the engine sees them go one after another: a place is free again in a moment */
    struct command c = {.kind = COMMAND_PAUSE, .id = 1};
    double until = clock_now() + PATIENCE_S;
    while (!control_ask(path, &c, PATIENCE_S, &a, NULL)) assert_true(clock_now() < until);
    engine_stop(&e, path);
}

/* An answer for one client never reaches another that has taken its place. */
static void test_ticket_of_the_gone(void **state) {
    const char *path = in_folder(state, "ticket.sock");
    struct control *k = start(path);
    struct command c;
    struct control_ticket old, young;
    struct frame f = {0};
    struct answer a = {.id = 1, .ok = true}, got;
    int fd = dial(path);
    say_text(fd, "{\"id\":1,\"do\":\"pause\"}\n");
    while (!control_take(k, &c, &old)) control_wait(k, PATIENCE_S);
    close(fd);
    for (bool same_place = false; !same_place;) { /* as soon as the thread has seen it go */
        fd = dial(path);
        say_text(fd, "{\"id\":2,\"do\":\"resume\"}\n");
        while (!control_take(k, &c, &young)) control_wait(k, PATIENCE_S);
        same_place = young.client == old.client;
        if (!same_place) close(fd);
    }
    assert_int_not_equal(young.serial, old.serial);
    control_answer(k, old, &a);
    a.id = 2;
    control_answer(k, young, &a);
    assert_true(hear(fd, &f, &got));
    assert_int_equal(got.id, 2);
    close(fd);
    frame_deinit(&f);
    control_stop(k);
}

static void test_wait(void **state) {
    const char *path = in_folder(state, "wait.sock");
    struct control *k = start(path);
    double before = clock_now();
    control_wait(k, 0.05);
    assert_true(clock_now() - before >= 0.05);
    control_wait(k, 0);
    control_wait(k, -1);
    int fd = dial(path);
    say_text(fd, "{\"id\":1,\"do\":\"pause\"}\n");
    control_wait(k, PATIENCE_S);
    struct command c;
    struct control_ticket ticket;
    assert_true(control_take(k, &c, &ticket));
    assert_int_equal(c.kind, COMMAND_PAUSE);
    close(fd);
    control_stop(k);
}

/* --- the socket's place */

static void test_stale_socket(void **state) {
    const char *path = in_folder(state, "stale.sock");
    struct err err = {0};
    int fd = socket_listen(path, &err);
    assert_true(fd >= 0);
    assert_null(control_start(path, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, "another engine answers");
    close(fd); /* as after a kill -9: the socket stays, nobody listens */
    assert_true(files_exists(path));
    assert_int_equal(control_connect(path, &err), -1);
    struct engine e;
    engine_start(&e, path);
    assert_true(ask(path, COMMAND_PAUSE, 1).ok);
    engine_stop(&e, path);
}

static void test_in_the_way(void **state) {
    const char *path = in_folder(state, "file.sock");
    struct err err = {0};
    append_text(path, "mine\n");
    assert_null(control_start(path, &err));
    assert_says(&err, "is no socket");
    assert_true(files_exists(path));
    assert_null(control_start(in_folder(state, "no/such/folder/x.sock"), &err));
    assert_int_equal(err.code, ERR_IO);
    control_stop(NULL);
}

static void test_long_path(void **state) {
    char dir[600];
    snprintf(dir, sizeof dir, "%s", in_folder(state, "long"));
    for (int i = 0; i < 4; i++)
        strcat(dir,
               "/a-folder-whose-name-goes-on-and-on-until-no-socket-address-could-hold-it");
    struct err err = {0};
    assert_ok(files_make_dirs(dir, 0700, &err), err);
    char path[700];
    snprintf(path, sizeof path, "%s/control.sock", dir);
    struct engine e;
    engine_start(&e, path);
    assert_true(files_exists(path));
    assert_true(ask(path, COMMAND_PAUSE, 1).ok);
    engine_stop(&e, path);
    assert_int_equal(control_connect(path, &err), -1);
    assert_says(&err, "is not running");
}

static void test_nobody_there(void **state) {
    struct err err = {0};
    struct command c = {.kind = COMMAND_PAUSE};
    struct answer a;
    assert_ok(files_make_dirs(in_folder(state, "medical"), 0700, &err), err);
    assert_false(control_ask(in_folder(state, "medical/control.sock"), &c, 1, &a, &err));
    assert_string_equal(err.msg, "the run is not running: thaw run --resume medical");
}

static void test_no_answer(void **state) {
    const char *path = in_folder(state, "mute.sock");
    struct control *k = start(path);
    struct err err = {0};
    struct command c = {.kind = COMMAND_PAUSE};
    struct answer a;
    assert_false(control_ask(path, &c, 0.05, &a, &err));
    assert_says(&err, "no answer in time");
    control_stop(k);
}

/* --- who may ask */

static void test_peer(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(socket_peer_is(pair[0], geteuid()));
    assert_false(socket_peer_is(pair[0], geteuid() + 1));
    close(pair[0]);
    close(pair[1]);
    assert_false(socket_peer_is(pair[0], geteuid()));
}

/* As root the test can be somebody else: even through an opened folder and socket, nobody
 * answers. */
static void test_another_user(void **state) {
    if (geteuid() != 0) {
        print_message("not root: cannot ask as another user\n");
        skip();
    }
    const char *path = in_folder(state, "private.sock");
    struct control *k = start(path);
    assert_int_equal(chmod(in_folder(state, ""), 0755), 0);
    assert_int_equal(chmod(path, 0666), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte;
        if (setresuid(65534, 65534, 65534) != 0) _exit(2);
        int fd = socket_connect(path);
        if (fd < 0) _exit(3);
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        if (poll(&polled, 1, PATIENCE_S * 1000) != 1) _exit(4);
        _exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 5);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    control_stop(k);
}

/* The thread takes no signal: one that only it could take stays with the process. */
static void test_signals(void **state) {
    const char *path = in_folder(state, "signals.sock");
    sigset_t usr1, before, pending;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    struct engine e;
    e.control = start(path);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, &before), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(pthread_create(&e.thread, NULL, obey, &e), 0);
    assert_true(ask(path, COMMAND_PAUSE, 1).ok); /* the thread was awake, and did not take it */
    assert_int_equal(sigpending(&pending), 0);
    assert_true(sigismember(&pending, SIGUSR1));
    int taken;
    assert_int_equal(sigwait(&usr1, &taken), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    engine_stop(&e, path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_many_askers),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_oversize_frame),
        cmocka_unit_test(test_gone_clients),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_too_many_clients),
        cmocka_unit_test(test_ticket_of_the_gone),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_stale_socket),
        cmocka_unit_test(test_in_the_way),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_another_user),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests_name("control", tests, folder_setup, folder_teardown);
}
