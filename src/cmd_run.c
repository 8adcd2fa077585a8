/* cmd_run.c - `thaw run`: check the config, make the run's folder, start the engine, look on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/data/source.h"
#include "engine/dist/ranks.h"
#include "engine/run/checkpoint_check.h"
#include "engine/run/control.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/config_from.h"
#include "src/config_sources.h"
#include "src/config_third.h"
#include "src/find_config.h"
#include "src/headless.h"
#include "src/run_lesson.h"
#include "src/run_ranks.h"
#include "src/screen.h"
#include "src/spawn.h"

static const char usage[] =
    "thaw run CONFIG [--name N] [--set KEY=VALUE]... [--share GROUP] [--headless] [--detach]\n"
    "                [--lesson NAME] [--class] [--runs-dir DIR]\n"
    "       thaw run --resume RUN [--headless] [--detach] [--runs-dir DIR]\n"
    "       thaw run CONFIG --snapshot WxH [--color] [--name N] [--runs-dir DIR]";
static const char about[] = "Train as CONFIG says: a YAML file, or the name of one in configs/ "
                            "(medical). The training is a\n"
                            "process of its own: closing the screen, or losing it, costs it "
                            "nothing. Without a terminal, or\n"
                            "with --headless, plain lines are printed until the run ends; "
                            "Ctrl-C then stops it with a checkpoint.\n"
                            "--snapshot starts nothing: it shows the run of "
                            "that name as it stands.";

struct run_options {
    const char *name, *runs_dir, *resume, *share, *lesson;
    struct run_lesson *beside; /* of `lesson`, once it has been read */
    struct cli_texts changes;
    bool headless, detach, class;
    struct screen_options screen;
};

/* ---- the folder of a new run ---- */

static bool absolute_text(char text[TEXT_MAX_BYTES], struct err *err) {
    char whole[TEXT_MAX_BYTES];
    if (!source_absolute(text, whole, sizeof whole, err)) return false;
    memcpy(text, whole, sizeof whole);
    return true;
}

static bool absolute_list(struct text_list *list, struct err *err) {
    for (int i = 0; i < list->n; i++)
        if (!absolute_text(list->text[i], err)) return false;
    return true;
}

/* The run's own config must mean the same from any folder. */
static bool make_absolute(struct settings *s, struct err *err) {
    for (int i = 0; i < s->n_stages; i++)
        if (!absolute_list(&s->stages[i].data, err) ||
            !absolute_list(&s->stages[i].replay.data, err))
            return false;
    for (int i = 0; i < s->eval.n_sets; i++)
        if (!absolute_text(s->eval.sets[i].source, err)) return false;
    return true;
}

static bool write_config(const struct settings *s, const struct run_paths *run,
                         struct err *err) {
    struct buf text = {0};
    bool ok = config_write(s, &text, err) && files_write(run->config, text.data, text.len, err);
    buf_deinit(&text);
    return ok;
}

/* Who the run is shared with must also get as far as its folder. */
static bool share(const struct run_options *o, const struct run_paths *run, struct err *err) {
    char closed[PATH_MAX];
    if (!o->share) return true;
    if (!run_share(run->dir, o->share, closed, err)) return false;
    if (*closed)
        cli_print(
            "thaw: %s keeps the group %s out: open it to them (chmod o+x), or take another "
            "--runs-dir",
            closed, o->share);
    return true;
}

static bool prepare(const char *config, const struct run_options *o, struct settings *s,
                    struct run_paths *run, struct err *err) {
    char path[PATH_MAX], runs[PATH_MAX];
    const struct config_options c = {o->changes.at, o->changes.n, config_sources_there};
    if (!config_find(config, path, err) || !config_read(path, &c, s, err)) return false;
    const char *name = o->name ? o->name : s->name;
    if (o->name && !run_name_ok(o->name, err)) {
        err->code = ERR_USAGE;
        return false;
    }
    if (!run_ranks_share(s, err) || !make_absolute(s, err) ||
        !config_from_find(s, o->runs_dir, err) || !config_third_find(s, o->runs_dir, err) ||
        !runs_dir(o->runs_dir, runs, err) || !run_dir_create(runs, name, run, err))
        return false;
    snprintf(s->name, sizeof s->name, "%s",
             screen_run_name(run)); /* name-2 when it was taken */
    if (strcmp(s->name, name) != 0) cli_print("thaw: %s exists; this one is %s", name, s->name);
    if (share(o, run, err) && write_config(s, run, err) &&
        (!o->beside || run_lesson_put(o->beside, s->seed, run, err)))
        return true;
    files_remove_tree(run->dir, NULL);
    return false;
}

