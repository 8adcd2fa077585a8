/* find_stage.h - STAGE on the command line. */
#ifndef THAW_SRC_FIND_STAGE_H
#define THAW_SRC_FIND_STAGE_H
#include "engine/run/settings.h"

/* A stage by its name, or by its number as --set counts them; -1 with err. */
int stage_find(const struct settings *s, const char *word, struct err *err);
#endif
