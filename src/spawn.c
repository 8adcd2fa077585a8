#include "src/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/core/text.h"

enum { LOG_BYTES_MAX = 16 << 20 };

static bool log_path(const struct run_paths *run, char out[PATH_MAX], struct err *err) {
    return files_join(out, PATH_MAX, run->dir, "engine.log", err);
}

/* In the child, between fork and exec: only calls that are safe there. */
static void become_engine(const char *dir, const char *option, int null_fd, int log_fd,
                          int report_fd) {
    char *argv[] = {(char *)"thaw", (char *)"engine", (char *)dir, (char *)option, NULL};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    setsid();
    if (chdir("/") != 0) {
    } /* holds no folder of the user's; every path is absolute */
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(null_fd, STDIN_FILENO) >= 0 && dup2(null_fd, STDOUT_FILENO) >= 0 &&
        dup2(log_fd, STDERR_FILENO) >= 0) {
        close_range(STDERR_FILENO + 1, ~0u,
                    CLOSE_RANGE_CLOEXEC); /* report_fd lives until exec */
        execv("/proc/self/exe", argv);
    }
    int why = errno;
    ssize_t told = write(report_fd, &why, sizeof why);
    (void)told;
    _exit(127);
}

/* Fork; the child's report pipe closes without a word when its exec succeeds. */
static pid_t start(const char *dir, const char *option, int null_fd, int log_fd,
                   struct err *err) {
    int report[2], why = 0;
    if (pipe2(report, O_CLOEXEC) != 0) return err_errno(err, "cannot start the engine") - 1;
    pid_t child = fork();
    if (child == 0) become_engine(dir, option, null_fd, log_fd, report[1]);
    if (child < 0) err_errno(err, "cannot start the engine");
    close(report[1]);
    ssize_t got = child > 0 ? read(report[0], &why, sizeof why) : 0;
    close(report[0]);
    if (got != (ssize_t)sizeof why) return child;
    errno = why;
    return err_errno(err, "cannot start the engine") - 1;
}

static pid_t spawn(const struct run_paths *run, const char *option, struct err *err) {
    char path[PATH_MAX];
    if (!log_path(run, path, err)) return -1;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t child = -1;
    if (log_fd < 0) err_errno(err, "cannot write %s", path);
    else if (null_fd < 0) err_errno(err, "cannot open /dev/null");
    else child = start(run->dir, option, null_fd, log_fd, err);
    if (null_fd >= 0) close(null_fd);
    if (log_fd >= 0) close(log_fd);
    return child;
}

pid_t spawn_engine(const struct run_paths *run, bool resume, struct err *err) {
    return spawn(run, resume ? "--resume" : NULL, err);
}

pid_t spawn_idle(const struct run_paths *run, struct err *err) {
    return spawn(run, "--idle", err);
}

void spawn_log_tail(const struct run_paths *run, size_t bytes, struct buf *out) {
    char path[PATH_MAX];
    struct buf text = {0};
    if (log_path(run, path, NULL) && files_read(path, LOG_BYTES_MAX, &text, NULL)) {
        size_t from = text.len > bytes ? text.len - bytes : 0;
        const char *newline = from > 0 ? memchr(text.data + from, '\n', text.len - from) : NULL;
        if (newline) from = (size_t)(newline - text.data) + 1;
        text_sanitise(out, buf_text(&text) + from, text.len - from, true);
    }
    buf_deinit(&text);
}
