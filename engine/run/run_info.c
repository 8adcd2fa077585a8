/* run_info.c - what the folders tell about runs and checkpoints without opening a model. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/run/event.h"
#include "engine/run/number.h"
#include "engine/run/run_dir.h"

enum {
    PIECE_BYTES = 1 << 18,    /* of a log, read at a time */
    HEAD_BYTES = 160,         /* of a line, in which its type stands */
    TRAINER_BYTES = 16 << 20, /* of trainer.json at most */
    FIRST_ROOM = 16           /* of a list of runs */
};

/* --- the end of a log */

/* Append file[from, to) to `out`. */
static bool read_range(int fd, off_t from, off_t to, struct buf *out) {
    char chunk[1 << 14];
    while (from < to) {
        size_t want = (size_t)(to - from) < sizeof chunk ? (size_t)(to - from) : sizeof chunk;
        ssize_t got = pread(fd, chunk, want, from);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0; /* cut off meanwhile: what is there is what there is */
        if (!buf_add(out, chunk, (size_t)got)) return false;
        from += got;
    }
    return true;
}

/* What was found so far, going backwards. */
struct tail {
    bool any, end_known, ended, paused, pause_known, stage_known, loss_known;
    int64_t step;
    double loss;
    char stage[64], reason[16];
};

/* What is asked of a run that has ended comes behind its end, which holds. */
static void note_end(struct tail *f, const struct event *e) {
    if (f->end_known || e->type == EVENT_SAMPLE) return;
    f->end_known = true;
    f->ended = e->type == EVENT_END;
    if (f->ended) snprintf(f->reason, sizeof f->reason, "%s", e->end.reason);
}

static void note(struct tail *f, const struct event *e) {
    if (!f->any) f->step = e->step;
    f->any = true;
    note_end(f, e);
    if (e->type == EVENT_STEP && !f->loss_known) {
        f->loss = e->stp.loss;
        f->loss_known = true;
    }
    if (e->type == EVENT_STAGE && !f->stage_known) {
        snprintf(f->stage, sizeof f->stage, "%s", e->stage.name);
        f->stage_known = true;
    }
    if (f->pause_known) return;
    const char *verb = e->type == EVENT_CONTROL ? e->control.verb : "";
    bool pause = strcmp(verb, "pause") == 0 || strcmp(verb, "single-step") == 0;
    bool resume = strcmp(verb, "resume") == 0 || strcmp(verb, "next-stage") == 0;
    bool started = e->type == EVENT_RUN; /* an engine starts unpaused */
    f->paused = pause;
    f->pause_known = pause || resume || started;
}

/* Whether the line can tell something new; saves parsing most of them. */
static bool promising(const struct tail *f, const char *line, size_t n) {
    size_t head = n < HEAD_BYTES ? n : HEAD_BYTES;
    if (!f->end_known) return true;
    if (memmem(line, head, "\"type\":\"step\"", 13)) return !f->loss_known;
    if (memmem(line, head, "\"type\":\"stage\"", 14)) return !f->stage_known;
    return !f->pause_known && (memmem(line, head, "\"type\":\"control\"", 16) ||
                               memmem(line, head, "\"type\":\"run\"", 12));
}

static void walk_back(struct tail *f, const char *text, size_t n) {
    while (n > 0) {
        const char *newline = n > 1 ? memrchr(text, '\n', n - 1) : NULL;
        size_t start = newline ? (size_t)(newline - text) + 1 : 0;
        struct event e;
        bool whole = text[n - 1] == '\n';
        if (whole && promising(f, text + start, n - start) &&
            event_parse(text + start, n - start, &e, NULL)) {
            note(f, &e);
            event_deinit(&e);
        }
        n = start;
    }
}

static bool knows_all(const struct tail *f) {
    return f->end_known && f->stage_known && f->loss_known;
}

/* The last lines, and piece by piece those before, until a stage and a loss were met. A piece
 * begins with a whole line; one line that is longer than a piece makes the piece larger. */
