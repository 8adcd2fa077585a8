#include "src/manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/command.h"
#include "engine/run/run_dir.h"
#include "engine/run/settings.h"
#include "src/find_config.h"
#include "src/find_lesson.h"
#include "src/roff.h"
#include "ui/keys.h"

void manual_command(const struct cli_spec *spec) {
    const char *name = spec->usage + strcspn(spec->usage, " ") + 1;
    printf(".SS \"thaw %.*s\"\n", (int)strcspn(name, " \n"), name);
    roff_lines(spec->usage);
    if (spec->about) {
        puts(".PP");
        roff_lines(spec->about);
    }
    for (int i = 0; i < spec->n_options; i++)
        roff_item(spec->options[i].name, spec->options[i].value, spec->options[i].help);
}

/* ---- thaw(1) ---- */

static const char about_program[] =
    "pre-train and fine-tune a small language model, and see it learn";
static const char description[] =
    "thaw trains a language model, then specialises it, in a terminal: live loss curves, a "
    "freeze toggle for every layer while it trains, base and tuned output side by side. The "
    "process that trains, the engine, needs no terminal; screens come and go. `thaw` alone "
    "lists all configs and runs.";

static void put_keys(void) {
    puts(".SH KEYS");
    for (int i = 0; i < n_key_bindings; i++)
        roff_item(key_bindings[i].label, NULL, key_bindings[i].help);
}

static void put_verbs(void) {
    puts(".SH COMMANDS OF A RUN");
    roff_paragraph("Typed behind `:` on the screen, or from a shell with `thaw send RUN`:");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        static const char *const arguments[] = {"", "GROUPS", "NUMBER", "TEXT", "[STEP]"};
        const struct command_info *c = &command_infos[i];
        char more[240] = "";
        const char *word, *value;
        size_t n = (size_t)snprintf(more, sizeof more, "%s", arguments[c->type]);
        for (int k = 0; command_option((enum command_kind)i, k, &word, &value); k++)
            if (n < sizeof more)
                n += (size_t)snprintf(more + n, sizeof more - n, " [%s%s%s]", word,
                                      value ? " " : "", value ? value : "");
        roff_item(c->word, more, c->help);
    }
}

static void put_end(void) {
    puts(".SH FILES");
    roff_item("$XDG_STATE_HOME/thaw/runs/NAME/", NULL,
              "a run: config.yaml, events.jsonl, base, checkpoints. Default ~/.local/state");
    roff_item("$XDG_CONFIG_HOME/thaw/settings.json", NULL,
              "the screen's settings; beside it lessons.json, where you are in each run's "
              "lesson. Default ~/.config");
    puts(".SH ENVIRONMENT");
    roff_item("NO_COLOR", NULL, "the screen has no colours");
    roff_item("OPENBLAS_CORETYPE", NULL,
              "which kernels multiply; thaw chooses by the processor unless it is set");
    puts(".SH EXIT STATUS");
    roff_item("0", NULL, "done");
    roff_item("1", NULL, "it failed; a line on stderr says why");
    roff_item("2", NULL, "wrong use; a line on stderr says what to type");
    puts(".SH SEE ALSO\n.BR thaw\\-config (5),\n.BR thaw\\-lessons (7)");
}

void manual_program(const struct subcommand *commands, int n) {
    static char ask[] = "--help=man";
    roff_title("THAW", "thaw", 1, about_program);
    puts(".SH SYNOPSIS\n.B thaw\n.RI [ COMMAND ...]\n.SH DESCRIPTION");
    roff_text(description);
    puts("\n.SH COMMANDS");
    for (int i = 0; i < n; i++) {
        char name[32], *argv[] = {name, ask, NULL};
        if (!commands[i].help) continue;
        snprintf(name, sizeof name, "%s", commands[i].name);
        commands[i].fn(2, argv);
    }
    put_keys();
    put_verbs();
    put_end();
}

/* ---- thaw-config(5) ---- */

