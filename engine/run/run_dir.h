/* run_dir.h - where runs live and what is in a run's folder (design: "A run's folder"). */
#ifndef THAW_ENGINE_RUN_RUN_DIR_H
#define THAW_ENGINE_RUN_RUN_DIR_H
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

struct run_paths {
    char dir[PATH_MAX], config[PATH_MAX], events[PATH_MAX], socket[PATH_MAX], lock[PATH_MAX],
        base[PATH_MAX], checkpoints[PATH_MAX];
};

/* `given` (NULL: none; ERR_USAGE when it is empty or a file), or $XDG_STATE_HOME/thaw/runs, or ~/.local/state/thaw/runs; not created. */
bool runs_dir(const char *given, char out[PATH_MAX], struct err *err);
bool run_paths_of(const char *run_dir, struct run_paths *out, struct err *err);

/* Create DIR/name with mode 0700 (name "": refused; taken: name-2, name-3 ...). *out: its paths. */
bool run_dir_create(const char *runs, const char *name, struct run_paths *out, struct err *err);
/* Let a group read the new run in `dir`, and follow it (`thaw watch`): folders 2750, files 0640 as they come.
 * Its socket and lock stay the owner's. ERR_USAGE when there is no such group. `closed` (PATH_MAX) gets the
 * first folder on the way that keeps the group out; "": none. */
bool run_share(const char *dir, const char *group, char *closed, struct err *err);
/* RUN is a folder that holds events.jsonl or config.yaml, or a name below `runs`. ERR_USAGE when
 * there is none, ERR_IO when it may not be looked at. */
bool run_dir_find(const char *runs, const char *run, struct run_paths *out, struct err *err);
/* What to type for the run: its name, or its folder when it is not where runs usually live. */
void run_dir_word(const struct run_paths *run, char out[PATH_MAX]);
/* Whether a name is fit for a folder: 1 to 63 of letters, digits, . _ -, not starting with . or -. */
bool run_name_ok(const char *name, struct err *err);

/* One line of `thaw runs`. */
struct run_info {
    char name[256], path[PATH_MAX];
    char state[16]; /* running, paused, finished, stopped, failed, dead; "new" before the first event */
    char stage[64];
    int64_t step;
    double loss;     /* NaN: none yet */
    double modified; /* wall clock of the last event */
    pid_t pid;       /* of a living engine, else 0 */
};
/* Whether its log tells the end: finished, stopped or failed. */
bool run_has_ended(const struct run_info *r);
/* Read what the end of the log and the lock tell. */
bool run_info_read(const char *run_dir, struct run_info *out, struct err *err);
/* All runs below `runs`, newest first; *out is freed by the caller. A missing folder: none. */
bool run_list(const char *runs, struct run_info **out, int *n, struct err *err);
/* The same with name, path and modified alone, whatever the logs' length; run_info_read() tells the rest. */
bool run_list_quick(const char *runs, struct run_info **out, int *n, struct err *err);

/* The names of the other runs in its folder whose engines live: "a, b"; nothing is added when there
 * are none. */
void run_living_beside(const struct run_paths *run, struct buf *out);

/* What goes with a run. */
struct run_contents {
    int checkpoints;
    uint64_t bytes; /* of all its files */
};
void run_contents_read(const char *run_dir, struct run_contents *out);
/* Bytes of the files in a folder and below it, or of a file itself; links are not followed. */
uint64_t folder_bytes(const char *path);
/* Delete the run in the folder `run_dir`, an absolute path, and all it holds. ERR_RANGE, and nothing is
 * touched, unless it is a folder (no link to one) directly in `runs` that is a run, and no engine holds
 * its lock. Links inside are removed, not followed. */
bool run_delete(const char *runs, const char *run_dir, struct err *err);

/* The folder of the newest checkpoint below step `limit`, whole or not; its step, or -1: none. */
int64_t checkpoint_below(const char *checkpoints, int64_t limit, char out[PATH_MAX]);
/* Whether nothing is missing in a checkpoint's folder: trainer.json parses and tells the sizes of the other
 * four files. */
bool checkpoint_is_whole(const char *folder);
/* Newest checkpoint folder under `checkpoints` whose trainer.json parses; its step, or -1 when there
 * is none. Those skipped because they are not whole are named in `skipped` (may be NULL, sized). */
int64_t checkpoint_newest(const char *checkpoints, char out[PATH_MAX], char *skipped, size_t size);
#endif
