/* prefs.h - how a viewer likes the screen. ONE table of settings: the file is read and written
 * by it, `:set` checks and completes by it. Each setting is one of a few words. The file is
 * $XDG_CONFIG_HOME/thaw/settings.json, an object of strings such as {"theme": "light"}; keys of
 * other versions of the program stay in it. Folder 0700, file 0600. */
#ifndef THAW_UI_PREFS_H
#define THAW_UI_PREFS_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/err.h"
#include "ui/term.h"

enum pref {
    PREF_THEME,
    PREF_GLYPHS,
    PREF_MOUSE,
    PREF_SMOOTHING,
    PREF_LOG_Y,
    PREF_X_UNIT,
    PREF_COMPARE,
    PREF_TOUR,
    PREF_COUNT
};

enum { PREF_WORDS_MAX = 6, PREF_TOUR_NEW = 0, PREF_TOUR_DONE = 1 };

struct pref_info {
    const char *key;                   /* "x-unit" */
    const char *words[PREF_WORDS_MAX]; /* what it may be; ended by NULL when fewer */
    int usual;                         /* index into words */
    const char *help;                  /* "the x axis of the loss" */
};
extern const struct pref_info pref_infos[PREF_COUNT];

struct prefs {
    int at[PREF_COUNT]; /* index into the words; those of the panes' settings are in the order
                           of their enums */
};

void prefs_init(struct prefs *p); /* the usual ones */
bool prefs_same(const struct prefs *a, const struct prefs *b);
const char *prefs_word(const struct prefs *p, enum pref which);
/* PREF_COUNT: there is no such key. */
enum pref prefs_find(const char *key);
/* Take a value by its word. ERR_RANGE names those that there are. */
bool prefs_set(struct prefs *p, enum pref which, const char *word, struct err *err);
/* How the terminal is to be taken over; theme `auto` looks at COLORFGBG in the environment. */
struct term_options prefs_term_options(const struct prefs *p);

/* ---- the file (prefs_file.c) */

/* Its path; below ~/.config where XDG_CONFIG_HOME is not absolute (XDG Base Directory
 * Specification). ERR_IO: no home folder is known. */
bool prefs_path(char *out, size_t size, struct err *err);
/* Take over what the file says; none there is fine. One that is not sound, be it only in one
 * value, is not used at all: false, *p is as it was, and err names the place. */
bool prefs_read(struct prefs *p, const char *path, struct err *err);
/* Put into the file what differs between `old` and `now`, and nothing else, so that screens
 * side by side keep what each has changed. Makes the folder. A file that is not sound is left
 * alone: false. */
bool prefs_keep(const struct prefs *now, const struct prefs *old, const char *path,
                struct err *err);
#endif
