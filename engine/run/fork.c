/* fork.c - a second run that begins where this one stands. Its folder is made here, between two
 * steps; its engine is started by whoever asked, as a process that computes must not fork. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/run/trainer.h"

enum { CONFIG_BYTES_MAX = 1 << 20, CHUNK_BYTES = 1 << 16, NAME_LONGEST = NAME_MAX_BYTES - 1 };

/* ---- its name ---- */

/* The folder's last part. */
static const char *name_of(const struct run_paths *p) {
    const char *slash = strrchr(p->dir, '/');
    return slash && slash[1] ? slash + 1 : p->dir;
}

/* "medical-fork" of medical, and of medical-fork and medical-fork-2 as well: run_dir_create()
 * counts on. */
static void name_after(const char *parent, char out[NAME_MAX_BYTES]) {
    static const char end[] = "-fork";
    size_t n = strlen(parent), digits = n;
    while (digits > 0 && parent[digits - 1] >= '0' && parent[digits - 1] <= '9') digits--;
    if (digits < n && digits > 0 && parent[digits - 1] == '-') digits--;
    else digits = n;
    size_t tail = sizeof end - 1;
    if (digits > tail && strncmp(parent + digits - tail, end, tail) == 0) n = digits - tail;
    if (n > NAME_LONGEST - tail) n = NAME_LONGEST - tail;
    snprintf(out, NAME_MAX_BYTES, "%.*s%s", (int)n, parent, end);
}

static bool make_folder(const struct trainer *t, const char *given, struct run_paths *out,
                        struct err *err) {
    char runs[PATH_MAX], name[NAME_MAX_BYTES], taken[PATH_MAX];
    const char *own = name_of(t->paths);
    int parent = (int)(own - t->paths->dir);
    snprintf(runs, sizeof runs, "%.*s", parent > 1 ? parent - 1 : 1, t->paths->dir);
    if (!*given) {
        name_after(own, name);
        return run_dir_create(runs, name, out, err);
    }
    if (!files_join(taken, sizeof taken, runs, given, err)) return false;
    if (files_exists(taken))
        return err_set(err, ERR_RANGE, "there is a run %s already: take another name", given);
    return run_dir_create(runs, given, out, err);
}

/* ---- what is in it ---- */

/* Another name for each file: nothing ever writes into a model's folder that stands, it is
 * replaced as a whole. False where the file system has no such names. */
static bool link_folder(const char *from, const char *to) {
    DIR *dir = files_make_dirs(to, 0700, NULL) ? opendir(from) : NULL;
    bool ok = dir != NULL;
    for (struct dirent *e; ok && (e = readdir(dir));) {
        char old[PATH_MAX], new[PATH_MAX];
        if (e->d_name[0] == '.') continue;
        ok = files_join(old, sizeof old, from, e->d_name, NULL) &&
             files_join(new, sizeof new, to, e->d_name, NULL) && link(old, new) == 0;
    }
    if (dir) closedir(dir);
    return ok && files_sync_dir(to, NULL);
}

static bool give_base(struct trainer *t, const struct run_paths *to, struct err *err) {
    if (!t->has_base) return true;
    return stage_save_base(t, err) &&
           (link_folder(t->paths->base, to->base) ||
            model_folder_save(to->base, &t->base, t->tokenizer, err));
}

/* The best weights that an early stop would take back; where they cannot be shared the fork's
 * stage begins to wait anew. */
static void give_best(const struct trainer *t, const struct run_paths *to,
                      struct trainer_state *s) {
    char name[64], old[PATH_MAX], new[PATH_MAX];
    if (s->early.step == 0 || s->early.step == s->step) return;
    snprintf(name, sizeof name, "step-%" PRId64, s->early.step);
    bool ok = files_join(old, sizeof old, t->paths->checkpoints, name, NULL) &&
              files_join(new, sizeof new, to->checkpoints, name, NULL) && link_folder(old, new);
    if (!ok) s->early = (struct early_stop){.step = 0};
}

/* The plan with which the fork goes on, in t->scratch. */
static bool choose_plan(struct trainer *t, const struct command *c, struct err *err) {
    int n = t->table.n_groups;
    memcpy(t->scratch, t->learn, (size_t)n * sizeof *t->learn);
    if (!c->has_freeze) return true;
    memset(t->scratch, 0, (size_t)n * sizeof *t->scratch);
    if (strcmp(c->text, "none") != 0 && !groups_select(&t->table, c->text, t->scratch, err))
        return false;
    for (int g = 0; g < n; g++) t->scratch[g] = !t->scratch[g];
    return true;
}

/* A freeze plan that is given takes the place of the stage's. s->by_hand is the caller's to
 * free. */
static bool all_by_hand(const struct trainer *t, struct trainer_state *s, struct err *err) {
    size_t n = (size_t)t->table.n_groups;
    s->by_hand = malloc(n * sizeof *s->by_hand);
    if (!s->by_hand) return err_set(err, ERR_NOMEM, "no memory for a freeze plan");
    for (size_t g = 0; g < n; g++) s->by_hand[g] = true;
    return true;
}

