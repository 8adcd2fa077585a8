#include "engine/run/run_dir.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/files.h"

enum { NAME_LONGEST = 63, COPIES_MAX = 9999 };

/* --- where runs live */

static bool given_dir(const char *given, char out[PATH_MAX], struct err *err) {
    if (!*given) return err_set(err, ERR_USAGE, "--runs-dir needs a folder, not \"\"");
    if (files_exists(given) && !files_is_dir(given))
        return err_set(err, ERR_USAGE, "%s is a file: --runs-dir needs a folder", given);
    return files_join(out, PATH_MAX, "", given, err);
}

bool runs_dir(const char *given, char out[PATH_MAX], struct err *err) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given) return given_dir(given, out, err);
    if (state && *state == '/') return files_join(out, PATH_MAX, state, "thaw/runs", err);
    if (!home || *home != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (!home || *home != '/')
        return err_set(err, ERR_IO, "no home folder is known: set HOME or give --runs-dir");
    return files_join(out, PATH_MAX, home, ".local/state/thaw/runs", err);
}

/* `dir` as a path that holds wherever the program goes. */
static bool absolute(const char *dir, char out[PATH_MAX], struct err *err) {
    char here[PATH_MAX];
    if (realpath(dir, out)) return true;
    if (errno != ENOENT) return err_errno(err, "cannot use the folder %s", dir);
    if (!getcwd(here, sizeof here)) return err_errno(err, "cannot find the working folder");
    return files_join(out, PATH_MAX, here, dir, err);
}

bool run_paths_of(const char *run_dir, struct run_paths *out, struct err *err) {
    return absolute(run_dir, out->dir, err) &&
           files_join(out->config, PATH_MAX, out->dir, "config.yaml", err) &&
           files_join(out->events, PATH_MAX, out->dir, "events.jsonl", err) &&
           files_join(out->socket, PATH_MAX, out->dir, "control.sock", err) &&
           files_join(out->lock, PATH_MAX, out->dir, "engine.lock", err) &&
           files_join(out->base, PATH_MAX, out->dir, "base", err) &&
           files_join(out->checkpoints, PATH_MAX, out->dir, "checkpoints", err);
}

bool run_name_ok(const char *name, struct err *err) {
    static const char fit[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    if (n >= 1 && n <= NAME_LONGEST && strspn(name, fit) == n && *name != '.' && *name != '-')
        return true;
    return err_set(
        err, ERR_RANGE,
        "\"%s\" is no name for a run: take 1 to %d letters, digits, . _ or -, the first "
        "a letter, digit or _",
        name, NAME_LONGEST);
}

/* --- making and finding one */

bool run_dir_create(const char *runs, const char *name, struct run_paths *out,
                    struct err *err) {
    if (!run_name_ok(name, err) || !files_make_dirs(runs, 0700, err)) return false;
    for (int copy = 1; copy <= COPIES_MAX; copy++) {
        char folder[NAME_LONGEST + 1], suffix[16] = "", dir[PATH_MAX];
        if (copy > 1) snprintf(suffix, sizeof suffix, "-%d", copy);
        int room = NAME_LONGEST - (int)strlen(suffix);
        snprintf(folder, sizeof folder, "%.*s%s", room, name, suffix);
        if (!files_join(dir, sizeof dir, runs, folder, err)) return false;
        if (mkdir(dir, 0700) != 0) {
            if (errno == EEXIST) continue;
            return err_errno(err, "cannot create the run's folder %s", dir);
        }
        if (chmod(dir, 0700) != 0) return err_errno(err, "cannot protect the folder %s", dir);
        if (!files_sync_dir(runs, err)) return false; /* the run's name outlives a power loss */
        return run_paths_of(dir, out, err);
    }
    return err_set(err, ERR_RANGE, "%s has %d runs called %s: choose another name", runs,
                   COPIES_MAX, name);
}

static bool holds(const char *dir, const char *file) {
    char path[PATH_MAX];
    return files_join(path, sizeof path, dir, file, NULL) && files_exists(path);
}

static bool is_run(const char *dir) {
    return files_is_dir(dir) && (holds(dir, "events.jsonl") || holds(dir, "config.yaml"));
}

/* Whether nothing can be known of a run's folder; errno tells why. */
static bool forbidden(const char *dir) {
    char path[PATH_MAX];
    return files_join(path, sizeof path, dir, "events.jsonl", NULL) &&
           access(path, F_OK) != 0 && errno == EACCES;
}

bool run_dir_find(const char *runs, const char *run, struct run_paths *out, struct err *err) {
    char below[PATH_MAX] = "";
    if (*run && is_run(run)) return run_paths_of(run, out, err);
    if (run_name_ok(run, NULL) && files_join(below, sizeof below, runs, run, NULL) &&
        is_run(below))
        return run_paths_of(below, out, err);
    if (forbidden(run)) return err_errno(err, "cannot look into the folder %s", run);
    if (*below && forbidden(below))
        return err_errno(err, "cannot look into the folder %s", below);
    return err_set(err, ERR_USAGE, "there is no run \"%s\" in %s; `thaw runs` lists them", run,
                   runs);
}

void run_dir_word(const struct run_paths *run, char out[PATH_MAX]) {
    char runs[PATH_MAX];
    struct run_paths usual;
    const char *slash = strrchr(run->dir, '/');
    const char *name = slash && slash[1] ? slash + 1 : run->dir;
    bool found = runs_dir(NULL, runs, NULL) && run_dir_find(runs, name, &usual, NULL);
    bool here = found && strcmp(usual.dir, run->dir) == 0;
    snprintf(out, PATH_MAX, "%s", here ? name : run->dir);
}