/* ---- a run that is there, for a snapshot ---- */

/* The run that CONFIG would have been given its name for. Nothing is trained, so that it may
 * lack the texts. */
static bool find_named(const char *config, const struct run_options *o, struct settings *s,
                       struct run_paths *run, struct err *err) {
    char path[PATH_MAX], runs[PATH_MAX], dir[PATH_MAX];
    const struct config_options c = {o->changes.at, o->changes.n, NULL};
    if (!config_find(config, path, err) || !config_read(path, &c, s, err)) return false;
    const char *name = o->name ? o->name : s->name;
    if (!runs_dir(o->runs_dir, runs, err)) return false;
    if (!run_name_ok(name, err)) {
        err->code = ERR_USAGE;
        return false;
    }
    if (!files_join(dir, sizeof dir, runs, name, err)) return false;
    if (files_is_dir(dir)) return run_dir_find(runs, dir, run, err);
    return err_set(
        err, ERR_USAGE,
        "there is no run %s to show yet, and --snapshot starts none; `thaw run %s` does", name,
        config);
}

/* ---- a run to go on with ---- */

/* An engine that only answers prompts of a run that has ended makes way, and one that has just
 * trained it has to let go of it: 5 s at most. Either may not listen yet, or any more, and the
 * second may be followed by the first. */
static void make_way(const struct run_paths *run) {
    enum { TRIES = 500 };
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    const struct command stop = {.kind = COMMAND_STOP, .by = "run --resume"};
    struct run_info info;
    struct answer a;
    for (int i = 0; i < TRIES && files_is_locked(run->lock, NULL); i++) {
        if (!run_info_read(run->dir, &info, NULL) || !run_has_ended(&info)) return;
        control_ask(run->socket, &stop, 10, &a, NULL);
        nanosleep(&pause, NULL);
    }
}

static bool find_resumed(const struct run_options *o, struct run_paths *run, struct err *err) {
    char runs[PATH_MAX];
    pid_t holder = 0;
    if (!runs_dir(o->runs_dir, runs, err) || !run_dir_find(runs, o->resume, run, err))
        return false;
    make_way(run);
    if (!files_is_locked(run->lock, &holder)) return true;
    return err_set(err, ERR_USAGE,
                   "%s is running already (process %ld); look at it: thaw attach %s", o->resume,
                   (long)holder, o->resume);
}

/* ---- looking on ---- */

static int detach(const struct run_options *o, const struct run_paths *run, struct headless *h,
                  pid_t engine) {
    struct err err = {0};
    if (!headless_started(h, engine, &err)) return cli_fail(&err);
    screen_say_detached(run, APP_DRIVE);
    if (o->class) run_lesson_say_class(run, o->share, o->beside);
    return CLI_OK;
}

/* The screen; plain lines where there is none, since the engine has started by now. */
static int look_on(const struct run_options *o, const struct run_paths *run, struct headless *h,
                   pid_t engine) {
    struct err err = {0};
    int status;
    if (o->detach) return detach(o, run, h, engine);
    if (!o->headless && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        if (screen_show(run, APP_DRIVE, &o->screen, engine, &status, &err)) return status;
        cli_fail(&err);
    }
    cli_print("thaw: %s in %s", screen_run_name(run), run->dir);
    return headless_follow(h, engine);
}

/* Whether the run that is to be resumed has nothing left to do: its log ends with its last
 * stage, of as many as the config has now, and what that stage came to is saved. */
static bool nothing_left(const struct run_paths *run, const struct headless *h) {
    struct settings *s = malloc(sizeof *s);
    char newest[PATH_MAX];
    int64_t step = -1;
    bool done = s && config_read(run->config, NULL, s, NULL) &&
                headless_finished(h, s->n_stages, &step) &&
                checkpoint_newest_sound(run->checkpoints, newest, NULL) == step;
    free(s);
    return done;
}

