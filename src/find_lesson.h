/* find_lesson.h - LESSON on the command line: the name of one in assets/lessons/, or a file. */
#ifndef THAW_SRC_FIND_LESSON_H
#define THAW_SRC_FIND_LESSON_H
#include <limits.h>

#include "engine/core/err.h"

/* The folders that are searched: 0 is ./assets/lessons, 1 the one that came with thaw. False after the last. */
bool lesson_folder(int i, char out[PATH_MAX]);
/* The file for NAME: itself where it holds a slash, else NAME.yaml in the folders. ERR_USAGE names what there is
 * that is spelled like it. */
bool lesson_find(const char *name, char out[PATH_MAX], struct err *err);

struct lesson_item {
    char name[NAME_MAX + 1], path[PATH_MAX], title[480 /* or a whole message */];
    int minutes;   /* 0: its file is not sound, and the title says why */
    int mechanism; /* as in struct lesson */
};
/* All there are: those about examples, the shortest first, then those about the mechanism by their place; of two with one name the one that lesson_find() takes. *out is freed by the
 * caller. */
bool lesson_list(struct lesson_item **out, int *n, struct err *err);
#endif