static bool read_back(int fd, off_t size, struct tail *f) {
    struct buf text = {0};
    off_t piece = PIECE_BYTES;
    bool ok = true;
    for (off_t end = size; ok && end > 0 && !knows_all(f);) {
        off_t from = piece < end ? end - piece : 0;
        text.len = 0;
        ok = read_range(fd, from, end, &text);
        const char *begin = buf_text(&text), *newline = memchr(begin, '\n', text.len);
        const char *first = from == 0 ? begin : newline ? newline + 1 : begin + text.len;
        size_t half = (size_t)(first - begin);
        walk_back(f, first, text.len - half);
        if (first == begin + text.len && from > 0) piece *= 2;
        else end = from == 0 ? 0 : from + (off_t)half;
    }
    buf_deinit(&text);
    return ok;
}

/* --- one run */

/* How a run can end, in event_end.reason and run_info.state. */
static bool is_end(const char *word) {
    static const char *const ends[] = {"finished", "stopped", "failed"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(word, ends[i]) == 0) return true;
    return false;
}

static void describe(const struct tail *f, bool living, struct run_info *out) {
    const char *state = "dead";
    if (!f->any) state = "new";
    else if (f->ended)
        state = is_end(f->reason) ? f->reason : "stopped"; /* a log from elsewhere */
    else if (living) state = f->paused ? "paused" : "running";
    snprintf(out->state, sizeof out->state, "%s", state);
    snprintf(out->stage, sizeof out->stage, "%s", f->stage);
    out->step = f->step;
    out->loss = f->loss;
}

bool run_has_ended(const struct run_info *r) { return is_end(r->state); }

static double seconds_of(const struct timespec *t) {
    return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

bool run_info_read(const char *run_dir, struct run_info *out, struct err *err) {
    *out = (struct run_info){.loss = (double)NAN};
    struct run_paths paths;
    struct tail tail = {.loss = (double)NAN};
    struct stat st;
    if (!run_paths_of(run_dir, &paths, err)) return false;
    snprintf(out->path, sizeof out->path, "%s", paths.dir);
    const char *slash = strrchr(paths.dir, '/');
    snprintf(out->name, sizeof out->name, "%.255s", slash ? slash + 1 : paths.dir);
    bool living = files_is_locked(paths.lock, &out->pid);
    if (!living) out->pid = 0;
    int fd = open(paths.events, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT) return err_errno(err, "cannot read %s", paths.events);
    bool ok = fd < 0 || (fstat(fd, &st) == 0 && read_back(fd, st.st_size, &tail));
    if (!ok) err_errno(err, "cannot read %s", paths.events);
    if (fd >= 0) close(fd);
    else if (stat(paths.dir, &st) != 0) return err_errno(err, "cannot read %s", paths.dir);
    if (!ok) return false;
    out->modified = seconds_of(&st.st_mtim);
    describe(&tail, living, out);
    return true;
}

/* --- all runs */

static int newest_first(const void *a, const void *b) {
    const struct run_info *x = a, *y = b;
    if (x->modified != y->modified) return x->modified < y->modified ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Name, path and time of the newest event, without a look into the log. */
static bool read_quick(const struct run_paths *paths, struct run_info *out) {
    struct stat st;
    *out = (struct run_info){.loss = (double)NAN};
    snprintf(out->path, sizeof out->path, "%s", paths->dir);
    snprintf(out->name, sizeof out->name, "%.255s", strrchr(paths->dir, '/') + 1);
    if (stat(paths->events, &st) != 0 && stat(paths->dir, &st) != 0) return false;
    out->modified = seconds_of(&st.st_mtim);
    return true;
}

struct run_array {
    struct run_info *at;
    int n, room;
};

/* Append the run in runs/name, when there is one that can be read. */
static bool add_run(const char *runs, const char *name, bool quick, struct run_array *list) {
    struct run_paths paths;
    if (!run_name_ok(name, NULL) || !files_is_dir(runs)) return true;
    char dir[PATH_MAX];
    if (!files_join(dir, sizeof dir, runs, name, NULL)) return true;
    if (!files_is_dir(dir) || !run_paths_of(dir, &paths, NULL)) return true;
    if (!files_exists(paths.events) && !files_exists(paths.config)) return true;
    if (list->n == list->room) {
        int room = list->room > 0 ? 2 * list->room : FIRST_ROOM;
        struct run_info *grown = realloc(list->at, (size_t)room * sizeof *grown);
        if (!grown) return false;
        list->at = grown;
        list->room = room;
    }
    struct run_info *last = &list->at[list->n];
    if (quick ? read_quick(&paths, last) : run_info_read(dir, last, NULL)) list->n++;
    return true;
}

static bool list_all(const char *runs, bool quick, struct run_info **out, int *n,
                     struct err *err) {
    struct run_array list = {.at = NULL};
    *out = NULL;
    *n = 0;
    DIR *folder = opendir(runs);
    if (!folder && errno == ENOENT) return true;
    if (!folder) return err_errno(err, "cannot read the folder %s", runs);
    bool ok = true;
    for (struct dirent *d; ok && (d = readdir(folder));)
        ok = add_run(runs, d->d_name, quick, &list);
    closedir(folder);
    if (!ok) {
        free(list.at);
        return err_set(err, ERR_NOMEM, "not enough memory to list the runs");
    }
    if (list.n > 1) qsort(list.at, (size_t)list.n, sizeof *list.at, newest_first);
    *out = list.at;
    *n = list.n;
    return true;
}

bool run_list(const char *runs, struct run_info **out, int *n, struct err *err) {
    return list_all(runs, false, out, n, err);
}

bool run_list_quick(const char *runs, struct run_info **out, int *n, struct err *err) {
    return list_all(runs, true, out, n, err);
}

void run_living_beside(const struct run_paths *run, struct buf *out) {
    struct run_info *runs = NULL;
    char folder[PATH_MAX], lock[PATH_MAX];
    size_t before = out->len;
    int n = 0;
    snprintf(folder, sizeof folder, "%s", run->dir);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) return;
    *slash = '\0';
    if (!run_list_quick(folder, &runs, &n, NULL)) return;
    for (int i = 0; i < n; i++) {
        bool other = strcmp(runs[i].name, slash + 1) != 0;
        if (other && files_join(lock, sizeof lock, runs[i].path, "engine.lock", NULL) &&
            files_is_locked(lock, NULL))
            buf_printf(out, "%s%s", out->len > before ? ", " : "", runs[i].name);
    }
    free(runs);
}

/* --- checkpoints */

static bool file_has(const char *dir, const char *name, const struct json *files) {
    char path[PATH_MAX];
    struct stat st;
    if (!files_join(path, sizeof path, dir, name, NULL)) return false;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) return false;
    return st.st_size == json_int(json_get(files, name), st.st_size);
}

