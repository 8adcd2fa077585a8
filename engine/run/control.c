#include "engine/run/control.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/frame.h"
#include "engine/run/role.h"
#include "engine/run/socket.h"

enum {
    CLIENTS_MAX = 32,
    QUEUE_MAX = 64,
    OUTPUT_MAX = 1 << 18,   /* bytes of answers that a client may leave unread */
    LISTENER = CLIENTS_MAX, /* places in the array for poll(2), behind the clients */
    WAKER,
    N_POLLED
};

struct client {
    int fd;          /* -1: the place is free */
    uint64_t serial; /* tells this client from others that had the place before */
    struct frame input;
    struct buf output;
    size_t sent; /* bytes of output that are gone */
};

struct waiting {
    struct command command;
    struct control_ticket ticket;
};

/* The thread owns `listener`; all else that changes is under `lock`. Sockets never block, so
 * the lock is only ever held for moments. */
struct control {
    char *path;
    int listener, waker;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* a command is in the queue */
    bool stopping;
    uint64_t serial; /* of the youngest client */
    uint64_t holder; /* the client that steers alone (role.h); 0: none */
    struct client clients[CLIENTS_MAX];
    struct waiting queue[QUEUE_MAX]; /* a ring */
    int first, n_waiting;
    char notice[NOTICE_MAX]; /* what newcomers are told; "": nothing */
};

/* --- clients; all with the lock held */

static void drop(struct client *c) {
    close(c->fd);
    frame_deinit(&c->input);
    buf_deinit(&c->output);
    *c = (struct client){.fd = -1};
}

static bool would_block(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void send_output(struct client *c) {
    size_t left = c->output.len - c->sent;
    if (left == 0) return;
    ssize_t put = send(c->fd, c->output.data + c->sent, left, MSG_NOSIGNAL);
    if (put < 0) {
        if (!would_block()) drop(c);
        return;
    }
    c->sent += (size_t)put;
    if (c->sent < c->output.len) return;
    buf_clear(&c->output);
    c->sent = 0;
}

/* Send what was just added to its output, or as much as it takes now. */
static void push_output(struct client *c) {
    if (c->output.failed || c->output.len - c->sent > OUTPUT_MAX) drop(c);
    else send_output(c);
}

static void answer(struct client *c, const struct answer *a) {
    answer_to_json(a, &c->output);
    push_output(c);
}

static void notify(struct client *c, const char *notice) {
    notice_to_json(notice, &c->output);
    push_output(c);
}

static void refuse(struct client *c, int64_t id, const char *why) {
    struct answer a = {.id = id};
    snprintf(a.error, sizeof a.error, "%s", why);
    answer(c, &a);
}

static void tell_role(struct client *c, bool steers) {
    role_to_json(steers, &c->output);
    push_output(c);
}

/* All but one hear what they are now. */
static void tell_others(struct control *k, uint64_t but, bool steers) {
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &k->clients[i];
        if (c->fd >= 0 && c->serial != but) tell_role(c, steers);
    }
}

/* From now on this client steers alone; who did so before hears it like the others. */
static void hold(struct control *k, struct client *c, int64_t id) {
    const struct answer granted = {.id = id, .ok = true};
    bool was_watching = k->holder != 0 && k->holder != c->serial;
    k->holder = c->serial;
    tell_others(k, c->serial, false);
    if (was_watching) tell_role(c, true);
    if (c->fd >= 0) answer(c, &granted);
}

/* Who steered alone has gone: the others steer again. */
static void release_gone_holder(struct control *k) {
    if (k->holder == 0) return;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (k->clients[i].fd >= 0 && k->clients[i].serial == k->holder) return;
    k->holder = 0;
    tell_others(k, 0, true);
}

static void take_frame(struct control *k, int place, const char *line, size_t n) {
    struct client *c = &k->clients[place];
    struct command command;
    struct err err = {0};
    int64_t id;
    if (hold_from_json(line, n, &id)) {
        hold(k, c, id);
        return;
    }
    if (!command_from_json(line, n, &command, &err)) {
        refuse(c, command.id, err.msg);
    } else if (k->holder != 0 && k->holder != c->serial) {
        refuse(c, command.id,
               "another screen steers this run alone; thaw attach --steal takes it over");
    } else if (k->n_waiting == QUEUE_MAX) {
        refuse(c, command.id, "too many commands are waiting: try again in a moment");
    } else {
        k->queue[(k->first + k->n_waiting++) % QUEUE_MAX] =
            (struct waiting){command, {.client = place, .serial = c->serial}};
        pthread_cond_signal(&k->arrived);
    }
}

