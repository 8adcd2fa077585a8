/* prune.h - what can be cleared away in a folder of runs: what interrupted work has left, checkpoints
 * beyond what is kept, runs that finished long ago. First a list, then the doing. */
#ifndef THAW_ENGINE_RUN_PRUNE_H
#define THAW_ENGINE_RUN_PRUNE_H
#include "engine/run/retention.h"
#include "engine/run/run_dir.h"

enum prune_kind { PRUNE_LEFTOVER, PRUNE_CHECKPOINT, PRUNE_RUN };

struct prune_item {
    enum prune_kind kind;
    char path[PATH_MAX];
    char run[PATH_MAX]; /* the run's folder that it is in; "" for what lies beside the runs */
    char why[96];
    uint64_t bytes;
};

struct prune_list {
    struct prune_item *at;
    int n, room;
};
void prune_list_deinit(struct prune_list *l);

/* What checkpoint.keep of a run says; false where its config cannot be read: no checkpoint of it goes. */
typedef bool prune_keep(void *ctx, const struct run_paths *run, struct retention *out);

/* Append all that can go below `runs`. older_s: finished runs whose last event is older, in seconds; below
 * 0: none. A run with a living engine is left alone, and so is the newest checkpoint whose bytes are as
 * they were saved: all of them are read. */
bool prune_find(const char *runs, double older_s, prune_keep *keep, void *ctx,
                struct prune_list *out, struct err *err);

/* Remove one of them. The run's lock is held meanwhile: ERR_RANGE when an engine has begun since. */
bool prune_remove(const char *runs, const struct prune_item *item, struct err *err);
#endif
