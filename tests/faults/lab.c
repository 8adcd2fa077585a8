#include "tests/faults/lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/files.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* ---- words ---- */

bool lab_fail(struct lab *lab, const char *fmt, ...) {
    enum { SHOWN = 20 };
    va_list args;
    if (++lab->failures > SHOWN) return false;
    printf("FAILED: %s: ", lab->suite);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("%s\n", lab->failures == SHOWN ? " (no more are shown)" : "");
    return false;
}

void lab_progress(struct lab *lab, long done, long of) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %ld/%ld%s", lab->suite, done, of, done >= of ? "\n" : "");
    else if (done * 10 / of != lab->shown)
        fprintf(stderr, "%s %ld/%ld\n", lab->suite, done, of);
    lab->shown = done * 10 / of;
}

int lab_count(const struct lab *lab, int sample, int full) {
    if (lab->cases_asked > 0) return lab->cases_asked;
    return lab->sample ? sample : full;
}

static void give_up(const char *what, const struct err *err) {
    fprintf(stderr, "faults: %s: %s\n", what, err ? err->msg : strerror(errno));
    exit(2);
}

/* ---- runs ---- */

static const char config[] =
    "name: box\nseed: 7\nthreads: 1\nshards: %d\n"
    "optimizer_state: %s\n"
    "model: {family: qwen3, layers: 1, heads: 1, width: %d, context: 16, vocab: 262}\n"
    "stages:\n"
    "  - {name: pretrain, data: [\"text:%s/text\"], steps: %d, batch: %d}\n"
    "  - {name: finetune, data: [\"text:%s/text\"], steps: %d, batch: %d, freeze: [embed]}\n"
    "compare: {prompts: [\"the red\"], every: 1000, tokens: 4}\n"
    "eval: {every: 1000, tokens: 256, sets: {held: \"text:%s/text\"}}\n"
    "checkpoint: {every: %d, keep: %d}\n";

static void write_text(const char *path) {
    static const char *const words[] = {"red",   "cat", "sees", "a",
                                        "small", "old", "bird", "sings"};
    struct rng r = rng_make(3, 0, 0);
    struct buf text = {0};
    struct err err = {0};
    for (int i = 0; i < 300; i++) {
        buf_str(&text, "the");
        for (int w = 0; w < 5; w++) buf_printf(&text, " %s", words[rng_below(&r, 8)]);
        buf_str(&text, "\n");
    }
    if (!files_write(path, text.data, text.len, &err)) give_up("the text", &err);
    buf_deinit(&text);
}

void lab_fresh(struct lab *lab, const char *name, struct lab_run run, int keep,
               struct run_paths *out) {
    char path[PATH_MAX];
    const char *at = lab->scratch;
    struct buf text = {0};
    struct err err = {0};
    if (!files_join(path, sizeof path, at, "text", &err)) give_up("the text", &err);
    if (!files_exists(path)) write_text(path);
    buf_printf(&text, config, run.shards, run.state_shared ? "sharded" : "whole", run.width, at,
               run.first_steps, run.batch, at, run.second_steps, run.batch, at, run.every,
               keep);
    if (!files_join(path, sizeof path, at, name, &err) || !files_remove_tree(path, &err) ||
        !files_make_dirs(path, 0700, &err) || !run_paths_of(path, out, &err) ||
        !files_write(out->config, text.data, text.len, &err))
        give_up("a run's folder", &err);
    buf_deinit(&text);
}

void lab_remove(const struct run_paths *paths) { files_remove_tree(paths->dir, NULL); }

void lab_reference(struct lab *lab, const char *name, struct lab_run run,
                   struct run_paths *out) {
    struct lab_end end;
    lab_fresh(lab, name, run, 1000000, out);
    lab_engine(lab, out, false, NULL, &end);
    if (end.status != 0) {
        fprintf(stderr, "faults: an undisturbed run fails: %s\n", end.said);
        exit(2);
    }
}

/* ---- processes ---- */

static void said_path(const struct lab *lab, pid_t child, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%.*s/said-%ld", PATH_MAX - 32, lab->scratch, (long)child);
}

