/* carry.c - what it costs a processor to move bytes to another machine and to take as many in:
 * the kernel's and the copies' part of it, by TCP on this machine, where one end does what the
 * other's machine would do. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/bench/bench.h"
#include "engine/core/real.h"

enum { BYTES = 48 << 20, READ_BYTES = 256 << 10, ROUNDS = 5 };

static double processor_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Both ends of a connection. */
static bool connect_both(int ends[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[1] = -1;
    if (door >= 0 && ends[0] >= 0 && bind(door, (struct sockaddr *)&at, sizeof at) == 0 &&
        listen(door, 1) == 0 && getsockname(door, (struct sockaddr *)&at, &size) == 0 &&
        connect(ends[0], (struct sockaddr *)&at, sizeof at) == 0)
        ends[1] = accept4(door, NULL, NULL, SOCK_CLOEXEC);
    if (door >= 0) close(door);
    return ends[1] >= 0;
}

struct sender {
    int end;
    const char *bytes;
};

static void *send_all(void *ctx) {
    const struct sender *s = ctx;
    for (size_t at = 0; at < BYTES;) {
        ssize_t n = send(s->end, s->bytes + at, BYTES - at, MSG_NOSIGNAL);
        if (n <= 0) break;
        at += (size_t)n;
    }
    shutdown(s->end, SHUT_WR);
    return NULL;
}

static void add(real *restrict x, const real *restrict y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

/* Seconds of processors a byte; 0 where it does not come through. Of what comes in half is
 * added, on a sum's way there. */
static double carry_once(int ends[2], char *out, char *in, real *sum) {
    struct sender s = {ends[0], out};
    pthread_t thread;
    size_t got = 0;
    double before = processor_now();
    if (pthread_create(&thread, NULL, send_all, &s) != 0) return 0;
    for (ssize_t n; got < BYTES; got += (size_t)n) {
        size_t left = BYTES - got;
        n = recv(ends[1], in + got, left < READ_BYTES ? left : READ_BYTES, 0);
        if (n <= 0) break;
    }
    add(sum, (const real *)(const void *)in, BYTES / 2 / sizeof *sum);
    pthread_join(thread, NULL);
    double took = processor_now() - before;
    return got == BYTES ? took / BYTES : 0;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_carry(void) {
    double took[ROUNDS] = {0};
    char *out = malloc((size_t)3 * BYTES), *in = out ? out + BYTES : NULL;
    if (out) memset(out, 0, (size_t)3 * BYTES); /* or all that is read were one page of zeros */
    for (int i = 0; out && i < ROUNDS; i++) {
        int ends[2];
        if (connect_both(ends))
            took[i] = carry_once(ends, out, in, (real *)(void *)(in + BYTES));
        for (int k = 0; k < 2; k++)
            if (ends[k] >= 0) close(ends[k]);
    }
    free(out);
    qsort(took, ROUNDS, sizeof *took, compare);
    return took[ROUNDS / 2];
}
