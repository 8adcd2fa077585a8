/* command_options.h - the options that a verb takes, `--lr 1e-4`; in JSON the key is "lr". What
 * command.c and its table of options (command_options.c) share. */
#ifndef THAW_ENGINE_RUN_COMMAND_OPTIONS_H
#define THAW_ENGINE_RUN_COMMAND_OPTIONS_H
#include "engine/core/json.h"
#include "engine/run/command.h"

/* The options at the front of words[n); *used counts their words. "--" ends them. */
bool command_options_read(struct command *c, const char *const *words, int n, int *used,
                          struct err *err);
/* The same from a command's JSON. */
bool command_options_take(const struct json *v, struct command *c, struct err *err);
/* Whether the values are within their ranges. */
bool command_options_check(const struct command *c, struct err *err);
/* Those that are set, as keys and values. */
void command_options_put(const struct command *c, struct json_writer *w);
/* Those that are set, as typed: "--lr 0.0001"; `before` stands in front of the first. */
void command_options_words(const struct command *c, const char *before, struct buf *out);
#endif
