/* lesson_state.h - where one is in a lesson as a word to pass on, which `thaw lesson WORD` takes: the lesson, the step
 * from 1 on, the seed, and what was set beside what the lesson itself sets. "cricket:3:seed1337:stages.1.steps=50".
 * Where each viewer is is kept beside the settings (prefs.h), in lessons.json: {"RUN'S FOLDER": STEP, ...}. */
#ifndef THAW_UI_LESSON_STATE_H
#define THAW_UI_LESSON_STATE_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"
#include "ui/lesson.h"

struct lesson_state {
    char name[LESSON_NAME];
    int step; /* from 0 */
    bool seeded;
    uint64_t seed;
    char sets[LESSON_SETS][LESSON_SET]; /* "KEY=VALUE" */
    int n_sets;
};

/* Append the word. Bytes of a name or value that could be taken for something else stand as %XX. */
void lesson_state_write(const struct lesson_state *s, struct buf *out);
/* Read it back; all behind the name may be missing. ERR_USAGE says which part is wrong. */
bool lesson_state_parse(const char *word, struct lesson_state *out, struct err *err);

/* The step (from 0) that was kept for the run in `run_dir`, an absolute path; -1: none. */
int lesson_kept(const char *path, const char *run_dir);
/* Keep it; runs that are not there any more are forgotten. Makes the file, 0600, and its folder. */
bool lesson_keep(const char *path, const char *run_dir, int step, struct err *err);
#endif
