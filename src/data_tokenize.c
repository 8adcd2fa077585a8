#include "src/data_tokenize.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/formats/peft.h"
#include "src/model_arg.h"
#include "src/progress_line.h"
#include "ui/format.h"

enum { TOKENIZER_BYTES_MAX = 256 << 20 };

static volatile sig_atomic_t interrupted; /* a handler can write nowhere else */

static void on_interrupt(int number) { interrupted = number; }

static void catch_interrupts(void) {
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static bool tell(void *ctx, const char *what, double done, double total) {
    progress_line_tell(ctx, what, total > 0 ? done / total : 1);
    return !interrupted;
}

/* ---- the tokenizer ---- */

static struct tokenizer *load_file(const char *path, struct err *err) {
    struct buf text = {0};
    struct tokenizer *t = NULL;
    if (files_read(path, TOKENIZER_BYTES_MAX, &text, err)) {
        t = tokenizer_parse(buf_text(&text), text.len, err);
        if (!t) err_prefix(err, "%s", path);
    }
    buf_deinit(&text);
    return t;
}

/* A folder that may hold nothing else. */
static bool has_tokenizer(const char *folder) {
    char file[PATH_MAX];
    return (files_join(file, sizeof file, folder, "tokenizer.json", NULL) &&
            files_exists(file)) ||
           (files_join(file, sizeof file, folder, "merges.txt", NULL) && files_exists(file));
}

static struct tokenizer *load(const char *word, struct err *err) {
    char folder[PATH_MAX], base[PATH_MAX];
    if (files_exists(word) && !files_is_dir(word)) return load_file(word, err);
    if (has_tokenizer(word)) return tokenizer_load(word, err);
    if (!model_find(word, NULL, folder, err) || !peft_base(folder, NULL, base, err))
        return NULL;
    return tokenizer_load(base, err);
}

/* ---- doing it ---- */

static void print_result(const struct data_tokenize *o, const struct tokenize_result *r) {
    char text[FORMAT_MAX], file[FORMAT_MAX];
    format_bytes(text, (double)r->text_bytes);
    format_bytes(file, (double)r->file_bytes);
    double bytes = (double)r->text_bytes;
    printf("tokens      %12" PRIu64 "   in a vocabulary of %d; %.2f bytes each\n", r->tokens,
           r->vocab, bytes / (double)r->tokens);
    printf("held out    %12" PRIu64 "   of them, for validation\n", r->held_out);
    printf("units       %12" PRIu64 "   of %s of text\n", r->units, text + strspn(text, " "));
    printf("speed       %12.1f   MB/s on %d thread%s\n", 1e-6 * bytes / r->seconds, r->threads,
           r->threads == 1 ? "" : "s");
    cli_print("%s: %s; train on it with `data: [\"tokens:%s\"]`", o->out,
              file + strspn(file, " "), o->out);
}

int data_tokenize(const struct data_tokenize *o) {
    struct progress_line progress = progress_line_begin();
    struct tokenize_plan plan = {.specs = o->sources.at,
                                 .n_specs = o->sources.n,
                                 .vocab = (int)o->vocab,
                                 .form = {.chat = o->chat, .alone = o->alone},
                                 .threads = (int)o->threads,
                                 .progress = tell,
                                 .ctx = &progress};
    struct tokenize_result result;
    struct err err = {0};
    if (o->tokenizer && !(plan.tokenizer = load(o->tokenizer, &err))) return cli_fail(&err);
    catch_interrupts();
    bool ok = tokenize(&plan, o->out, &result, &err);
    progress_line_end(&progress);
    tokenizer_destroy(plan.tokenizer);
    if (ok) print_result(o, &result);
    if (ok && cli_flush(&err)) return CLI_OK;
    int status = cli_fail(&err);
    return err.code == ERR_STOPPED ? CLI_INTERRUPTED : status;
}
