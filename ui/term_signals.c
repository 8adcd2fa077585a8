#include "ui/term_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { RESET_BYTES = 512, STACK_BYTES = 64 * 1024 };

static const int noted[] = {SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGTERM, SIGINT, SIGQUIT};
static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
enum {
    N_NOTED = sizeof noted / sizeof noted[0],
    N_CRASHES = sizeof crashes / sizeof crashes[0]
};

static struct {
    atomic_uint pending; /* SIGNALS_* bits */
    atomic_bool ending;  /* one signal asked us to end already */
    bool piped;
    int pipe[2]; /* for good: a handler may still run in a thread that is not ours (BLAS's) when
                    it is removed */
    char reset[RESET_BYTES];
    size_t reset_n;
    struct termios cooked;
    struct sigaction before[N_NOTED + N_CRASHES];
    stack_t stack_before;
    char stack[STACK_BYTES]; /* a stack of their own: an overflown one crashes too */
} state;

/* Only async-signal-safe calls from here ... */
static void give_back_terminal(void) {
    size_t done = 0;
    while (done < state.reset_n) {
        ssize_t n = write(STDOUT_FILENO, state.reset + done, state.reset_n - done);
        if (n <= 0) break;
        done += (size_t)n;
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &state.cooked);
}

static void die_of(int signal_number) {
    give_back_terminal();
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(signal_number, &usual, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(signal_number);
}

static unsigned bit_of(int signal_number) {
    if (signal_number == SIGWINCH) return SIGNALS_RESIZE;
    if (signal_number == SIGTSTP) return SIGNALS_SUSPEND;
    if (signal_number == SIGCONT) return SIGNALS_CONTINUE;
    return SIGNALS_END;
}

static void note_signal(int signal_number) {
    int saved = errno;
    unsigned bit = bit_of(signal_number);
    if (bit == SIGNALS_END && atomic_exchange(&state.ending, true)) die_of(signal_number);
    atomic_fetch_or(&state.pending, bit);
    ssize_t n = write(state.pipe[1], "", 1); /* a full pipe wakes as well */
    (void)n;
    errno = saved;
}
/* ... to here. */

static bool open_pipe(struct err *err) {
    if (state.piped) return true;
    if (pipe(state.pipe) != 0) return err_errno(err, "cannot make a pipe for signals");
    for (int i = 0; i < 2; i++) {
        fcntl(state.pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(state.pipe[i], F_SETFD, FD_CLOEXEC);
    }
    return state.piped = true;
}

bool signals_install(const char *reset, size_t n, const struct termios *cooked,
                     struct err *err) {
    if (!open_pipe(err)) return false;
    state.reset_n = n < RESET_BYTES ? n : RESET_BYTES;
    memcpy(state.reset, reset, state.reset_n);
    state.cooked = *cooked;
    signals_take(); /* what came too late for the last one */
    atomic_store(&state.ending, false);
    stack_t stack = {.ss_sp = state.stack, .ss_size = sizeof state.stack};
    sigaltstack(&stack, &state.stack_before);
    struct sigaction note = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    struct sigaction crash = {.sa_handler = die_of, .sa_flags = SA_ONSTACK};
    for (int i = 0; i < N_NOTED; i++) sigaction(noted[i], &note, &state.before[i]);
    for (int i = 0; i < N_CRASHES; i++)
        sigaction(crashes[i], &crash, &state.before[N_NOTED + i]);
    return true;
}

void signals_remove(void) {
    for (int i = 0; i < N_NOTED; i++) sigaction(noted[i], &state.before[i], NULL);
    for (int i = 0; i < N_CRASHES; i++) sigaction(crashes[i], &state.before[N_NOTED + i], NULL);
    sigaltstack(&state.stack_before, NULL);
}

int signals_fd(void) { return state.pipe[0]; }

unsigned signals_take(void) {
    char drained[64];
    while (read(state.pipe[0], drained, sizeof drained) > 0) {
    }
    return atomic_exchange(&state.pending, 0);
}

void signals_stop_group(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL}, ours;
    sigaction(SIGTSTP, &usual, &ours);
    kill(0, SIGTSTP); /* an orphaned group, which nobody could continue, does not stop */
    sigaction(SIGTSTP, &ours, NULL);
}
