/* manual.h - the pages thaw(1), thaw-config(5) and thaw-lessons(7), made from the tables and lessons that the program
 * itself goes by, and the words that a shell completes. All of it goes to stdout: pages as roff with the man macros, see man(7). */
#ifndef THAW_SRC_MANUAL_H
#define THAW_SRC_MANUAL_H
#include "engine/core/err.h"
#include "src/cli.h"
#include "src/commands.h"

/* thaw(1): `thaw --help=man`. Asks each command for its part. */
void manual_program(const struct subcommand *commands, int n);
/* A command's part of it: `thaw run --help=man`. */
void manual_command(const struct cli_spec *spec);
/* thaw-config(5): `thaw config --explain --man`. */
void manual_config(void);
/* thaw-lessons(7): `thaw lesson --man`. False where a lesson's file is not sound, or there are none. */
bool manual_lessons(struct err *err);

/* What may come next behind `thaw`, and behind `thaw run`, a line each: the word, a tab, what it means. Beside a
 * command's options these are the names of runs or configs, where its usage has such words. */
void manual_words(const struct subcommand *commands, int n);
void manual_command_words(const struct cli_spec *spec);
#endif
