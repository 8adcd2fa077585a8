/* screen.h - a run on the screen, and what is said when the screen has gone. */
#ifndef THAW_SRC_SCREEN_H
#define THAW_SRC_SCREEN_H
#include "engine/run/run_dir.h"
#include "ui/app.h"

struct screen_options {
    bool ascii, mono, no_mouse, light;
    const char *theme;    /* NULL: none asked for; a word of PREF_THEME */
    const char *overlay;  /* RUN whose curve lies over this one's; NULL: none */
    const char *snapshot; /* WxH: a frame on stdout instead of a screen; NULL: none asked for */
    bool color;           /* the snapshot's */
    double speed;         /* of a replay (ui/app.h), like the next */
    int64_t at;
};

/* The options that every command with a screen takes, for its table (cli.h). */
#define SCREEN_OPTIONS(o)                                                                      \
    {"--ascii", NULL, "draw with plain ASCII", CLI_FLAG, &(o).ascii, 0, 0},                    \
        {"--theme", "NAME",                                                                    \
         "auto, dark, light, mono, colour-blind or colour-blind-light", CLI_TEXT, &(o).theme,  \
         0, 0},                                                                                \
        {"--mono", NULL, "no colours: --theme mono", CLI_FLAG, &(o).mono, 0, 0},               \
        {"--light", NULL, "for a light background: --theme light", CLI_FLAG, &(o).light, 0,    \
         0},                                                                                   \
        {"--no-mouse", NULL, "leave the mouse to the terminal", CLI_FLAG, &(o).no_mouse, 0,    \
         0},                                                                                   \
        {"--overlay", "RUN", "lay the loss curve of another run over this one's", CLI_TEXT,    \
         &(o).overlay, 0, 0},                                                                  \
        {"--snapshot", "WxH",                                                                  \
         "print one frame as text, 40x8 to 500x200, and end; nothing is started", CLI_TEXT,    \
         &(o).snapshot, 0, 0},                                                                 \
    {                                                                                          \
        "--color", NULL, "the snapshot with its colours (ANSI)", CLI_FLAG, &(o).color, 0, 0    \
    }

/* The folder's last part: the run's name. Borrowed from `run`. */
const char *screen_run_name(const struct run_paths *run);

/* Show the run until the user leaves; then print how it stands and the way back. False with err
 * when there is no screen to be had; else *status is the exit status. engine: our child, which is
 * waited for when it ends meanwhile; 0: it is not ours. */
bool screen_show(const struct run_paths *run, enum app_mode mode,
                 const struct screen_options *o, pid_t engine, int *status, struct err *err);
/* Whether the options go together, before anything is done with them; ERR_USAGE. */
bool screen_options_ok(const struct screen_options *o, struct err *err);
/* Print one frame of the run as its log stands now (o->snapshot is given). */
bool screen_snapshot(const struct run_paths *run, enum app_mode mode,
                     const struct screen_options *o, struct err *err);
/* "thaw: medical goes on training; come back with: thaw attach medical"; a run that is paused is said to be
 * so. */
void screen_say_detached(const struct run_paths *run, enum app_mode mode);
#endif
