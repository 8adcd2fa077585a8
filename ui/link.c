#include "ui/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/control.h"
#include "engine/run/role.h"

void link_init(struct link *l, const char *socket_path) {
    *l = (struct link){.socket = socket_path, .fd = -1};
}

/* Forget the connection and what was to be sent; answers that came are still there. */
static void hang_up(struct link *l) {
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    l->sent = 0;
    buf_deinit(&l->out);
}

void link_deinit(struct link *l) {
    hang_up(l);
    frame_deinit(&l->in);
}

static bool connected(struct link *l, struct err *err) {
    if (l->fd >= 0) return true;
    frame_deinit(&l->in); /* the remains of an earlier connection */
    l->fd = control_connect(l->socket, err);
    return l->fd >= 0;
}

void link_listen(struct link *l) { connected(l, NULL); }

/* Send what was added. */
static bool send_added(struct link *l, struct err *err) {
    if (l->out.failed) {
        hang_up(l);
        return err_set(err, ERR_NOMEM, "no memory for a command");
    }
    return link_pump(l, err);
}

bool link_hold(struct link *l, struct err *err) {
    if (!connected(l, err)) return false;
    hold_to_json(0, &l->out); /* no command's id: nobody waits for the answer */
    return send_added(l, err);
}

bool link_send(struct link *l, const struct command *c, struct err *err) {
    if (!connected(l, err)) return false;
    command_to_json(c, &l->out);
    return send_added(l, err);
}

static bool lost(struct link *l, struct err *err) {
    hang_up(l);
    return err_set(err, ERR_IO, "the run closed the connection");
}

static bool push(struct link *l) {
    while (l->sent < l->out.len) {
        ssize_t n = send(l->fd, l->out.data + l->sent, l->out.len - l->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) l->sent += (size_t)n;
        else if (n < 0 && errno == EINTR) continue;
        else return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    buf_clear(&l->out);
    l->sent = 0;
    return true;
}

static bool pull(struct link *l) {
    char chunk[1 << 12];
    for (;;) {
        ssize_t n = recv(l->fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n > 0) {
            if (!frame_add(&l->in, chunk, (size_t)n, clock_now())) return false;
        } else if (n < 0 && errno == EINTR) continue;
        else return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
}

bool link_pump(struct link *l, struct err *err) {
    if (l->fd < 0) return true;
    return push(l) && pull(l) ? true : lost(l, err);
}

bool link_next(struct link *l, struct answer *out) {
    const char *line;
    size_t n;
    bool steers;
    while (frame_next(&l->in, &line, &n)) { /* a line that is neither is not for us */
        if (answer_from_json(line, n, out, NULL)) return true;
        if (role_from_json(line, n, &steers)) l->role = steers ? 1 : -1;
        else if (notice_from_json(line, n, l->notice)) l->heard = true;
    }
    return false;
}

const char *link_notice(struct link *l) {
    bool heard = l->heard;
    l->heard = false;
    return heard ? l->notice : NULL;
}

int link_role(struct link *l) {
    int role = l->role;
    l->role = 0;
    return role;
}
