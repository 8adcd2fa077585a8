/* cli.h - what all subcommands share: options, help, errors on stderr, exit statuses. */
#ifndef THAW_SRC_CLI_H
#define THAW_SRC_CLI_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

enum cli_status { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

enum { CLI_TEXTS_MAX = 64 };

/* The values of an option that may be given several times; borrowed from argv. */
struct cli_texts {
    const char *at[CLI_TEXTS_MAX];
    int n;
};

enum cli_type {
    CLI_FLAG,  /* bool */
    CLI_TEXT,  /* const char * */
    CLI_TEXTS, /* struct cli_texts */
    CLI_WHOLE, /* int64_t in [min, max] */
    CLI_REAL   /* double in [min, max] */
};

struct cli_option {
    const char *name;  /* "--seed" */
    const char *value; /* what stands for its value in the help; NULL for a flag */
    const char *help;
    enum cli_type type;
    void *to; /* where the value goes; the default stands there */
    double min, max;
};

/* What `thaw NAME` takes; its help is made from this. */
struct cli_spec {
    const char *usage; /* "thaw run CONFIG [OPTIONS]"; more lines are further forms */
    const char *about; /* paragraphs below it; may be NULL */
    const struct cli_option *options;
    int n_options;
    int min_words, max_words; /* what is no option; max_words <= CLI_TEXTS_MAX */
    int plain_after;          /* behind so many words all are words, options, too; 0: never */
};

/* Read argv[1..argc). True: go on, *words holds what is no option. False: leave with *status,
 * after
 * --help on stdout or a message on stderr. `--name VALUE` and `--name=VALUE`; `--` ends
 * options. */
bool cli_read(const struct cli_spec *spec, int argc, char **argv, struct cli_texts *words,
              int *status);

/* Print "thaw: ..." on stderr. Returns the exit status for the error: 2 for wrong use, else 1.
 */
int cli_fail(const struct err *err);
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line on stdout: pieces from outside pass the sanitiser first. */
void cli_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Text from outside on stdout, sanitised. */
void cli_print_text(const char *s, size_t n, bool keep_newlines);
/* A word as a shell takes it: in quotes where it has to be. False: it does not fit. */
bool cli_quote(const char *word, char *out, size_t size);
/* What was gathered, on stdout as it is; false with err when it could not be written. */
bool cli_put(const struct buf *out, struct err *err);
/* Whether everything printed has reached stdout. */
bool cli_flush(struct err *err);
#endif
