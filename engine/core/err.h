/* err.h - how a failure travels: a code for the caller, a sentence for the user. */
#ifndef THAW_ENGINE_CORE_ERR_H
#define THAW_ENGINE_CORE_ERR_H
#include <stdbool.h>

enum err_code { ERR_NONE = 0, ERR_NOMEM, ERR_IO, ERR_PARSE, ERR_RANGE, ERR_NUMERIC, ERR_USAGE,
                ERR_STOPPED, ERR_FULL }; /* STOPPED: somebody asked to; not a failure.
                                            FULL: the disk has no room; making some helps */

struct err {
    enum err_code code;
    char msg[480]; /* one line, no trailing newline, sanitised: fit for a terminal */
};

/* Record a failure. `err` may be NULL. The text passes the sanitiser (text.h), so a name from
 * outside cannot carry an escape sequence to the terminal. Always returns false, so the failing
 * line reads `return err_set(err, ERR_IO, "...");`. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and strerror(errno) to the sentence.
 * ERR_FULL when the disk or the user's share of it has no room, else ERR_IO. */
bool err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put context in front, keep the code: "demo.yaml:12: lr must be above 0". Returns false. */
bool err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
