#include "src/launch_child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_BYTES = 400 };

/* In the child, between fork and exec: only calls that are safe there. It goes when we go. */
static void become(const char *const *words, int said, const struct sigaction *interrupt,
                   const struct sigaction *quit) {
    char *argv[LAUNCH_WORDS + 2] = {(char *)"thaw"};
    for (int i = 0; i < LAUNCH_WORDS && words[i]; i++) argv[i + 1] = (char *)words[i];
    sigaction(SIGINT, interrupt, NULL);
    sigaction(SIGQUIT, quit, NULL);
    prctl(PR_SET_PDEATHSIG, SIGHUP);
    if (said < 0 || dup2(said, STDERR_FILENO) >= 0) execv("/proc/self/exe", argv);
    _exit(127);
}

/* The last line in the file, or "". */
static void last_line(int fd, char out[SAID_BYTES]) {
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = size > SAID_BYTES - 1 ? size - (SAID_BYTES - 1) : 0;
    ssize_t n = size > 0 ? pread(fd, out, SAID_BYTES - 1, from) : 0;
    while (n > 0 && out[n - 1] == '\n') n--;
    out[n > 0 ? n : 0] = '\0';
    const char *newline = strrchr(out, '\n');
    if (newline) memmove(out, newline + 1, strlen(newline + 1) + 1);
}

static bool wait_for(pid_t child, int said, struct err *err) {
    char text[SAID_BYTES];
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    last_line(said, text);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_IO, "its screen was ended by signal %d%s%s", WTERMSIG(status),
                       *text ? ": " : "", text);
    const char *plain = strncmp(text, "thaw: ", 6) == 0 ? text + 6 : text;
    return err_set(err, ERR_IO, "%s", plain);
}

bool launch_child(const char *const *words, struct err *err) {
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction interrupt, quit, stop;
    int said = memfd_create("thaw-said", MFD_CLOEXEC); /* -1: then it is not shown */
    sigaction(SIGINT, &ignore, &interrupt);            /* Ctrl-C is meant for the child */
    sigaction(SIGQUIT, &ignore, &quit);
    sigaction(SIGTSTP, &usual,
              &stop); /* ncurses leaves a handler; the shell waits for us to stop */
    pid_t child = fork();
    if (child == 0) become(words, said, &interrupt, &quit);
    bool ok = child > 0 ? wait_for(child, said, err) : err_errno(err, "cannot start it");
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    sigaction(SIGTSTP, &stop, NULL);
    if (said >= 0) close(said);
    return ok;
}