static void put_key(const struct setting_key *k) {
    char text[1024], range[240] = "";
    size_t n = 0;
    if (k->type == SETTING_BOOL) snprintf(range, sizeof range, "true or false");
    for (int i = 0; k->type == SETTING_WORD && i < k->n_words && n < sizeof range; i++)
        n +=
            (size_t)snprintf(range + n, sizeof range - n, "%s%s", i ? " or " : "", k->words[i]);
    if (k->type == SETTING_INT || k->type == SETTING_INT64 || k->type == SETTING_REAL)
        snprintf(range, sizeof range, "%.16g to %.16g%s%s", k->min, k->max, *k->unit ? " " : "",
                 k->unit);
    snprintf(text, sizeof text, "%s%s%s%s%s", k->help, *range ? "; " : "", range,
             *k->initial ? "; default " : "", k->initial);
    roff_item(k->path, NULL, text);
}

void manual_config(void) {
    roff_title("THAW\\-CONFIG", "thaw\\-config", 5, "what a run of thaw is told to do");
    puts(".SH DESCRIPTION");
    roff_text("A config is a YAML file. A key that is not known, or a value out of its range, "
              "is told with its place, and nothing is begun. Every key may be left out but "
              "`stages`. Keys of a stage begin with stages.* here; `--set stages.0.steps=100` "
              "changes one of the first stage.");
    puts("\n.SH KEYS");
    for (int i = 0; i < n_setting_keys; i++) put_key(&setting_keys[i]);
    puts(".SH EXAMPLE");
    roff_lines("name: letters\n"
               "model: {layers: 2, heads: 2, width: 64, context: 64, vocab: 512}\n"
               "stages:\n"
               "  - name: pretrain\n    data: [\"text:all.txt\"]\n    steps: 500\n"
               "  - name: finetune\n    data: [\"text:mine.txt\"]\n    steps: 100\n"
               "    freeze: [embed, \"0\"]\n"
               "compare: {prompts: [\"once upon\"]}");
    puts(".SH SEE ALSO\n.BR thaw (1),\n.BR thaw\\-lessons (7)");
}

/* ---- words for shells ---- */

static void put_word(const char *word, const char *help) {
    cli_print_text(word, strlen(word), false);
    putchar('\t');
    cli_print("%s", help);
}

void manual_words(const struct subcommand *commands, int n) {
    for (int i = 0; i < n; i++)
        if (commands[i].help) put_word(commands[i].name, commands[i].help);
}

static bool takes(const struct cli_spec *spec, const char *word) {
    size_t n = strlen(word);
    for (const char *at = spec->usage; (at = strstr(at, word)); at += n)
        if (at > spec->usage && strchr(" [", at[-1]) && strchr(" ]|\n", at[n])) return true;
    return false;
}

static void put_configs(void) {
    struct config_item *list;
    int n;
    if (!config_list(&list, &n, NULL)) return;
    for (int i = 0; i < n; i++) put_word(list[i].name, list[i].about);
    free(list);
}

static void put_lessons(void) {
    struct lesson_item *list;
    int n;
    if (!lesson_list(&list, &n, NULL)) return;
    for (int i = 0; i < n; i++) put_word(list[i].name, list[i].title);
    free(list);
}

static void put_runs(void) {
    struct run_info *list = NULL;
    char dir[PATH_MAX];
    int n = 0;
    if (!runs_dir(NULL, dir, NULL) || !run_list_quick(dir, &list, &n, NULL)) return;
    for (int i = 0; i < n; i++) put_word(list[i].name, list[i].state);
    free(list);
}

void manual_command_words(const struct cli_spec *spec) {
    if (takes(spec, "CONFIG")) put_configs();
    if (takes(spec, "LESSON")) put_lessons();
    if (takes(spec, "RUN") || takes(spec, "MODEL") || takes(spec, "BASE")) put_runs();
    for (int i = 0; i < spec->n_options; i++)
        put_word(spec->options[i].name, spec->options[i].help);
    put_word("--help", "what the command does");
}