static void become(const struct lab *lab, const char *const *arguments,
                   const char *const *variables) {
    char *argv[16] = {(char *)"thaw"}, path[PATH_MAX];
    said_path(lab, getpid(), path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600),
        null_fd = open("/dev/null", O_RDONLY);
    for (int i = 0; i < 14 && arguments[i]; i++) argv[i + 1] = (char *)arguments[i];
    for (int i = 0; variables && variables[i]; i++) putenv((char *)variables[i]);
    if (fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
        dup2(fd, STDERR_FILENO) >= 0)
        execv(lab->thaw, argv);
    _exit(126);
}

pid_t lab_start(struct lab *lab, const char *const *arguments, const char *const *variables) {
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) give_up("fork", NULL);
    if (child == 0) become(lab, arguments, variables);
    return child;
}

void lab_wait(struct lab *lab, pid_t child, struct lab_end *out) {
    char path[PATH_MAX];
    int status;
    struct buf said = {0};
    *out = (struct lab_end){.status = -1};
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) give_up("waitpid", NULL);
    if (WIFEXITED(status)) out->status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) out->signal = WTERMSIG(status);
    said_path(lab, child, path);
    files_read(path, FILE_BYTES_MAX, &said, NULL);
    snprintf(out->said, sizeof out->said, "%s", buf_text(&said));
    buf_deinit(&said);
    unlink(path);
}

void lab_engine(struct lab *lab, const struct run_paths *paths, bool resume,
                const char *const *variables, struct lab_end *out) {
    const char *const arguments[] = {"engine", paths->dir, resume ? "--resume" : NULL, NULL};
    lab_wait(lab, lab_start(lab, arguments, variables), out);
}

/* ---- logs ---- */

static void note(struct lab_log *log, const struct event *e) {
    log->events++;
    if (e->type == EVENT_STEP) log->last_step = e->step;
    if (e->type == EVENT_CHECKPOINT) log->told = e->step, log->saves++;
    if (e->type == EVENT_END) snprintf(log->end, sizeof log->end, "%s", e->end.reason);
    if (e->type == EVENT_RUN) log->end[0] = '\0';
    if (e->type != EVENT_PROBLEM) return;
    log->problems++;
    snprintf(log->problem, sizeof log->problem, "%s", e->problem.text);
}

bool lab_read_log(const struct run_paths *paths, struct lab_log *out, const char **why) {
    struct buf text = {0};
    struct event e;
    bool ok = true;
    *out = (struct lab_log){.last_step = -1, .told = -1};
    if (!files_exists(paths->events)) return true;
    *why = "the log cannot be read";
    if (!files_read(paths->events, FILE_BYTES_MAX, &text, NULL)) return false;
    const char *at = buf_text(&text), *end = at + text.len;
    for (const char *newline; (newline = memchr(at, '\n', (size_t)(end - at)));
         at = newline + 1) {
        if (newline == at) continue; /* ends what a full disk has cut short */
        if (!event_parse(at, (size_t)(newline - at) + 1, &e, NULL)) {
            if (ok) *why = "a line of the log is no event";
            ok = false;
            continue;
        }
        note(out, &e);
        if (ok && e.seq != out->events) *why = "the log's numbers have a gap";
        ok = ok && e.seq == out->events;
        event_deinit(&e);
    }
    out->torn_bytes = end - at;
    buf_deinit(&text);
    return ok;
}

/* ---- checkpoints ---- */

/* A checkpoint's file, less the seconds that it took, which no two runs share. */
static bool read_file(const char *folder, const char *name, struct buf *out) {
    char path[PATH_MAX];
    if (!files_join(path, sizeof path, folder, name, NULL) ||
        !files_read(path, FILE_BYTES_MAX, out, NULL))
        return false;
    char *line = strcmp(name, "trainer.json") == 0 ? strstr(out->data, "\"seconds\"") : NULL;
    char *end = line ? strchr(line, '\n') : NULL;
    if (!end) return true;
    memmove(line, end, strlen(end) + 1);
    out->len -= (size_t)(end - line);
    return true;
}

static bool same_file(const char *a, const char *b, const char *name) {
    struct buf x = {0}, y = {0};
    bool same = read_file(a, name, &x) && read_file(b, name, &y) && x.len == y.len &&
                memcmp(buf_text(&x), buf_text(&y), x.len) == 0;
    buf_deinit(&x);
    buf_deinit(&y);
    return same;
}

static bool step_folder(const struct run_paths *paths, int64_t step, char out[PATH_MAX]) {
    char name[32];
    snprintf(name, sizeof name, "step-%lld", (long long)step);
    return files_join(out, PATH_MAX, paths->checkpoints, name, NULL);
}