bool checkpoint_is_whole(const char *dir) {
    static const char *const names[] = {"model.safetensors", "optimizer.safetensors",
                                        "config.json", "tokenizer.json"};
    char path[PATH_MAX];
    struct buf text = {0};
    struct json *trainer = NULL;
    if (files_join(path, sizeof path, dir, "trainer.json", NULL) &&
        files_read(path, TRAINER_BYTES, &text, NULL))
        trainer = json_parse(buf_text(&text), text.len, NULL);
    const struct json *files = json_get(trainer, "files");
    bool ok = json_kind(trainer) == JSON_KIND_OBJECT;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++)
        ok = file_has(dir, names[i], files);
    json_destroy(trainer);
    buf_deinit(&text);
    return ok;
}

/* The N of "step-N", or -1. */
static int64_t step_of(const char *name) {
    int64_t step;
    bool named = strncmp(name, "step-", 5) == 0 && number_parse_whole(name + 5, &step);
    return named && step >= 0 ? step : -1;
}

int64_t checkpoint_below(const char *checkpoints, int64_t limit, char out[PATH_MAX]) {
    int64_t best = -1;
    DIR *folder = opendir(checkpoints);
    if (!folder) return -1;
    for (struct dirent *d; (d = readdir(folder));) {
        int64_t step = step_of(d->d_name);
        if (step > best && step < limit &&
            files_join(out, PATH_MAX, checkpoints, d->d_name, NULL))
            best = step;
    }
    closedir(folder);
    return best;
}

int64_t checkpoint_newest(const char *checkpoints, char out[PATH_MAX], char *skipped,
                          size_t size) {
    if (skipped && size > 0) *skipped = '\0';
    for (int64_t step = INT64_MAX; (step = checkpoint_below(checkpoints, step, out)) >= 0;) {
        if (checkpoint_is_whole(out)) return step;
        if (!skipped) continue;
        size_t used = strlen(skipped);
        snprintf(skipped + used, size - used, "%s%s", used > 0 ? ", " : "",
                 strrchr(out, '/') + 1);
    }
    return -1;
}
