#include "src/run_lesson.h"

#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "src/find_lesson.h"
#include "src/lesson_file.h"

enum { STATE_BYTES_MAX = 8192 };
static const char yaml_name[] = "lesson.yaml", state_name[] = "lesson.state";

static struct run_lesson *no_memory(struct err *err) {
    err_set(err, ERR_NOMEM, "not enough memory for a lesson");
    return NULL;
}

static bool add(struct cli_texts *all, const char *change, struct err *err) {
    if (all->n == CLI_TEXTS_MAX)
        return err_set(err, ERR_USAGE, "too many --set beside those of the lesson");
    all->at[all->n++] = change;
    return true;
}

/* What the state becomes with these changes; the seed has a place of its own in it. */
static bool keep_changes(struct lesson_state *s, const struct cli_texts *changes,
                         struct err *err) {
    for (int i = 0; i < changes->n; i++) {
        if (strncmp(changes->at[i], "seed=", 5) == 0) continue;
        if (s->n_sets == LESSON_SETS || strlen(changes->at[i]) >= LESSON_SET)
            return err_set(err, ERR_USAGE,
                           "beside a lesson at most %d --set of %d bytes find room",
                           LESSON_SETS, LESSON_SET - 1);
        snprintf(s->sets[s->n_sets++], LESSON_SET, "%s", changes->at[i]);
    }
    return true;
}

/* The lesson's, the word's, then those that were asked for: later ones hold. */
static bool put_in_front(struct run_lesson *l, struct cli_texts *changes, struct err *err) {
    struct cli_texts all = {.n = 0};
    const struct lesson_state *s = &l->state;
    int own = s->n_sets;
    bool ok = keep_changes(&l->state, changes, err);
    if (s->seeded) snprintf(l->seed, sizeof l->seed, "seed=%" PRIu64, s->seed);
    for (int i = 0; ok && i < l->lesson.n_sets; i++) ok = add(&all, l->lesson.sets[i], err);
    if (ok && s->seeded) ok = add(&all, l->seed, err);
    for (int i = 0; ok && i < own; i++) ok = add(&all, s->sets[i], err);
    for (int i = 0; ok && i < changes->n; i++) ok = add(&all, changes->at[i], err);
    *changes = all;
    return ok;
}

struct run_lesson *run_lesson_open(const char *word, struct cli_texts *changes,
                                   struct err *err) {
    struct run_lesson *l = calloc(1, sizeof *l);
    if (!l) return no_memory(err);
    bool file = strchr(word, '/') != NULL;
    bool ok = (file || lesson_state_parse(word, &l->state, err)) &&
              lesson_find(file ? word : l->state.name, l->path, err) &&
              lesson_read(l->path, &l->lesson, err) &&
              (!changes || put_in_front(l, changes, err));
    if (ok && l->state.step >= l->lesson.n_steps)
        ok = err_set(err, ERR_USAGE, "the lesson %s has %d steps, not %d", l->lesson.name,
                     l->lesson.n_steps, l->state.step + 1);
    if (ok) return l;
    free(l);
    return NULL;
}

static bool write_state(const struct run_lesson *l, uint64_t seed, const char *path,
                        struct err *err) {
    struct lesson_state s = l->state;
    struct buf text = {0};
    memcpy(s.name, l->lesson.name, sizeof s.name);
    s.seeded = true;
    s.seed = seed;
    lesson_state_write(&s, &text);
    buf_str(&text, "\n");
    bool ok = text.failed ? err_set(err, ERR_NOMEM, "not enough memory for a lesson")
                          : files_write(path, text.data, text.len, err);
    buf_deinit(&text);
    return ok;
}

bool run_lesson_put(const struct run_lesson *l, uint64_t seed, const struct run_paths *run,
                    struct err *err) {
    char yaml[PATH_MAX], state[PATH_MAX];
    struct buf text = {0};
    bool ok = files_join(yaml, sizeof yaml, run->dir, yaml_name, err) &&
              files_join(state, sizeof state, run->dir, state_name, err) &&
              files_read(l->path, LESSON_BYTES_MAX, &text, err) &&
              files_write(yaml, text.data, text.len, err) && write_state(l, seed, state, err);
    buf_deinit(&text);
    return ok;
}

/* Where the word is missing or wrong the lesson begins at its start. */
static void read_state(const char *path, struct lesson_state *out) {
    struct buf text = {0};
    if (files_read(path, STATE_BYTES_MAX, &text, NULL)) {
        char *word = text.data;
        if (word) word[strcspn(word, "\r\n")] = '\0';
        if (!word || !lesson_state_parse(word, out, NULL))
            *out = (struct lesson_state){.step = 0};
    }
    buf_deinit(&text);
}

struct run_lesson *run_lesson_get(const struct run_paths *run, struct err *err) {
    char state[PATH_MAX];
    struct run_lesson *l = calloc(1, sizeof *l);
    if (!l) return no_memory(err);
    bool there =
        files_join(l->path, sizeof l->path, run->dir, yaml_name, NULL) && files_exists(l->path);
    if (there && lesson_read(l->path, &l->lesson, err)) {
        if (files_join(state, sizeof state, run->dir, state_name, NULL))
            read_state(state, &l->state);
        return l;
    }
    free(l);
    return NULL;
}

/* ---- a class */

bool run_lesson_group(char out[RUN_LESSON_GROUP]) {
    const struct group *g = getgrgid(getgid());
    return g && (size_t)snprintf(out, RUN_LESSON_GROUP, "%s", g->gr_name) < RUN_LESSON_GROUP;
}

void run_lesson_say_class(const struct run_paths *run, const char *group,
                          const struct run_lesson *l) {
    char dir[PATH_MAX * 2], word[PATH_MAX];
    if (!cli_quote(run->dir, dir, sizeof dir)) snprintf(dir, sizeof dir, "%s", run->dir);
    run_dir_word(run, word);
    cli_print(
        "\nStudents type, on this machine, in a terminal of 80x24 or more:\n  thaw watch %s",
        dir);
    if (group)
        cli_print("Whoever is in the group \"%s\" may watch; nobody but you can steer.", group);
    if (l)
        cli_print(
            "The lesson stands beside the run; each reads it at their own pace: n goes on, N "
            "back,\na shows an answer, L makes it larger or hides it.\nYour notes: thaw "
            "lesson %s --notes",
            l->lesson.name);
    cli_print("You type:\n  thaw attach %s", word);
}
