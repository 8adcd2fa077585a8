/* app_run.c - the loop: keys, events and answers in, frames and commands out. Nothing here
 * waits for the engine; a frame is drawn at once after a key, else at most ten times a second
 * (pace.h) and only when something was heard, or once a second for what the clock changes. */
#include <stdio.h>
#include <sys/wait.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "ui/app_parts.h"
#include "ui/link.h"
#include "ui/pace.h"
#include "ui/save_screen.h"

enum { COMMANDS_MAX = 16 };
static const double read_slice_s = 0.02, overlay_slice_s = 0.005, frame_s = 0.1, clock_s = 1,
                    lock_s = 2;

struct loop {
    struct app *app;
    struct term *term;
    struct canvas canvas;
    struct event_reader *reader;
    struct link link;
    const struct run_paths *paths;
    bool dirty, urgent, redraw, more; /* more: events wait in the log already */
    bool caught_up;                   /* with what stood in the log at first */
    bool unreadable;                  /* said already */
    double drawn_at, heard_at;        /* clock_now() */
    double touched_at;                /* clock_now() of the last key */
    bool steals;                      /* it is still to be asked to steer alone */
    double asked_at; /* clock_now(): when the engine was last asked for a line */
    pid_t (*start)(const struct run_paths *fork, struct err *err);
    app_report_fn *report;
    pid_t engine;          /* our child while it lives; 0: none */
    struct dump_look look; /* of a screen that is saved */
};

static void frame(struct loop *l) {
    app_draw(l->app, &l->canvas, clock_wall());
    term_blit(l->term, &l->canvas, l->redraw);
    l->dirty = l->urgent = l->redraw = false;
    l->drawn_at = clock_now();
    app_prefs_keep(l->app);
}

/* The terminal as the settings have it by now. */
static void change_look(struct loop *l) {
    const int *now = l->app->prefs.at, *then = l->app->kept.at;
    if (now[PREF_THEME] == then[PREF_THEME] && now[PREF_GLYPHS] == then[PREF_GLYPHS] &&
        now[PREF_MOUSE] == then[PREF_MOUSE])
        return;
    struct term_options o = prefs_term_options(&l->app->prefs);
    term_change(l->term, &o);
    l->canvas.glyphs = term_glyphs(l->term);
    l->look.theme = o.theme;
    l->redraw = true;
}

static void resize(struct loop *l) {
    int w, h;
    term_size(l->term, &w, &h);
    canvas_resize(&l->canvas, w, h, NULL); /* without memory the old size stays */
    l->urgent = true;
}

/* As many events as a slice of time takes, so that keys never wait for a long log. */
static void read_events(struct loop *l) {
    double until = clock_now() + read_slice_s;
    struct event e;
    struct err err = {0};
    int got = 0;
    bool heard = false;
    do
        for (int i = 0; i < 64 && (got = event_reader_next(l->reader, &e, &err)) > 0; i++) {
            app_observe(l->app, &e);
            heard = true;
        }
    while (got > 0 && clock_now() < until);
    l->more = got > 0;
    if (got == 0 && !l->caught_up) app_caught_up(l->app);
    l->caught_up |= got == 0;
    l->dirty |= heard;
    if (heard) l->heard_at = clock_now();
    if (got < 0 && !l->unreadable) app_say(l->app, STYLE_ERROR, "%s", err.msg);
    l->urgent |= got < 0 && !l->unreadable;
    l->unreadable = got < 0;
}

/* The replay in place of the run, whose engine may train on meanwhile. */
static void play(struct loop *l) { l->dirty |= app_replay_play(l->app, clock_now(), &l->more); }

/* Other runs get less time: what they tell is never urgent. */
static void read_overlays(struct loop *l) {
    bool more;
    l->dirty |= overlays_read(&l->app->overlays, overlay_slice_s, &more);
    l->more |= more;
}

/* Whether the engine, our child, has just ended. All our children are engines, this run's and
 * its forks': they are waited for, so that nothing is left of them. */
static bool engine_ended(struct loop *l) {
    bool ended = false;
    for (pid_t child; (child = waitpid(-1, NULL, WNOHANG)) > 0;) ended |= child == l->engine;
    if (ended) l->engine = 0;
    return ended;
}

/* Who steers wants to be told when another screen takes over. */
static void keep_line(struct loop *l) {
    bool steers = l->app->mode == APP_DRIVE || l->app->outdone;
    if (l->link.fd >= 0 || !steers || l->app->history.state == RUN_ENDED) return;
    if (clock_now() - l->asked_at < lock_s) return;
    l->asked_at = clock_now();
    link_listen(&l->link);
}

/* A run that has fallen silent may have lost its engine. */
static void look_for_engine(struct loop *l) {
    double silent = clock_now() - l->heard_at;
    if (engine_ended(l)) read_events(l); /* what it told last */
    else if (silent < lock_s) return;
    l->heard_at = clock_now(); /* look again after as long */
    bool dead = l->app->history.state != RUN_ENDED && !files_is_locked(l->paths->lock, NULL);
    if (dead != l->app->dead) l->urgent = true;
    app_set_dead(l->app, dead);
    bool ended = l->app->history.state == RUN_ENDED;
    l->app->answers = ended && files_is_locked(l->paths->lock, NULL);
    if (!ended ? !dead : l->app->answers) link_listen(&l->link);
}

