#include "src/cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/run/number.h"
#include "src/manual.h"

/* ---- printing ---- */

static int print_error(const char *text, int status) {
    fflush(stdout);
    fprintf(stderr, "thaw: %s\n", text);
    return status;
}

int cli_fail(const struct err *err) {
    bool usage = err->code == ERR_USAGE;
    return print_error(*err->msg ? err->msg : "failed", usage ? CLI_USAGE : CLI_FAILED);
}

int cli_usage(const char *fmt, ...) {
    char text[480];
    struct err err;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(&err, ERR_USAGE, "%s", text);
    return cli_fail(&err);
}

void cli_print_text(const char *s, size_t n, bool keep_newlines) {
    struct buf out = {0};
    text_sanitise(&out, s, n, keep_newlines);
    fwrite(buf_text(&out), 1, out.len, stdout);
    buf_deinit(&out);
}

void cli_print(const char *fmt, ...) {
    char text[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cli_print_text(text, strlen(text), true);
    putchar('\n');
}

bool cli_quote(const char *word, char *out, size_t size) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+=:,./@%";
    if (word[0] && !word[strspn(word, plain)])
        return (size_t)snprintf(out, size, "%s", word) < size;
    struct buf quoted = {0};
    buf_str(&quoted, "'");
    for (; *word; word++) /* a quote ends the quotes, stands escaped, and begins them again */
        if (*word == '\'') buf_str(&quoted, "'\\''");
        else buf_add(&quoted, word, 1);
    buf_str(&quoted, "'");
    size_t n = (size_t)snprintf(out, size, "%s", buf_text(&quoted));
    bool ok = !quoted.failed && n < size;
    buf_deinit(&quoted);
    return ok;
}

bool cli_put(const struct buf *out, struct err *err) {
    if (out->failed) return err_set(err, ERR_NOMEM, "not enough memory for the output");
    fwrite(buf_text(out), 1, out->len, stdout);
    return cli_flush(err);
}

bool cli_flush(struct err *err) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    return err_errno(err, "cannot write the output");
}

/* ---- help ---- */

static void print_help(const struct cli_spec *spec) {
    printf("usage: %s\n", spec->usage);
    if (spec->about) printf("\n%s\n", spec->about);
    if (spec->n_options > 0) printf("\n");
    for (int i = 0; i < spec->n_options; i++) {
        const struct cli_option *o = &spec->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-22s %s\n", left, o->help);
    }
    printf("  %-22s %s\n", "--help", "this text");
}

/* Help in the form that is asked for: to be read, to be put into the manual, to be completed
 * from.
 */
static bool help_wanted(const struct cli_spec *spec, const char *word) {
    static const struct {
        const char *word;
        void (*print)(const struct cli_spec *spec);
    } forms[] = {{"--help", print_help},
                 {"-h", print_help},
                 {"--help=man", manual_command},
                 {"--help=words", manual_command_words}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(word, forms[i].word) != 0) continue;
        forms[i].print(spec);
        return true;
    }
    return false;
}

/* ---- reading ---- */

static bool put_whole(const struct cli_option *o, const char *text, struct err *err) {
    int64_t x;
    if (!number_parse_whole(text, &x) || (double)x < o->min || (double)x > o->max)
        return err_set(err, ERR_USAGE, "%s must be a whole number, %.0f to %.0f, not \"%s\"",
                       o->name, o->min, o->max, text);
    *(int64_t *)o->to = x;
    return true;
}

static bool put_real(const struct cli_option *o, const char *text, struct err *err) {
    double x;
    if (!number_parse(text, &x) || x < o->min || x > o->max)
        return err_set(err, ERR_USAGE, "%s must be a number, %g to %g, not \"%s\"", o->name,
                       o->min, o->max, text);
    *(double *)o->to = x;
    return true;
}

static bool put_value(const struct cli_option *o, const char *text, struct err *err) {
    struct cli_texts *texts = o->to;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)o->to = true;
        return true;
    case CLI_TEXT:
        *(const char **)o->to = text;
        return true;
    case CLI_TEXTS:
        if (texts->n == CLI_TEXTS_MAX)
            return err_set(err, ERR_USAGE, "%s can be given at most %d times", o->name,
                           CLI_TEXTS_MAX);
        texts->at[texts->n++] = text;
        return true;
    case CLI_WHOLE:
        return put_whole(o, text, err);
    case CLI_REAL:
        break;
    }
    return put_real(o, text, err);
}

/* The option that `word` names, up to its "=" if there is one; *value is what follows that. */
static const struct cli_option *find_option(const struct cli_spec *spec, const char *word,
                                            const char **value) {
    size_t n = strcspn(word, "=");
    *value = word[n] ? word + n + 1 : NULL;
    for (int i = 0; i < spec->n_options; i++) {
        const char *name = spec->options[i].name;
        if (strlen(name) == n && strncmp(name, word, n) == 0) return &spec->options[i];
    }
    return NULL;
}

/* An option at argv[*i] with its value; *i moves on to the last word that was used. */
static bool read_option(const struct cli_spec *spec, int argc, char **argv, int *i,
                        struct err *err) {
    const char *word = argv[*i], *value = NULL;
    const struct cli_option *o = find_option(spec, word, &value);
    if (!o)
        return err_set(err, ERR_USAGE,
                       "there is no option %s here; `thaw %s --help` lists them", word,
                       argv[0]);
    if (!o->value && value) return err_set(err, ERR_USAGE, "%s takes no value", o->name);
    if (o->value && !value) {
        if (*i + 1 == argc)
            return err_set(err, ERR_USAGE, "%s needs a value: %s", o->name, o->value);
        value = argv[++*i];
    }
    return put_value(o, value, err);
}

static bool check_words(const struct cli_spec *spec, const struct cli_texts *words,
                        const char *command, struct err *err) {
    if (words->n < spec->min_words)
        return err_set(err, ERR_USAGE, "something is missing; usage: %.*s",
                       (int)strcspn(spec->usage, "\n"), spec->usage);
    if (words->n > spec->max_words)
        return err_set(err, ERR_USAGE, "\"%s\" is one word too many; see `thaw %s --help`",
                       words->at[spec->max_words], command);
    return true;
}

bool cli_read(const struct cli_spec *spec, int argc, char **argv, struct cli_texts *words,
              int *status) {
    struct err err = {0};
    bool ok = true, options = true;
    words->n = 0;
    for (int i = 1; ok && i < argc; i++) {
        const char *word = argv[i];
        if (spec->plain_after > 0 && words->n >= spec->plain_after) options = false;
        bool option = options && word[0] == '-' && word[1];
        if (option && strcmp(word, "--") == 0) options = false;
        else if (option && help_wanted(spec, word)) {
            *status = CLI_OK;
            return false;
        } else if (option) ok = read_option(spec, argc, argv, &i, &err);
        else if (words->n < CLI_TEXTS_MAX) words->at[words->n++] = word;
        else ok = err_set(&err, ERR_USAGE, "too many words");
    }
    ok = ok && check_words(spec, words, argv[0], &err);
    if (!ok) *status = cli_fail(&err);
    return ok;
}