static void receive(struct control *k, int place) {
    struct client *c = &k->clients[place];
    char chunk[1 << 12];
    ssize_t got = recv(c->fd, chunk, sizeof chunk, 0);
    if (got < 0 && would_block()) return;
    if (got <= 0 || !frame_add(&c->input, chunk, (size_t)got, clock_now())) {
        drop(c);
        return;
    }
    const char *line;
    size_t n;
    uint64_t serial = c->serial; /* an answer that can't be sent drops the client */
    while (c->serial == serial && frame_next(&c->input, &line, &n))
        take_frame(k, place, line, n);
    if (c->serial == serial && frame_too_long(&c->input)) {
        refuse(c, 0, "the command is too long");
        if (c->serial == serial) drop(c);
    }
}

/* False when there is no descriptor left for the one who knocks. */
static bool welcome(struct control *k) {
    int fd = accept4(k->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno != EMFILE && errno != ENFILE;
    struct client *place = NULL;
    for (int i = 0; i < CLIENTS_MAX && !place; i++)
        if (k->clients[i].fd < 0) place = &k->clients[i];
    if (place && socket_peer_is(fd, geteuid()))
        *place = (struct client){.fd = fd, .serial = ++k->serial};
    else close(fd);
    if (place && place->fd >= 0 && k->notice[0]) notify(place, k->notice);
    if (place && place->fd >= 0 && k->holder != 0) tell_role(place, false);
    return true;
}

/* --- the thread */

/* One who cannot be let in keeps knocking; without a pause the thread would spin. */
static void rest(struct control *k) {
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    pthread_mutex_unlock(&k->lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&k->lock);
}

static int poll_ms(double seconds) {
    if (!isfinite(seconds)) return -1;
    return (int)ceil(seconds * 1000);
}

/* What to wait for; returns for how long. */
static int prepare(const struct control *k, struct pollfd polled[N_POLLED]) {
    double patience = (double)INFINITY, now = clock_now();
    for (int i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &k->clients[i];
        bool output = c->output.len > c->sent;
        polled[i] =
            (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (output ? POLLOUT : 0))};
        if (c->fd >= 0) patience = fmin(patience, frame_patience(&c->input, now));
    }
    polled[LISTENER] = (struct pollfd){.fd = k->listener, .events = POLLIN};
    polled[WAKER] = (struct pollfd){.fd = k->waker, .events = POLLIN};
    return poll_ms(patience);
}

static void serve_clients(struct control *k, const struct pollfd polled[N_POLLED]) {
    double now = clock_now();
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &k->clients[i];
        if (c->fd < 0 || c->fd != polled[i].fd) continue;
        if (polled[i].revents & POLLOUT) send_output(c);
        if (c->fd >= 0 && polled[i].revents & (POLLIN | POLLHUP | POLLERR)) receive(k, i);
        else if (c->fd >= 0 && frame_patience(&c->input, now) <= 0) drop(c);
    }
}

static void quiet_waker(int waker) {
    uint64_t count;
    ssize_t got = read(waker, &count, sizeof count);
    (void)got; /* empty already: fine */
}

static void wake(struct control *k) {
    const uint64_t one = 1;
    ssize_t put = write(k->waker, &one, sizeof one);
    (void)put; /* full: it is awake */
}