/* The very state of now, but for what is asked to be other. */
static bool save_state(struct trainer *t, const struct command *c, const struct run_paths *to,
                       struct event_checkpoint *out, char path[PATH_MAX], struct err *err) {
    struct trainer_state state = t->state;
    if (c->has_freeze && !all_by_hand(t, &state, err)) return false;
    double scale =
        c->has_lr ? stage_lr_scale(t, state.stage, state.stage_step, c->number) : (double)NAN;
    if (isfinite(scale)) state.lr_scale = scale;
    give_best(t, to, &state);
    out->path = path;
    out->seconds = (double)NAN;
    bool ok = choose_plan(t, c, err) &&
              checkpoint_save(to->checkpoints, &state, t->scratch, &t->weights, &t->optim,
                              t->tokenizer, path, &out->bytes, err);
    if (c->has_freeze) free(state.by_hand);
    return ok;
}

/* The config as it is, but for the line of its name. */
static bool give_config(const struct trainer *t, const struct run_paths *to, struct err *err) {
    static const char key[] = "name:";
    struct buf old = {0}, new = {0};
    bool named = false;
    if (!files_read(t->paths->config, CONFIG_BYTES_MAX, &old, err)) {
        buf_deinit(&old);
        return false;
    }
    for (const char *line = buf_text(&old), *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n';
        bool name = strncmp(line, key, sizeof key - 1) == 0;
        if (name) buf_printf(&new, "%s \"%s\"\n", key, name_of(to));
        else buf_add(&new, line, (size_t)(next - line));
        named |= name;
    }
    bool ok = named || err_set(err, ERR_PARSE, "%s has no line that begins with %s",
                               t->paths->config, key);
    ok = ok && (!new.failed || err_set(err, ERR_NOMEM, "no memory for the config")) &&
         files_write(to->config, new.data, new.len, err);
    buf_deinit(&old);
    buf_deinit(&new);
    return ok;
}

/* ---- its log ---- */

static bool copy_file(const char *from, const char *to, struct err *err) {
    static const char failed[] = "cannot copy %s";
    char chunk[CHUNK_BYTES];
    struct files_out out;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_errno(err, failed, from);
    bool ok = files_out_open(&out, to, err);
    for (ssize_t n = 1; ok && n > 0;) {
        n = read(fd, chunk, sizeof chunk);
        ok = n >= 0 ? files_out_add(&out, chunk, (size_t)n, err) : err_errno(err, failed, from);
    }
    if (ok) ok = files_out_close(&out, err);
    else files_out_abort(&out);
    close(fd);
    return ok;
}

/* "of medical --lr 0.0001", without the name that was asked for: the run bears it. */
static void tell_how(const struct command *c, const char *what, const char *name,
                     struct buf *out) {
    struct command rest = *c;
    struct buf arguments = {0};
    rest.name[0] = '\0';
    command_arguments(&rest, &arguments);
    buf_printf(out, "%s%s%s%s", what, name, arguments.len ? " " : "", buf_text(&arguments));
    buf_deinit(&arguments);
}

/* All that was told up to now, then where the fork comes from; until an engine takes it up it
 * counts as stopped. */
static bool give_log(struct trainer *t, const struct command *c, const struct run_paths *to,
                     const struct event_checkpoint *saved, struct err *err) {
    struct event_log log;
    struct buf how = {0};
    tell_how(c, "of ", name_of(t->paths), &how);
    struct event events[] = {
        {.type = EVENT_CONTROL, .control = {"fork", buf_text(&how), c->by}},
        {.type = EVENT_CHECKPOINT, .checkpoint = *saved},
        {.type = EVENT_END, .end = {"stopped"}},
    };
    bool ok = event_log_flush(t->log, err) && copy_file(t->paths->events, to->events, err) &&
              event_log_open(&log, to->events, err);
    bool opened = ok;
    for (size_t i = 0; ok && i < sizeof events / sizeof *events; i++) {
        events[i].step = t->state.step;
        ok = event_log_put(&log, &events[i], err);
    }
    ok = ok && event_log_sync(&log, err);
    if (opened) event_log_close(&log);
    buf_deinit(&how);
    return ok;
}

/* ---- all of it ---- */

static bool fill(struct trainer *t, const struct command *c, const struct run_paths *to,
                 struct err *err) {
    struct event_checkpoint saved = {0};
    char path[PATH_MAX];
    return give_base(t, to, err) && save_state(t, c, to, &saved, path, err) &&
           give_config(t, to, err) && give_log(t, c, to, &saved, err) &&
           files_sync_dir(to->dir, err);
}

bool trainer_fork(struct trainer *t, const struct command *c, char out[PATH_MAX],
                  struct err *err) {
    struct run_paths to;
    struct buf how = {0};
    if (t->gone_bad)
        return err_set(err, ERR_NUMERIC,
                       "the weights give no finite numbers: roll back before you fork");
    if (!make_folder(t, c->name, &to, err)) return false;
    if (!fill(t, c, &to, err)) {
        files_remove_tree(to.dir, NULL);
        return false;
    }
    tell_how(c, "", name_of(&to), &how);
    report_control(t, "fork", buf_text(&how), c->by);
    buf_deinit(&how);
    memcpy(out, to.dir, sizeof to.dir);
    return true;
}
