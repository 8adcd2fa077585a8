/* screen.h - thaw's screen on a pseudo terminal of its own, for suites that only need it to
 * come and go. */
#ifndef THAW_TESTS_FAULTS_SCREEN_H
#define THAW_TESTS_FAULTS_SCREEN_H
#include "engine/run/command.h"
#include "tests/faults/lab.h"

struct screen {
    pid_t pid;
    int master; /* -1: closed */
};

/* Start `thaw VERB RUN` in a terminal of 80x24. */
void screen_start(struct lab *lab, const char *verb, const struct run_paths *paths,
                  struct screen *s);
/* Read what it draws until `word` is there; false when it ended instead. */
bool screen_until(struct screen *s, const char *word);
/* Read and forget what n screens have drawn, for up to `ms`. */
void screen_drain(struct screen *screens, int n, int ms);
void screen_type(struct screen *s, const char *keys);
/* Read to its end, wait for it; its exit status, or -1 when a signal ended it. */
int screen_end(struct screen *s);
/* Take the terminal away, wait for it. */
void screen_hang_up(struct screen *s);

/* Ask the engine; false when it refuses or is gone. */
bool screen_ask(const struct run_paths *paths, enum command_kind kind, const char *text);
/* Wait until the run has made `steps` more steps than now; false when its engine has ended. */
bool screen_steps(const struct run_paths *paths, pid_t engine, int64_t steps);
int64_t screen_last_step(const struct run_paths *paths);
#endif