static void take_answers(struct loop *l) {
    struct answer answer;
    struct err err = {0};
    bool connected = link_pump(&l->link, &err);
    while (link_next(&l->link, &answer)) {
        app_answer(l->app, &answer);
        l->urgent = true;
    }
    const char *notice = link_notice(&l->link);
    int role = link_role(&l->link);
    app_set_role(l->app, connected ? role : 1);
    if (notice && *notice) app_say(l->app, STYLE_WARNING, "%s", notice);
    l->urgent |= notice != NULL || role != 0;
    if (connected) return;
    app_unanswered(l->app, err.msg);
    l->urgent = true;
}

/* A fork that the run has made is only a folder: an engine for it is ours to start. */
static void start_fork(struct loop *l) {
    struct run_paths fork;
    struct err err = {0};
    if (!l->app->fork[0]) return;
    bool ok = l->start && run_paths_of(l->app->fork, &fork, &err) && l->start(&fork, &err) > 0;
    app_forked(l->app, ok ? NULL : err.msg);
}

static void send_commands(struct loop *l, const struct command *commands, int n) {
    struct err err = {0};
    for (int i = 0; i < n; i++)
        if (!link_send(&l->link, &commands[i], &err)) {
            app_unanswered(l->app, err.msg);
            return;
        }
}

static void handle_key(struct loop *l, int key, const struct term_mouse *mouse) {
    struct command commands[COMMANDS_MAX];
    enum action action = keys_action(key);
    l->urgent = true;
    l->touched_at = clock_now();
    if (key == KEYS_RESIZE) resize(l);
    else if (action == ACTION_REDRAW) l->redraw = true;
    else if (action == ACTION_SUSPEND) {
        term_suspend(l->term);
        resize(l);
        l->redraw = true;
    } else send_commands(l, commands, app_key(l->app, key, mouse, commands, COMMANDS_MAX));
    save_screen_if_asked(l->app, &l->canvas, l->look, clock_wall());
    app_report_if_asked(l->app, l->paths, l->report);
    change_look(l);
    if (l->app->copies) app_copied(l->app, term_copy(l->term, l->app->repeat_command));
}

static int wait_ms(const struct loop *l) {
    bool watches = l->app->mode == APP_WATCH && !l->app->replay;
    double now = clock_now(), touched_at = l->app->replay ? now : l->touched_at; /* it plays */
    return l->more || l->urgent ? 0 : pace_wait_ms(watches, now, touched_at);
}

/* Once what the log tells is over, so that this is the last word. */
static void steal(struct loop *l) {
    struct err err = {0};
    if (!l->steals || !l->caught_up) return;
    l->steals = false;
    l->urgent = true;
    if (link_hold(&l->link, &err))
        app_say(l->app, STYLE_NORMAL, "this screen steers alone; others only watch");
    else app_say(l->app, STYLE_ERROR, "%s", err.msg);
}

static void run(struct loop *l, enum app_end *how) {
    struct term_mouse mouse;
    frame(l);
    app_tour_welcome(l->app); /* may wait for a disk: not before the first frame */
    l->urgent = true;
    l->heard_at = l->touched_at = clock_now();
    if (l->app->answers) link_listen(&l->link); /* it goes when nobody does */
    while (app_ended(l->app) == APP_GOES_ON && !term_ended(l->term)) {
        int key = term_key(l->term, wait_ms(l), l->link.fd, &mouse);
        if (key != KEYS_NONE) handle_key(l, key, &mouse);
        if (app_ended(l->app) != APP_GOES_ON) break;
        if (l->app->replay) play(l);
        else read_events(l);
        read_overlays(l);
        take_answers(l);
        steal(l);
        keep_line(l);
        start_fork(l);
        if (!l->app->replay) look_for_engine(l);
        double since = clock_now() - l->drawn_at;
        if (l->urgent || (l->dirty && since >= frame_s) || since >= clock_s) frame(l);
    }
    app_prefs_keep(l->app);
    *how = app_ended(l->app) == APP_STOP_ASKED ? APP_STOP_ASKED : APP_DETACHED;
}

bool app_run(const struct run_paths *paths, const struct app_options *o,
             const struct term_options *t, enum app_end *how, struct err *err) {
    struct loop l = {.paths = paths,
                     .start = o->start,
                     .report = o->report,
                     .engine = o->engine,
                     .steals = o->steals,
                     .look = {.colours = 256, .theme = t->theme}};
    int w, h;
    *how = APP_DETACHED;
    link_init(&l.link, paths->socket);
    l.app = app_create(o, err);
    if (l.app && o->mode == APP_REPLAY && o->at >= 0) app_replay_at(l.app, o->at, NULL);
    l.reader = l.app ? event_reader_open(paths->events, err) : NULL;
    if (l.reader) event_reader_newest_layers(l.reader);
    l.term = l.reader ? term_open(t, err) : NULL;
    bool ok = l.term != NULL;
    if (ok) {
        term_size(l.term, &w, &h);
        ok = canvas_init(&l.canvas, w, h, term_glyphs(l.term), err);
    }
    if (ok) run(&l, how);
    term_close(l.term);
    canvas_deinit(&l.canvas);
    event_reader_close(l.reader);
    link_deinit(&l.link);
    app_destroy(l.app);
    return ok;
}
