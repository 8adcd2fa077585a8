/* main.c - the table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "src/cli.h"
#include "src/commands.h"
#include "src/cpu_setup.h"

static const struct subcommand {
    const char *name;
    int (*fn)(int argc, char **argv);
    bool mathematics; /* needs the right BLAS kernels, for which the program starts itself anew
                       */
    const char *help; /* one line; NULL: not for people */
} subcommands[] = {
    {"run", cmd_run, false, "train as a config says, and look on"},
    {"engine", cmd_engine, true, NULL},
};
enum { N_SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static int print_help(void) {
    puts("thaw: train a small language model, and see it learn.\n\nusage: thaw COMMAND ...\n");
    for (int i = 0; i < N_SUBCOMMANDS; i++)
        if (subcommands[i].help)
            printf("  %-10s %s\n", subcommands[i].name, subcommands[i].help);
    puts("\n`thaw COMMAND --help` tells more. Begin with: thaw run medical");
    return CLI_OK;
}

static int print_version(void) {
    puts("thaw " THAW_VERSION);
    return CLI_OK;
}

int main(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return print_help();
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) return print_version();
    for (int i = 0; i < N_SUBCOMMANDS; i++) {
        if (strcmp(word, subcommands[i].name) != 0) continue;
        if (subcommands[i].mathematics) cpu_setup(argv);
        return subcommands[i].fn(argc - 1, argv + 1);
    }
    return cli_usage("there is no command \"%s\"; `thaw --help` lists them", word);
}
