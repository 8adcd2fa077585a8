/* control_ask.c - the asker's side of control.sock. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/control.h"
#include "engine/run/frame.h"
#include "engine/run/role.h"
#include "engine/run/socket.h"

/* The name of the run whose socket it is: its folder's. */
static void run_name(const char *socket_path, char out[256]) {
    const char *end = strrchr(socket_path, '/');
    if (!end) end = socket_path;
    const char *begin = end;
    while (begin > socket_path && begin[-1] != '/') begin--;
    snprintf(out, 256, "%.*s", (int)(end - begin), begin);
}

int control_connect(const char *socket_path, struct err *err) {
    int fd = socket_connect(socket_path);
    if (fd >= 0) return fd;
    char name[256];
    run_name(socket_path, name);
    if (errno == ENOENT || errno == ECONNREFUSED)
        err_set(err, ERR_IO, "the run is not running: thaw run --resume %s", name);
    else err_errno(err, "cannot reach the run at %s", socket_path);
    return -1;
}

/* Wait until `fd` is ready; false with err when time is up. */
static bool ready(int fd, short events, double deadline, struct err *err) {
    for (;;) {
        double left = deadline - clock_now();
        struct pollfd polled = {.fd = fd, .events = events};
        int n = left > 0 ? poll(&polled, 1, (int)ceil(fmin(left, 1e6) * 1000)) : 0;
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return err_errno(err, "cannot wait for the run");
        if (left <= 0)
            return err_set(err, ERR_IO,
                           "the run gave no answer in time; a long step may be under "
                           "way: try again");
    }
}

static bool gone(struct err *err) {
    return err_set(err, ERR_IO, "the run ended or closed the connection before it answered");
}

static bool send_all(int fd, const struct buf *line, double deadline, struct err *err) {
    for (size_t done = 0; done < line->len;) {
        if (!ready(fd, POLLOUT, deadline, err)) return false;
        ssize_t put = send(fd, line->data + done, line->len - done, MSG_NOSIGNAL);
        if (put >= 0) done += (size_t)put;
        else if (errno != EAGAIN && errno != EINTR) return gone(err);
    }
    return true;
}

static bool await_answer(int fd, int64_t id, double deadline, struct frame *input,
                         struct answer *out, struct err *err) {
    char chunk[1 << 12], notice[NOTICE_MAX];
    bool steers;
    for (;;) {
        const char *line;
        size_t n;
        while (frame_next(input, &line, &n)) {
            if (answer_from_json(line, n, out, err)) {
                if (out->id == id) return true;
            } else if (!notice_from_json(line, n, notice) && !role_from_json(line, n, &steers))
                return false;
        }
        if (frame_too_long(input))
            return err_set(err, ERR_PARSE, "the run's answer is too long");
        if (!ready(fd, POLLIN, deadline, err)) return false;
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got <= 0) return gone(err);
        if (!frame_add(input, chunk, (size_t)got, clock_now()))
            return err_set(err, ERR_NOMEM, "not enough memory for an answer");
    }
}

bool control_ask(const char *socket_path, const struct command *c, double seconds,
                 struct answer *out, struct err *err) {
    double deadline = clock_now() + seconds;
    int fd = control_connect(socket_path, err);
    if (fd < 0) return false;
    struct buf line = {0};
    struct frame input = {0};
    command_to_json(c, &line);
    bool ok = line.failed ? err_set(err, ERR_NOMEM, "not enough memory for a command")
                          : send_all(fd, &line, deadline, err) &&
                                await_answer(fd, c->id, deadline, &input, out, err);
    buf_deinit(&line);
    frame_deinit(&input);
    close(fd);
    return ok;
}
