#include "engine/run/prune.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/run/checkpoint_check.h"

void prune_list_deinit(struct prune_list *l) {
    free(l->at);
    *l = (struct prune_list){.at = NULL};
}

/* ---- finding ---- */

/* Whether `path` is there, itself and not what it links to. */
static bool is_there(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool add(struct prune_list *l, enum prune_kind kind, const char *run, const char *path,
                const char *why, struct err *err) {
    if (l->n == l->room) {
        int room = l->room > 0 ? 2 * l->room : 16;
        struct prune_item *grown = realloc(l->at, (size_t)room * sizeof *grown);
        if (!grown) return err_set(err, ERR_NOMEM, "not enough memory to list what can go");
        l->at = grown;
        l->room = room;
    }
    struct prune_item *item = &l->at[l->n++];
    *item = (struct prune_item){.kind = kind, .bytes = folder_bytes(path)};
    snprintf(item->path, sizeof item->path, "%s", path);
    snprintf(item->run, sizeof item->run, "%s", run);
    snprintf(item->why, sizeof item->why, "%s", why);
    return true;
}

static bool begins(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with) {
    size_t n = strlen(s), k = strlen(with);
    return n >= k && strcmp(s + n - k, with) == 0;
}

/* What work that was cut short leaves: each tells why it can go, NULL: it is none. */
static const char *left_beside_runs(const char *name) {
    return begins(name, ".") && ends(name, ".deleted") ? "a run that was not deleted to the end"
                                                       : NULL;
}

static const char *left_in_run(const char *name) {
    static const char written[] = "config.yaml."; /* files_write() adds six characters */
    if (strcmp(name, "base.new") == 0) return "a base that was not saved to the end";
    bool aside = begins(name, written) && strlen(name) == sizeof written - 1 + 6;
    return aside ? "a config that was not written to the end" : NULL;
}

static const char *left_in_checkpoints(const char *name) {
    return begins(name, ".step-") && ends(name, ".new")
               ? "a checkpoint that was not saved to the end"
               : NULL;
}

static bool find_left(const char *folder, const char *run, const char *(*left)(const char *),
                      struct prune_list *out, struct err *err) {
    char path[PATH_MAX];
    bool ok = true;
    DIR *dir = opendir(folder);
    for (struct dirent *e; ok && dir && (e = readdir(dir));) {
        const char *why = left(e->d_name);
        if (why && files_join(path, sizeof path, folder, e->d_name, NULL))
            ok = add(out, PRUNE_LEFTOVER, run, path, why, err);
    }
    if (dir) closedir(dir);
    return ok;
}

static bool reads_as_saved(const char *folder) { return checkpoint_check(folder, NULL, NULL); }

static bool find_checkpoints(const struct run_paths *run, const struct retention *keep,
                             struct prune_list *out, struct err *err) {
    struct checkpoint_fate *fates;
    char folder[PATH_MAX];
    int n;
    bool ok = retention_list(run->checkpoints, keep, reads_as_saved, &fates, &n, err);
    for (int i = 0; ok && i < n; i++) {
        bool goes = !fates[i].stays &&
                    checkpoint_below(run->checkpoints, fates[i].step + 1, folder) >= 0;
        if (goes)
            ok = add(out, PRUNE_CHECKPOINT, run->dir, folder,
                     fates[i].sound ? "beyond what checkpoint.keep asks for"
                                    : "its bytes are not as they were saved",
                     err);
    }
    free(fates);
    return ok;
}

/* An engine that ended by itself has taken its socket along. */
static bool find_dead_engine(const struct run_paths *run, struct prune_list *out,
                             struct err *err) {
    if (!is_there(run->socket)) return true;
    return add(out, PRUNE_LEFTOVER, run->dir, run->socket, "the socket of an engine that died",
               err) &&
           (!is_there(run->lock) || add(out, PRUNE_LEFTOVER, run->dir, run->lock,
                                        "the lock of an engine that died", err));
}

static bool find_in_run(const struct run_info *info, double older_s, prune_keep *keep,
                        void *ctx, struct prune_list *out, struct err *err) {
    struct run_paths run;
    struct retention kept;
    if (!run_paths_of(info->path, &run, err)) return false;
    if (files_is_locked(run.lock, NULL)) return true;
    bool finished = strcmp(info->state, "finished") == 0;
    if (older_s >= 0 && finished && clock_wall() - info->modified > older_s)
        return add(out, PRUNE_RUN, run.dir, run.dir, "finished long enough ago", err);
    return find_left(run.dir, run.dir, left_in_run, out, err) &&
           find_left(run.checkpoints, run.dir, left_in_checkpoints, out, err) &&
           (!keep(ctx, &run, &kept) || find_checkpoints(&run, &kept, out, err)) &&
           find_dead_engine(&run, out, err); /* last: to remove takes the lock */
}

bool prune_find(const char *runs, double older_s, prune_keep *keep, void *ctx,
                struct prune_list *out, struct err *err) {
    struct run_info *all = NULL;
    int n = 0;
    if (!run_list(runs, &all, &n, err)) return false;
    bool ok = find_left(runs, "", left_beside_runs, out, err);
    for (int i = 0; ok && i < n; i++) ok = find_in_run(&all[i], older_s, keep, ctx, out, err);
    free(all);
    return ok;
}

/* ---- removing ---- */

static bool remove_in_run(const struct prune_item *item, struct err *err) {
    struct run_paths run;
    pid_t holder = 0;
    if (!run_paths_of(item->run, &run, err)) return false;
    int lock = files_lock(run.lock, &holder, err);
    if (lock < 0)
        return err_prefix(err, "%s is left as it is: the run goes on (process %ld)", item->path,
                          (long)holder);
    bool ok = files_remove_tree(item->path, err);
    close(lock);
    return ok;
}

bool prune_remove(const char *runs, const struct prune_item *item, struct err *err) {
    if (item->kind == PRUNE_RUN) return run_delete(runs, item->path, err);
    return item->run[0] ? remove_in_run(item, err) : files_remove_tree(item->path, err);
}
