/* find_config.h - CONFIG on the command line: a file, or the name of one in configs/. */
#ifndef THAW_SRC_FIND_CONFIG_H
#define THAW_SRC_FIND_CONFIG_H
#include <limits.h>

#include "engine/core/err.h"

/* The folders that are searched: 0 is ./configs, 1 the one that came with thaw. False after the last. */
bool config_folder(int i, char out[PATH_MAX]);

/* The file for `config`: itself when it exists, else configs/CONFIG or configs/CONFIG.yaml. */
bool config_find(const char *config, char out[PATH_MAX], struct err *err);

struct config_item {
    char name[NAME_MAX + 1], path[PATH_MAX];
    char about[128]; /* its first line when that is a comment, without "NAME:"; else "" */
};
/* All that `thaw run NAME` finds in the folders, by name; of two with one name the one it takes. *out is
 * freed by the caller. */
bool config_list(struct config_item **out, int *n, struct err *err);
#endif
