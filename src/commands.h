/* commands.h - the subcommands, one file each; the table of them stands in main.c. */
#ifndef THAW_SRC_COMMANDS_H
#define THAW_SRC_COMMANDS_H
#include <stdbool.h>

struct subcommand {
    const char *name;
    int (*fn)(int argc, char **argv);
    bool mathematics; /* needs the right BLAS kernels, for which the program starts itself anew */
    const char *help; /* one line; NULL: not for people */
};

/* argv[0] is the subcommand's name. The result is the exit status (cli.h). */
int cmd_run(int argc, char **argv);
int cmd_engine(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_lesson(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_generate(int argc, char **argv);
int cmd_chat(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_lr_find(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_data(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
/* `thaw` without a word: the launcher, or without a terminal the configs and runs there are, and what to type. */
int cmd_start(void);
#endif