bool lab_same_checkpoint(const struct run_paths *paths, const struct run_paths *reference,
                         int64_t step) {
    static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json",
                                        "optimizer.safetensors", "trainer.json"};
    char a[PATH_MAX], b[PATH_MAX];
    bool same = step_folder(paths, step, a) && step_folder(reference, step, b);
    for (size_t i = 0; same && i < sizeof names / sizeof *names; i++)
        same = same_file(a, b, names[i]);
    return same;
}

bool lab_checkpoints(const struct run_paths *paths, const struct run_paths *reference,
                     int64_t told, char why[200]) {
    char path[PATH_MAX];
    int64_t newest = -1;
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(paths->checkpoints, step, path)) >= 0;) {
        if (!checkpoint_is_whole(path)) continue; /* a resume skips it */
        if (newest < 0) newest = step;
        snprintf(why, 200, "step-%lld is torn", (long long)step);
        if (!lab_same_checkpoint(paths, reference, step)) return false;
    }
    snprintf(why, 200, "step %lld was told as saved, the newest is %lld", (long long)told,
             (long long)newest);
    return newest >= told;
}

bool lab_intact(struct lab *lab, const struct run_paths *paths,
                const struct run_paths *reference, int64_t told, const char *what) {
    struct lab_log log;
    char wrong[200];
    const char *why = "";
    if (!lab_read_log(paths, &log, &why)) return lab_fail(lab, "%s: %s", what, why);
    if (log.told > told) told = log.told;
    return lab_checkpoints(paths, reference, told, wrong) ||
           lab_fail(lab, "%s: %s", what, wrong);
}

/* ---- ends ---- */

static bool is_one_of(const char *name, const char *const *names) {
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

/* Nothing is left behind in a run's folder, nor beside its checkpoints. Not strict: an old
 * checkpoint that was being removed, which the next save takes away, and the socket, as the
 * next engine does. */
static bool swept(struct lab *lab, const struct run_paths *paths, bool strict,
                  const char *what) {
    static const char *const run[] = {
        ".", "..", "base", "checkpoints", "config.yaml", "engine.lock", "events.jsonl", NULL};
    bool clean = true;
    DIR *dir = opendir(paths->dir);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (!is_one_of(e->d_name, run) && (strict || strcmp(e->d_name, "control.sock") != 0))
            clean = lab_fail(lab, "%s: %s is left", what, e->d_name);
    if (dir) closedir(dir);
    dir = opendir(paths->checkpoints);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (strncmp(e->d_name, "step-", 5) != 0 ||
            !files_join(path, sizeof path, paths->checkpoints, e->d_name, NULL) ||
            (strict && !checkpoint_is_whole(path)))
            clean = lab_fail(lab, "%s: checkpoints/%s is left", what, e->d_name);
    }
    if (dir) closedir(dir);
    return clean;
}

bool lab_finished(struct lab *lab, const struct run_paths *paths,
                  const struct run_paths *reference, bool strict, const char *what) {
    char last[PATH_MAX], wrong[200];
    struct lab_log log;
    const char *why = "";
    bool whole = lab_read_log(paths, &log, &why);
    int64_t step = checkpoint_newest(reference->checkpoints, last, NULL, 0);
    if (!lab_checkpoints(paths, reference, step, wrong))
        return lab_fail(lab, "%s: %s", what, wrong);
    if (strict && !whole) return lab_fail(lab, "%s: %s", what, why);
    if (log.torn_bytes > 0) return lab_fail(lab, "%s: the log's last line is torn", what);
    if (strcmp(log.end, "finished") != 0)
        return lab_fail(lab, "%s: the log ends with \"%s\"", what, log.end);
    return swept(lab, paths, strict, what);
}

bool lab_recovers(struct lab *lab, const struct run_paths *paths,
                  const struct run_paths *reference, bool strict, const char *what) {
    struct lab_end end;
    lab_engine(lab, paths, true, NULL, &end);
    if (end.status != 0 || end.said[0])
        return lab_fail(lab, "%s: resumed, it ends with status %d, signal %d: %s", what,
                        end.status, end.signal, end.said);
    return lab_finished(lab, paths, reference, strict, what);
}

bool lab_one_sentence(const char *said) {
    size_t n = strlen(said);
    return n > 20 && strncmp(said, "thaw: ", 6) == 0 && strchr(said, '\n') == said + n - 1;
}
