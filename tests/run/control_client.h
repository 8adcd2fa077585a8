/* control_client.h - a client of the control socket that can say anything. */
#ifndef THAW_TESTS_RUN_CONTROL_CLIENT_H
#define THAW_TESTS_RUN_CONTROL_CLIENT_H
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/run/control.h"
#include "engine/run/frame.h"
#include "tests/run/run_test.h"

enum { PATIENCE_S = 60 }; /* far longer than anything here takes, even under a sanitizer */

static inline int dial(const char *path) {
    struct err err = {0};
    int fd = control_connect(path, &err);
    if (fd < 0) fail_msg("%s", err.msg);
    return fd;
}

static inline bool wait_for(int fd, short events) {
    struct pollfd polled = {.fd = fd, .events = events};
    return poll(&polled, 1, PATIENCE_S * 1000) == 1;
}

/* Send all of it, or up to where the other end hangs up. */
static inline void say(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        assert_true(wait_for(fd, POLLOUT));
        ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) continue;
        if (put < 0) return;
        bytes += put;
        n -= (size_t)put;
    }
}

static inline void say_text(int fd, const char *text) { say(fd, text, strlen(text)); }

/* The next answer; false when the other end hung up. */
static inline bool hear(int fd, struct frame *f, struct answer *out) {
    const char *line;
    size_t n;
    char chunk[512];
    while (!frame_next(f, &line, &n)) {
        assert_true(wait_for(fd, POLLIN));
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0) return false;
        assert_true(frame_add(f, chunk, (size_t)got, 0));
    }
    struct err err = {0};
    assert_ok(answer_from_json(line, n, out, &err), err);
    return true;
}
#endif
