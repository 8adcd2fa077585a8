/* cmd_lr_find.c - `thaw lr-find`: a learning rate range test, its progress, its result. */
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/config_from.h"
#include "src/config_sources.h"
#include "src/find_config.h"
#include "src/find_stage.h"
#include "src/lr_report.h"
#include "src/model_arg.h"
#include "src/progress_line.h"
#include "ui/format.h"

static const char usage[] =
    "thaw lr-find CONFIG [--stage STAGE] [--model MODEL] [--set KEY=VALUE]... [--json]";
static const char about[] =
    "Which learning rate suits a stage of CONFIG: its model, text, batch and optimizer are "
    "trained for some\n"
    "steps while the rate grows, until the loss goes up. No run is made and no model is "
    "changed. A later\n"
    "stage needs --model: a run, a checkpoint or a Hugging Face folder that stands where the "
    "stage begins,\n"
    "for the last stage of a run RUN/base. Ctrl-C ends the test and shows what it has.";

enum { COLUMNS_USUAL = 80, COLUMNS_MIN = 40, COLUMNS_MAX = 160 };

struct lr_find_options {
    const char *stage, *model, *runs_dir, *out;
    struct cli_texts changes;
    int64_t steps;
    double from, to; /* 0: the optimizer's usual ones */
    bool json, ascii;
};

static volatile sig_atomic_t interrupted; /* a handler can write nowhere else */

static void on_interrupt(int number) { interrupted = number; }

static void catch_interrupts(void) {
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static void tell_progress(void *ctx, const struct lr_find_progress *p) {
    char left[FORMAT_MAX], rate[FORMAT_MAX], loss[FORMAT_MAX];
    if (p->point) {
        format_duration(left, p->left_s);
        format_rate(rate, p->point->lr);
        format_loss(loss, p->point->smooth);
        progress_line_say(ctx, "step %.0f of %.0f, rate %s, loss %s, %s left", p->done,
                          p->total, rate, loss, left + strspn(left, " "));
    } else if (p->total > 0)
        progress_line_say(ctx, "%s, %.0f%%", p->what, 100 * p->done / p->total);
    else progress_line_say(ctx, "%s", p->what);
}

/* ---- the result ---- */

static int columns_of_stdout(void) {
    struct winsize size = {0};
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col)
        return COLUMNS_USUAL;
    int columns = size.ws_col;
    return columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
}

static enum glyphs choose_glyphs(bool ascii) {
    setlocale(LC_CTYPE, "");
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return ascii || !utf8 ? GLYPHS_ASCII : GLYPHS_BRAILLE;
}

/* What could not be written to the file is not lost: it took a while to find. */
static bool put_result(const struct buf *text, const char *file, struct err *err) {
    if (!file) return cli_put(text, err);
    if (!text->failed && files_write(file, text->data, text->len, err)) return true;
    struct err second;
    cli_put(text, &second);
    return text->failed ? err_set(err, ERR_NOMEM, "not enough memory for the output") : false;
}

static bool tell_result(const struct lr_report *r, const struct lr_find_options *o,
                        struct err *err) {
    struct buf out = {0};
    bool ok = true;
    int columns = o->out ? COLUMNS_USUAL : columns_of_stdout();
    if (o->json) lr_report_json(r, &out);
    else ok = lr_report_text(r, columns, choose_glyphs(o->ascii), &out, err);
    ok = ok && put_result(&out, o->out, err);
    buf_deinit(&out);
    return ok;
}

/* ---- what is asked for ---- */

/* The folder that a trainer can start from. */
static bool find_folder(const struct lr_find_options *o, char out[PATH_MAX], struct err *err) {
    if (!model_find(o->model, o->runs_dir, out, err)) return false;
    return files_is_dir(out) ||
           err_set(err, ERR_USAGE,
                   "%s: training starts from a folder; `thaw export` makes one of it",
                   o->model);
}

