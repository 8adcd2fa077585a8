/* cmd_lesson.c - `thaw lesson`: the lessons there are, one of them with its run, what a teacher
 * needs, and whether a run came to what the lesson says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/event_log.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/find_lesson.h"
#include "src/manual.h"
#include "src/run_lesson.h"

enum { RUN_WORDS = 160, TEXT_W = 88 };

static const char usage[] =
    "thaw lesson\n"
    "       thaw lesson LESSON|STATE [--class] [the options of `thaw run`]\n"
    "       thaw lesson LESSON --notes\n"
    "       thaw lesson LESSON --check RUN [--runs-dir DIR]\n"
    "       thaw lesson --man";
static const char about[] =
    "Without a word: the lessons there are. With one: its run is started, and the lesson "
    "stands beside\n"
    "it on every screen that looks at the run (n goes on, N back, a shows an answer, L hides "
    "it).\n"
    "STATE is what `:lesson state` says on the screen: the same run, at the same step.";

/* ---- the list */

static int list(void) {
    struct lesson_item *items = NULL;
    struct err err = {0};
    int n = 0;
    if (!lesson_list(&items, &n, &err)) return cli_fail(&err);
    for (int i = 0; i < n; i++) {
        if (items[i].mechanism > 0 && (i == 0 || items[i - 1].mechanism == 0))
            puts("\nabout the mechanism, each with ranges that were measured:");
        if (items[i].minutes > 0)
            cli_print("  %-14s %3d min  %s", items[i].name, items[i].minutes, items[i].title);
        else cli_print("  %-14s          %s", items[i].name, items[i].title);
    }
    puts(n > 0 ? "\nthaw lesson NAME starts one; with --notes it tells the teacher what to "
                 "prepare."
               : "there are no lessons here: assets/lessons/ holds them");
    free(items);
    return cli_flush(&err) ? CLI_OK : cli_fail(&err);
}

/* ---- for the teacher */

/* Paragraphs, wrapped; the first row stands behind `label`, the others as far in. */
static void print_text(const char *label, const char *text) {
    int in = (int)strlen(label);
    for (bool first = true; *text; first = false) {
        size_t n = strcspn(text, "\n"), row;
        for (const char *at = text; at < text + n; at += row + (at[row] == ' ')) {
            row = (size_t)(text + n - at);
            if (row > TEXT_W) /* it ends at its last blank */
                for (row = TEXT_W; row > 1 && at[row] != ' ';) row--;
            cli_print("%*s%.*s", in, first && at == text ? label : "", (int)row, at);
        }
        text += n + (text[n] == '\n');
        if (*text) puts("");
    }
}

static void print_step(const struct lesson *l, int i) {
    const struct lesson_step *s = &l->steps[i];
    char words[160];
    lesson_wait_words(&s->wait, words, sizeof words);
    cli_print("%2d. %s%s%s%s", i + 1, s->title, *words ? "   (waits until " : "", words,
              *words ? ")" : "");
    if (s->attempt[0]) print_text("    Try: ", s->attempt);
    if (s->ask[0]) {
        print_text("    ? ", s->ask);
        print_text("    = ", s->answer);
    }
    for (int k = 0; k < s->n_expects; k++) {
        lesson_expect_words(&s->expects[k], words, sizeof words);
        cli_print("    the run should come to: %s", words);
    }
}

static int print_notes(const struct lesson *l) {
    struct err err = {0};
    cli_print("%s: %s (%d minutes, thaw run %s)\n", l->name, l->title, l->minutes, l->config);
    print_text("", l->summary);
    if (l->notes[0]) puts("\nFor the teacher:");
    print_text("  ", l->notes);
    puts("\nSteps:");
    for (int i = 0; i < l->n_steps; i++) print_step(l, i);
    cli_print("\nStart it for a class: thaw lesson %s --class --share GROUP", l->name);
    return cli_flush(&err) ? CLI_OK : cli_fail(&err);
}

/* ---- whether a run came to what it says */

static bool fold(const char *events, struct history *h, struct err *err) {
    struct event_reader *r = event_reader_open(events, err);
    struct event e;
    int got = r ? 1 : -1;
    while (got > 0 && (got = event_reader_next(r, &e, err)) > 0) history_observe(h, &e);
    event_reader_close(r);
    return got == 0;
}

