#include "tests/faults/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/control.h"

static const double patience_s = 120; /* until a screen must show something */

void screen_start(struct lab *lab, const char *verb, const struct run_paths *paths,
                  struct screen *s) {
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    fflush(NULL);
    *s = (struct screen){.master = -1};
    s->pid = forkpty(&s->master, NULL, NULL, &size);
    if (s->pid < 0) {
        perror("faults: forkpty");
        exit(2);
    }
    if (s->pid > 0) {
        fcntl(s->master, F_SETFD,
              FD_CLOEXEC); /* a hang-up is one only when nobody else has it */
        return;
    }
    setenv("TERM", "xterm-256color", 1);
    execl(lab->thaw, "thaw", verb, paths->dir, (char *)NULL);
    _exit(126);
}

bool screen_until(struct screen *s, const char *word) {
    char chunk[4096];
    double end = clock_now() + patience_s;
    size_t kept = 0, most = strlen(word) - 1; /* of what was read before: a word's beginning */
    while (clock_now() < end) {
        struct pollfd p = {.fd = s->master, .events = POLLIN};
        if (poll(&p, 1, 1000) <= 0) continue;
        ssize_t got = read(s->master, chunk + kept, sizeof chunk - kept);
        if (got <= 0) return false;
        size_t n = kept + (size_t)got;
        if (memmem(chunk, n, word, most + 1)) return true;
        kept = n < most ? n : most;
        memmove(chunk, chunk + n - kept, kept);
    }
    return false;
}

void screen_drain(struct screen *screens, int n, int ms) {
    struct pollfd p[64];
    char chunk[1 << 14];
    double end = clock_now() + ms / 1000.0;
    for (double left; (left = end - clock_now()) > 0;) {
        for (int i = 0; i < n; i++)
            p[i] = (struct pollfd){.fd = screens[i].master, .events = POLLIN};
        if (poll(p, (nfds_t)n, (int)(left * 1000) + 1) <= 0) continue;
        for (int i = 0; i < n; i++) {
            ssize_t got = p[i].revents ? read(p[i].fd, chunk, sizeof chunk) : 0;
            if (got < 0 && errno == EIO) usleep(1000); /* it has ended */
        }
    }
}

void screen_type(struct screen *s, const char *keys) {
    ssize_t put = write(s->master, keys, strlen(keys));
    (void)put; /* one that has ended is found by screen_end() */
}

int screen_end(struct screen *s) {
    char chunk[4096];
    int status = 0;
    while (s->master >= 0 && read(s->master, chunk, sizeof chunk) > 0) continue;
    if (s->master >= 0) close(s->master);
    s->master = -1;
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void screen_hang_up(struct screen *s) {
    close(s->master);
    s->master = -1;
    screen_end(s);
}

bool screen_ask(const struct run_paths *paths, enum command_kind kind, const char *text) {
    struct command c = {.kind = kind, .id = 1, .by = "faults"};
    struct answer a = {0};
    snprintf(c.text, sizeof c.text, "%s", text);
    return control_ask(paths->socket, &c, patience_s, &a, NULL) && a.ok;
}

int64_t screen_last_step(const struct run_paths *paths) {
    struct run_info info;
    return run_info_read(paths->dir, &info, NULL) ? info.step : -1;
}

bool screen_steps(const struct run_paths *paths, pid_t engine, int64_t steps) {
    int64_t until = screen_last_step(paths) + steps;
    while (screen_last_step(paths) < until) {
        siginfo_t ended = {0};
        if (waitid(P_PID, (id_t)engine, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            ended.si_pid)
            return false;
        usleep(5000);
    }
    return true;
}