static void *serve(void *argument) {
    struct control *k = argument;
    struct pollfd polled[N_POLLED];
    pthread_mutex_lock(&k->lock);
    while (!k->stopping) {
        int timeout = prepare(k, polled);
        pthread_mutex_unlock(&k->lock);
        int ready = poll(polled, N_POLLED, timeout);
        pthread_mutex_lock(&k->lock);
        for (int i = 0; ready < 0 && i < N_POLLED; i++) polled[i].revents = 0;
        serve_clients(k, polled);
        release_gone_holder(k);
        if (polled[WAKER].revents) quiet_waker(k->waker);
        if (polled[LISTENER].revents & POLLIN && !welcome(k)) rest(k);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* --- starting and stopping */

static bool init_locks(struct control *k) {
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) return false;
    bool ok = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&k->arrived, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (ok && pthread_mutex_init(&k->lock, NULL) != 0) {
        pthread_cond_destroy(&k->arrived);
        ok = false;
    }
    return ok;
}

static struct control *make(const char *socket_path, struct err *err) {
    struct control *k = calloc(1, sizeof *k);
    char *path = strdup(socket_path);
    if (!k || !path || !init_locks(k)) {
        free(k);
        free(path);
        err_set(err, ERR_NOMEM, "not enough memory to listen at %s", socket_path);
        return NULL;
    }
    k->path = path;
    k->listener = k->waker = -1;
    for (int i = 0; i < CLIENTS_MAX; i++) k->clients[i].fd = -1;
    return k;
}

static void release(struct control *k) {
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (k->clients[i].fd >= 0) drop(&k->clients[i]);
    if (k->listener >= 0) {
        close(k->listener);
        unlink(k->path);
    }
    if (k->waker >= 0) close(k->waker);
    pthread_cond_destroy(&k->arrived);
    pthread_mutex_destroy(&k->lock);
    free(k->path);
    free(k);
}

/* Signals are for the step loop's thread: this one inherits a mask that blocks them all. */
static bool start_thread(struct control *k, struct err *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&k->thread, NULL, serve, k);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return error == 0 || err_errno(err, "cannot start the thread that takes commands");
}

struct control *control_start(const char *socket_path, struct err *err) {
    struct control *k = make(socket_path, err);
    if (!k) return NULL;
    k->listener = socket_listen(socket_path, err);
    bool ok = k->listener >= 0;
    if (ok && (k->waker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
        ok = err_errno(err, "cannot listen at %s", socket_path);
    if (ok && start_thread(k, err)) return k;
    release(k);
    return NULL;
}

/* Send what is left to those who read it; nobody is waited for longer than a moment. */
static void send_the_rest(struct control *k) {
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &k->clients[i];
        struct pollfd polled = {.fd = c->fd, .events = POLLOUT};
        while (c->fd >= 0 && c->output.len > c->sent && poll(&polled, 1, 100) > 0) {
            send_output(c);
            polled.fd = c->fd;
        }
    }
}

void control_stop(struct control *k) {
    if (!k) return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_mutex_unlock(&k->lock);
    wake(k);
    pthread_join(k->thread, NULL);
    struct command command;
    struct control_ticket ticket;
    while (control_take(k, &command, &ticket)) {
        struct answer a = {.id = command.id, .error = "the engine has stopped"};
        control_answer(k, ticket, &a);
    }
    send_the_rest(k);
    release(k);
}

/* --- the step loop's side */

bool control_take(struct control *k, struct command *out, struct control_ticket *ticket) {
    pthread_mutex_lock(&k->lock);
    bool any = k->n_waiting > 0;
    if (any) {
        *out = k->queue[k->first].command;
        *ticket = k->queue[k->first].ticket;
        k->first = (k->first + 1) % QUEUE_MAX;
        k->n_waiting--;
    }
    pthread_mutex_unlock(&k->lock);
    return any;
}

void control_answer(struct control *k, struct control_ticket ticket, const struct answer *a) {
    pthread_mutex_lock(&k->lock);
    struct client *c = &k->clients[ticket.client];
    bool there = c->fd >= 0 && c->serial == ticket.serial;
    if (there) answer(c, a);
    bool more = there && c->fd >= 0 && c->output.len > c->sent;
    pthread_mutex_unlock(&k->lock);
    if (more) wake(k); /* so that the thread waits for room to send */
}

void control_tell(struct control *k, const char *notice) {
    if (!k) return;
    pthread_mutex_lock(&k->lock);
    snprintf(k->notice, sizeof k->notice, "%s", notice);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (k->clients[i].fd >= 0) notify(&k->clients[i], notice);
    pthread_mutex_unlock(&k->lock);
    wake(k); /* so that the thread waits for room to send */
}

int control_clients(struct control *k) {
    int n = 0;
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < CLIENTS_MAX; i++) n += k->clients[i].fd >= 0;
    pthread_mutex_unlock(&k->lock);
    return n;
}

void control_wait(struct control *k, double seconds) {
    double until = clock_now() + fmax(0, fmin(seconds, 1e6));
    struct timespec end = {.tv_sec = (time_t)until};
    end.tv_nsec = (long)((until - (double)end.tv_sec) * 1e9);
    pthread_mutex_lock(&k->lock);
    int error = 0;
    while (k->n_waiting == 0 && error == 0)
        error = pthread_cond_timedwait(&k->arrived, &k->lock, &end);
    pthread_mutex_unlock(&k->lock);
}