static int start(const struct run_options *o, const struct run_paths *run) {
    struct err err = {0};
    struct headless *h = headless_create(run, &err);
    bool alone = ranks_started(NULL) == 1; /* others wait to be met, and to hear of the end */
    if (h && o->resume && alone && nothing_left(run, h)) {
        int shown = headless_summary(h);
        headless_destroy(h);
        return shown;
    }
    pid_t engine = h ? spawn_engine(run, o->resume != NULL, &err) : -1;
    int status = engine > 0 ? look_on(o, run, h, engine) : cli_fail(&err);
    bool never_began = h && headless_never_began(h);
    if (!o->resume && (engine < 0 || never_began)) files_remove_tree(run->dir, NULL);
    headless_destroy(h);
    return status;
}

/* What may not stand together; ERR_USAGE. */
static bool options_ok(const struct run_options *o, int n_words, struct err *err) {
    if (!screen_options_ok(&o->screen, err)) return false;
    if (o->screen.snapshot && (o->resume || o->headless || o->detach))
        return err_set(err, ERR_USAGE,
                       "--snapshot shows a run that is there and starts none: no --resume, "
                       "--headless or --detach beside it");
    if (o->resume && (n_words || o->name || o->changes.n || o->share || o->lesson || o->class))
        return err_set(
            err, ERR_USAGE,
            "--resume goes on with a run as it is: no CONFIG, --name, --set, --lesson, "
            "--class or --share beside it");
    if (ranks_started(NULL) > 1 && (o->detach || o->screen.snapshot))
        return err_set(err, ERR_USAGE,
                       "mpirun waits for what it started: no --detach, --class or --snapshot; "
                       "look on with thaw attach");
    if (!o->resume && !n_words)
        return err_set(err, ERR_USAGE, "which config? e.g. thaw run medical");
    return true;
}

static bool find_run(const char *config, const struct run_options *o, struct settings *s,
                     struct run_paths *run, struct err *err) {
    if (!s || !run) return err_set(err, ERR_NOMEM, "not enough memory");
    if (o->screen.snapshot) return find_named(config, o, s, run, err);
    return o->resume ? find_resumed(o, run, err) : prepare(config, o, s, run, err);
}

int cmd_run(int argc, char **argv) {
    struct run_options o = {0};
    struct cli_texts words;
    struct err err = {0};
    int status = CLI_OK;
    const struct cli_option options[] = {
        {"--name", "N", "the run's name (default: the config's)", CLI_TEXT, &o.name, 0, 0},
        {"--set", "KEY=VALUE", "change a key, e.g. --set stages.1.freeze='[embed, \"0-1\"]'",
         CLI_TEXTS, &o.changes, 0, 0},
        {"--resume", "RUN", "go on from the newest whole checkpoint", CLI_TEXT, &o.resume, 0,
         0},
        {"--headless", NULL, "plain lines instead of the screen", CLI_FLAG, &o.headless, 0, 0},
        {"--detach", NULL, "start it and come back at once", CLI_FLAG, &o.detach, 0, 0},
        {"--share", "GROUP", "let a group watch it: its files may be read, nothing steered",
         CLI_TEXT, &o.share, 0, 0},
        {"--lesson", "NAME", "a lesson beside it (`thaw lesson`)", CLI_TEXT, &o.lesson, 0, 0},
        {"--class", NULL, "detach, and print what a class types to watch", CLI_FLAG, &o.class,
         0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &o.runs_dir, 0, 0},
        SCREEN_OPTIONS(o.screen),
    };
    const struct cli_spec spec = {usage, about, options, sizeof options / sizeof options[0],
                                  0,     1,     0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    char group[RUN_LESSON_GROUP];
    if (o.class) { /* who may look is the class's business, too */
        o.detach = true;
        if (!o.share && run_lesson_group(group)) o.share = group;
    }
    if (!options_ok(&o, words.n, &err)) return cli_fail(&err);
    int rank = 0;
    if (ranks_started(&rank) > 1) o.headless = true; /* mpirun's terminal is no screen */
    if (rank > 0) return run_ranks_follow();
    struct settings *s = malloc(sizeof *s);
    struct run_paths *run = malloc(sizeof *run);
    if (o.lesson) o.beside = run_lesson_open(o.lesson, &o.changes, &err);
    bool ok =
        (!o.lesson || o.beside) && find_run(words.n ? words.at[0] : NULL, &o, s, run, &err);
    if (ok && o.screen.snapshot) ok = screen_snapshot(run, APP_DRIVE, &o.screen, &err);
    else if (ok) status = start(&o, run);
    if (!ok) status = cli_fail(&err);
    free(o.beside);
    free(s);
    free(run);
    return status;
}
