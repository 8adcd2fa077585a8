#include "engine/run/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 32, CONNECT_TRIES = 100 };

static int make_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void close_keeping_errno(int fd) {
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
}

static bool fits(struct sockaddr_un *address, const char *path) {
    size_t n = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n >= sizeof address->sun_path) return false;
    memcpy(address->sun_path, path, n + 1);
    return true;
}

/* The address of `path`. One that is too long is reached by way of its opened folder, *folder,
 * which must stay open while the address is used; -1: not needed. */
static bool address_of(const char *path, struct sockaddr_un *address, int *folder) {
    *folder = -1;
    if (fits(address, path)) return true;
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX], way[PATH_MAX];
    if (!slash || (size_t)(slash - path) >= sizeof dir) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    *folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0) return false;
    int n = snprintf(way, sizeof way, "/proc/self/fd/%d%s", *folder, slash);
    if (n > 0 && (size_t)n < sizeof way && fits(address, way)) return true;
    close(*folder);
    errno = ENAMETOOLONG;
    return false;
}

/* A full queue of a socket that listens answers EAGAIN: its owner is busy, so try again. */
static bool connect_patiently(int fd, const struct sockaddr_un *address) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < CONNECT_TRIES; i++) {
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return true;
        if (errno != EAGAIN && errno != EINTR) return false;
        if (errno == EAGAIN) nanosleep(&pause, NULL);
    }
    return false;
}

int socket_connect(const char *path) {
    struct sockaddr_un address;
    int folder, fd = -1;
    if (!address_of(path, &address, &folder)) return -1;
    fd = make_socket();
    if (fd >= 0 && !connect_patiently(fd, &address)) {
        close_keeping_errno(fd);
        fd = -1;
    }
    close_keeping_errno(folder);
    return fd;
}

/* Remove a socket that nobody answers; anything else in its place stays, with an error. */
static bool remove_stale(const char *path, struct err *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT || err_errno(err, "cannot use the socket %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_IO, "%s is in the way and is no socket: remove it", path);
    int fd = socket_connect(path);
    if (fd >= 0) {
        close(fd);
        return err_set(err, ERR_RANGE, "another engine answers at %s", path);
    }
    if (errno != ECONNREFUSED && errno != ENOENT)
        return err_errno(err, "cannot use the socket %s", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_errno(err, "cannot remove the stale socket %s", path);
    return true;
}

int socket_listen(const char *path, struct err *err) {
    struct sockaddr_un address;
    int folder, fd = -1;
    if (!remove_stale(path, err)) return -1;
    if (!address_of(path, &address, &folder)) {
        err_errno(err, "cannot listen at %s", path);
        return -1;
    }
    fd = make_socket(); /* its mode goes to the file that bind makes */
    if (fd < 0 || fchmod(fd, 0600) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        err_errno(err, "cannot listen at %s", path);
        close_keeping_errno(fd);
        fd = -1;
    }
    close_keeping_errno(folder);
    return fd;
}

bool socket_peer_is(int fd, uid_t user) {
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && n == sizeof peer &&
           peer.uid == user;
}
