/* config_third.h - the model that compare.third names: found as MODEL is found on the command line. */
#ifndef THAW_SRC_CONFIG_THIRD_H
#define THAW_SRC_CONFIG_THIRD_H
#include "engine/run/settings.h"

/* Put the folder that compare.third stands for in its place: a run's newest whole checkpoint now, as an
 * absolute path. Nothing happens where it is empty. ERR_RANGE when the run starts from a folder
 * (model.from) with another tokenizer; of a vocabulary that is still to be learned the engine tells.
 * runs_dir: NULL: the usual place. */
bool config_third_find(struct settings *s, const char *runs_dir, struct err *err);

/* The same without changing anything; fits config_options.check. */
bool config_third_there(const struct settings *s, char *path, struct err *err);
#endif