static bool make_plan(const char *config, const struct lr_find_options *o, struct settings *s,
                      char model[PATH_MAX], struct lr_find_plan *plan, struct err *err) {
    char path[PATH_MAX];
    const struct config_options c = {o->changes.at, o->changes.n, config_sources_there};
    if (!config_find(config, path, err) || !config_read(path, &c, s, err)) return false;
    int stage = o->stage ? stage_find(s, o->stage, err) : 0;
    if (stage < 0) return false;
    *plan = (struct lr_find_plan){.settings = s,
                                  .stage = stage,
                                  .model = o->model ? model : NULL,
                                  .steps = (int)o->steps,
                                  .stop_signal = &interrupted};
    if (stage > 0 && !o->model)
        return err_set(err, ERR_USAGE,
                       "stage %s begins with what stage %s has made, which random weights do "
                       "not stand for: give --model, a run or a checkpoint",
                       s->stages[stage].name, s->stages[stage - 1].name);
    lr_find_range(s->stages[stage].optimizer.kind, &plan->from, &plan->to);
    if (o->from > 0) plan->from = o->from;
    if (o->to > 0) plan->to = o->to;
    if (plan->from >= plan->to)
        return err_set(err, ERR_USAGE,
                       "the rate cannot grow from %g to %g: --from must be "
                       "below --to",
                       plan->from, plan->to);
    return o->model ? find_folder(o, model, err) : config_from_find(s, o->runs_dir, err);
}

static int run_test(const char *config, const struct lr_find_options *o, struct settings *s) {
    char model[PATH_MAX];
    struct err err = {0};
    struct lr_find_plan plan;
    struct lr_found found = {.points = NULL};
    struct progress_line progress = progress_line_begin();
    if (!make_plan(config, o, s, model, &plan, &err)) return cli_fail(&err);
    plan.progress = tell_progress;
    plan.ctx = &progress;
    catch_interrupts();
    bool ok = lr_find(&plan, &found, &err);
    progress_line_end(&progress);
    const struct lr_report report = {config, s, &plan, &found};
    ok = ok && tell_result(&report, o, &err);
    int status = ok ? CLI_OK : cli_fail(&err);
    bool stopped = found.stopped || err.code == ERR_STOPPED;
    lr_found_deinit(&found);
    return stopped ? CLI_INTERRUPTED : status;
}

int cmd_lr_find(int argc, char **argv) {
    struct lr_find_options o = {.steps = 100};
    struct cli_texts words;
    int status;
    const struct cli_option options[] = {
        {"--stage", "STAGE", "its name, or its number from 0 (default: the first)", CLI_TEXT,
         &o.stage, 0, 0},
        {"--model", "MODEL", "what the stage starts from, instead of random weights", CLI_TEXT,
         &o.model, 0, 0},
        {"--steps", "N", "how many at most (default: 100)", CLI_WHOLE, &o.steps,
         LR_FIND_STEPS_MIN, LR_FIND_STEPS_MAX},
        {"--from", "LR", "the lowest rate (default: adamw 1e-6, muon 1e-5)", CLI_REAL, &o.from,
         1e-12, 1e6},
        {"--to", "LR", "the highest rate (default: 1)", CLI_REAL, &o.to, 1e-12, 1e6},
        {"--set", "KEY=VALUE", "change a key, e.g. --set stages.0.batch=8", CLI_TEXTS,
         &o.changes, 0, 0},
        {"--json", NULL, "one JSON object instead of the chart", CLI_FLAG, &o.json, 0, 0},
        {"--ascii", NULL, "draw with plain ASCII", CLI_FLAG, &o.ascii, 0, 0},
        {"-o", "FILE", "write the result there instead of on stdout", CLI_TEXT, &o.out, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &o.runs_dir, 0, 0},
    };
    const struct cli_spec spec = {usage, about, options, sizeof options / sizeof options[0],
                                  1,     1,     0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    struct settings *s = malloc(sizeof *s);
    struct err err = {0};
    if (!s) {
        err_set(&err, ERR_NOMEM, "not enough memory");
        return cli_fail(&err);
    }
    status = run_test(words.at[0], &o, s);
    free(s);
    return status;
}
