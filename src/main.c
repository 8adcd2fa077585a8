/* main.c - the table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "src/cli.h"
#include "src/commands.h"
#include "src/cpu_setup.h"
#include "src/manual.h"

static const struct subcommand subcommands[] = {
    {"run", cmd_run, false, "train as a config says, and look on"},
    {"lesson", cmd_lesson, false, "the lessons: a run, and beside it what it shows"},
    {"attach", cmd_attach, false, "come back to a run"},
    {"watch", cmd_watch, false, "look at a run without touching it"},
    {"replay", cmd_replay, false, "play a run back, with pause, speed and jumps"},
    {"send", cmd_send, false, "ask a running engine for something: freeze, lr, pause ..."},
    {"runs", cmd_runs, false, "list the runs and how they stand"},
    {"report", cmd_report, false, "a run, or several beside each other, as one web page"},
    {"verify", cmd_verify, false, "whether a run's files are as they were written"},
    {"generate", cmd_generate, true, "let a model write"},
    {"chat", cmd_chat, true, "talk with a model, or with two side by side"},
    {"score", cmd_score, true, "how likely a model finds a text, token by token"},
    {"compare", cmd_compare, true, "two models, or a run's base and tuned, side by side"},
    {"eval", cmd_eval, true, "a model's loss on held-out text"},
    {"lr-find", cmd_lr_find, true, "try which learning rate suits a stage"},
    {"export", cmd_export, true, "write a model as a Hugging Face folder"},
    {"data", cmd_data, false, "what a source of text contains"},
    {"config", cmd_config, false, "print, check or explain a config"},
    {"bench", cmd_bench, true, "how fast a model trains here, beside this machine's limit"},
    {"plan", cmd_plan, true, "how fast several machines would train a config together"},
    {"doctor", cmd_doctor, true, "what this machine can do, and what to change"},
    {"engine", cmd_engine, true, NULL},
};
enum { N_SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static int print_help(void) {
    puts("thaw: train a small language model, and see it learn.\n\nusage: thaw COMMAND ...\n");
    for (int i = 0; i < N_SUBCOMMANDS; i++)
        if (subcommands[i].help)
            printf("  %-10s %s\n", subcommands[i].name, subcommands[i].help);
    puts("\n`thaw COMMAND --help` tells more; `thaw` alone shows all configs and runs. Begin "
         "with: thaw run medical");
    return CLI_OK;
}

static int print_version(void) {
    puts("thaw " THAW_VERSION);
    return CLI_OK;
}

static int run_command(int argc, char **argv) {
    if (argc < 2) return cmd_start();
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return print_help();
    if (strcmp(word, "--help=man") == 0) {
        manual_program(subcommands, N_SUBCOMMANDS);
        return CLI_OK;
    }
    if (strcmp(word, "--help=words") == 0) {
        manual_words(subcommands, N_SUBCOMMANDS);
        return CLI_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) return print_version();
    for (int i = 0; i < N_SUBCOMMANDS; i++) {
        if (strcmp(word, subcommands[i].name) != 0) continue;
        struct err err = {0};
        if (subcommands[i].mathematics && !cpu_setup(argv, &err)) return cli_fail(&err);
        return subcommands[i].fn(argc - 1, argv + 1);
    }
    return cli_usage("there is no command \"%s\"; `thaw --help` lists them", word);
}

/* Output that did not arrive (a full disk, a closed pipe) is a failure, whatever the command
 * says. */
int main(int argc, char **argv) {
    int status = run_command(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    struct err err = {0};
    err_errno(&err, "the output could not be written");
    return status ? status : cli_fail(&err);
}