static bool check_one(const struct lesson_expect *x, const struct history *h) {
    char words[160], figure[32];
    bool met = lesson_met(x, h);
    double is = lesson_measure(x, h);
    lesson_expect_words(x, words, sizeof words);
    snprintf(figure, sizeof figure, "%.4g", is);
    cli_print("%s  %s: %s", met ? "pass" : "FAIL", words,
              isnan(is) ? "the run has none" : figure);
    return met;
}

static int check(const struct lesson *l, const struct history *h) {
    struct err err = {0};
    int failed = 0, n = 0;
    for (int i = 0; i < l->n_steps; i++)
        for (int k = 0; k < l->steps[i].n_expects; k++, n++)
            failed += !check_one(&l->steps[i].expects[k], h);
    if (n == 0) cli_print("the lesson %s expects no figures", l->name);
    if (!cli_flush(&err)) return cli_fail(&err);
    return failed ? CLI_FAILED : CLI_OK;
}

static int check_run(const struct lesson *l, const char *runs_given, const char *word) {
    char runs[PATH_MAX];
    struct run_paths run;
    struct err err = {0};
    struct history *h = malloc(sizeof *h);
    if (!h) {
        err_set(&err, ERR_NOMEM, "not enough memory");
        return cli_fail(&err);
    }
    history_init(h);
    bool ok = runs_dir(runs_given, runs, &err) && run_dir_find(runs, word, &run, &err) &&
              fold(run.events, h, &err);
    int status = ok ? check(l, h) : cli_fail(&err);
    history_deinit(h);
    free(h);
    return status;
}

/* ---- its run */

struct words {
    char *at[RUN_WORDS];
    int n;
};

static void push(struct words *w, const char *word) { w->at[w->n++] = (char *)word; }

/* `thaw run CONFIG --lesson WORD`, then what stands behind it. */
static int start(const char *word, int argc, char **argv) {
    struct err err = {0};
    struct words w = {.n = 0};
    if (argc + 6 >= RUN_WORDS) return cli_usage("too many words");
    struct run_lesson *l = run_lesson_open(word, NULL, &err);
    if (!l) return cli_fail(&err);
    push(&w, "run");
    push(&w, l->lesson.config);
    push(&w, "--lesson");
    push(&w, word);
    push(&w, "--name");
    push(&w, l->lesson.name);
    for (int i = 2; i < argc; i++) push(&w, argv[i]);
    w.at[w.n] = NULL;
    int status = cmd_run(w.n, w.at);
    free(l);
    return status;
}

/* Whether the words ask for something about the lesson, not for its run. */
static bool asks_about(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--check", 7) == 0 || strcmp(argv[i], "--notes") == 0 ||
            strncmp(argv[i], "--help", 6) == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return argv[1][0] == '-';
}

static int about_lesson(int argc, char **argv) {
    const char *run = NULL, *runs_given = NULL;
    bool notes = false, class = false, man = false;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--notes", NULL, "what a teacher prepares; the questions with their answers", CLI_FLAG,
         &notes, 0, 0},
        {"--check", "RUN", "did the run come to what the lesson says? exit 1 when it did not",
         CLI_TEXT, &run, 0, 0},
        {"--class", NULL, "start it, share it (--share GROUP), print what a class types",
         CLI_FLAG, &class, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0},
        {"--man", NULL, "all lessons as a page of the manual", CLI_FLAG, &man, 0, 0},
    };
    const struct cli_spec spec = {usage, about, options, sizeof options / sizeof options[0],
                                  0,     1,     0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (man && words.n == 0) return manual_lessons(&err) ? CLI_OK : cli_fail(&err);
    if (words.n == 0 || man) return cli_usage("name a lesson; --man alone tells of all");
    if (class || (notes && run))
        return cli_usage("--notes, --check RUN and --class are three things: one at a time");
    struct run_lesson *l = run_lesson_open(words.at[0], NULL, &err);
    if (!l) return cli_fail(&err);
    status = notes ? print_notes(&l->lesson) : check_run(&l->lesson, runs_given, run);
    free(l);
    return status;
}

int cmd_lesson(int argc, char **argv) {
    if (argc < 2) return list();
    return asks_about(argc, argv) ? about_lesson(argc, argv) : start(argv[1], argc, argv);
}
