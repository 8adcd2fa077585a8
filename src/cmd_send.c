/* cmd_send.c - `thaw send`: a command to a running engine, from the shell. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/control.h"
#include "engine/run/run_dir.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/headless.h"
#include "src/screen.h"
#include "src/spawn.h"

static const double patience_s =
    120; /* a sample or an evaluation is answered when it is done */

/* The help's table of verbs, from the one table there is. */
static const char *about(struct buf *out) {
    buf_str(out,
            "Ask a running engine for something; it answers when it has obeyed. Options stand\n"
            "before VERB. The verbs:\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *c = &command_infos[i];
        buf_printf(out, "\n  %-12s %-8s %s", c->word, c->key ? c->key : "", c->help);
    }
    return buf_text(out);
}

static bool read_command(const struct cli_texts *words, struct command *c, struct err *err) {
    if (command_from_words(words->at + 1, words->n - 1, c, err)) return true;
    for (int i = 2; i < words->n; i++)
        if (strncmp(words->at[i], "--runs-dir", 10) == 0)
            err_set(err, ERR_USAGE,
                    "--runs-dir stands before VERB: thaw send --runs-dir DIR %s %s",
                    words->at[0], words->at[1]);
    return false;
}

/* The run made the folder of another; its engine is ours to start, and goes on without us. */
static bool start_fork(const struct answer *a, struct err *err) {
    struct run_paths run;
    char word[PATH_MAX];
    if (!run_paths_of(a->run, &run, err)) return false;
    struct headless *h = headless_create(&run, err);
    pid_t engine = h ? spawn_engine(&run, true, err) : -1;
    bool ok = engine > 0 && headless_started(h, engine, err);
    headless_destroy(h);
    run_dir_word(&run, word);
    if (!ok)
        return err_prefix(err, "%s is made, but does not train; try: thaw run --resume %s",
                          screen_run_name(&run), word);
    cli_print("thaw: fork: %s trains from step %" PRId64 " on; look at it: thaw attach %s",
              screen_run_name(&run), a->step, word);
    return cli_flush(err);
}

static bool run_send(const char *runs_given, const struct cli_texts *words, struct err *err) {
    char runs[PATH_MAX];
    struct run_paths run;
    struct command c;
    struct answer a;
    if (!read_command(words, &c, err) || !runs_dir(runs_given, runs, err) ||
        !run_dir_find(runs, words->at[0], &run, err))
        return false;
    c.id = 1;
    snprintf(c.by, sizeof c.by, "send");
    if (!control_ask(run.socket, &c, patience_s, &a, err)) return false;
    if (!a.ok) return err_set(err, ERR_IO, "%s: %s", words->at[1], a.error);
    if (a.run[0]) return start_fork(&a, err);
    cli_print("thaw: %s: done, holds from step %" PRId64, words->at[1], a.step);
    return cli_flush(err);
}

int cmd_send(int argc, char **argv) {
    const char *runs_given = NULL;
    struct cli_texts words;
    struct buf text = {0};
    struct err err = {0};
    int status;
    const struct cli_option options[] = {{"--runs-dir", "DIR",
                                          "where runs live (default: ~/.local/state/thaw/runs)",
                                          CLI_TEXT, &runs_given, 0, 0}};
    const struct cli_spec spec = {.usage = "thaw send [--runs-dir DIR] RUN VERB [ARG...]",
                                  .about = about(&text),
                                  .options = options,
                                  .n_options = 1,
                                  .min_words = 2,
                                  .max_words = CLI_TEXTS_MAX,
                                  .plain_after = 2};
    bool go = cli_read(&spec, argc, argv, &words, &status);
    buf_deinit(&text);
    if (!go) return status;
    return run_send(runs_given, &words, &err) ? CLI_OK : cli_fail(&err);
}
