/* run_lesson.h - a lesson in a run's folder, for everyone who looks at the run: lesson.yaml is a copy of its file,
 * lesson.state the word (ui/lesson_state.h) that the run was started with. */
#ifndef THAW_SRC_RUN_LESSON_H
#define THAW_SRC_RUN_LESSON_H
#include <limits.h>

#include "engine/run/run_dir.h"
#include "src/cli.h"
#include "ui/lesson_state.h"

enum { RUN_LESSON_GROUP = 64 };

struct run_lesson {
    char path[PATH_MAX]; /* of its file */
    struct lesson lesson;
    struct lesson_state state;
    char seed[32]; /* "seed=N" of the word that it was opened by; "": it has none */
};

/* The lesson that WORD names: a state, be it the name alone, or its file. What the lesson sets, and then what the word
 * sets, comes in front of *changes, which may be NULL; they point into the lesson. NULL with err. Owner: the caller,
 * free(). */
struct run_lesson *run_lesson_open(const char *word, struct cli_texts *changes, struct err *err);
/* Put it into the folder of a new run with this seed. */
bool run_lesson_put(const struct run_lesson *l, uint64_t seed, const struct run_paths *run, struct err *err);
/* The lesson beside a run. NULL: there is none, or it is not sound (then err says why). Owner: the caller, free(). */
struct run_lesson *run_lesson_get(const struct run_paths *run, struct err *err);

/* The user's own group, which a class is shared with where none is named; false: it has no name. */
bool run_lesson_group(char out[RUN_LESSON_GROUP]);
/* Print what a class types to watch the run, and its teacher; group NULL: it is not shared, `l` NULL: no lesson. */
void run_lesson_say_class(const struct run_paths *run, const char *group, const struct run_lesson *l);
#endif
