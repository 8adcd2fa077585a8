/* config_from.h - the model that model.from names: found as MODEL is found on the command line. */
#ifndef THAW_SRC_CONFIG_FROM_H
#define THAW_SRC_CONFIG_FROM_H
#include "engine/run/settings.h"

/* Put the folder that model.from stands for in its place, as an absolute path: a model that came with thaw
 * ("assets/base"), or what a run has learned by now. Nothing happens where it is empty. runs_dir: NULL: the
 * usual place. */
bool config_from_find(struct settings *s, const char *runs_dir, struct err *err);

/* The same without changing anything; fits config_options.check. */
bool config_from_there(const struct settings *s, char *path, struct err *err);
#endif
