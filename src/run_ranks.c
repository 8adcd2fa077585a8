#include "src/run_ranks.h"

#include <unistd.h>

#include "engine/core/tree.h"
#include "engine/dist/ranks.h"
#include "src/cli.h"

int run_ranks_follow(void) {
    char *argv[] = {(char *)"thaw", (char *)"engine", (char *)"--follow", NULL};
    struct err err = {0};
    execv("/proc/self/exe", argv);
    err_errno(&err, "cannot start the engine");
    return cli_fail(&err);
}

static bool refuse(int count, int shards, struct err *err) {
    if (!tree_is_whole(count))
        return err_set(err, ERR_USAGE,
                       "mpirun started %d processes: a batch is shared by 2, 4, 8 ... of them "
                       "(mpirun -n)",
                       count);
    return err_set(err, ERR_USAGE,
                   "mpirun started %d processes, and the config cuts a batch into %d shards: "
                   "start as many at most, or leave shards out (--set shards=%d)",
                   count, shards, count);
}

bool run_ranks_share(struct settings *s, struct err *err) {
    char path[TEXT_MAX_BYTES];
    int count = ranks_started(NULL);
    if (count == 1) return true;
    bool chosen = s->shards == 1;
    if (!tree_is_whole(count) || (!chosen && s->shards < count))
        return refuse(count, s->shards, err);
    if (!chosen) return true;
    s->shards = count;
    if (settings_check(s, path, err)) return true;
    err->code = ERR_USAGE;
    return err_prefix(err, "%s: with a shard for each of %d processes", path, count);
}
