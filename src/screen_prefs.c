#include "src/screen_prefs.h"

#include <stdlib.h>

/* Words that our own tables have. */
static void force(struct prefs *p, enum pref which, const char *word) {
    prefs_set(p, which, word, NULL);
}

static void take_options(const struct screen_options *o, struct prefs *p) {
    if (o->theme) force(p, PREF_THEME, o->theme);
    if (o->light) force(p, PREF_THEME, "light");
    if (o->mono) force(p, PREF_THEME, "mono");
    if (o->ascii) force(p, PREF_GLYPHS, "ascii");
    if (o->no_mouse) force(p, PREF_MOUSE, "off");
}

void screen_prefs_read(const struct screen_options *o, struct screen_prefs *out) {
    const char *no_color = getenv("NO_COLOR");
    *out = (struct screen_prefs){.path = ""};
    prefs_init(&out->prefs);
    if (!prefs_path(out->path, sizeof out->path, &out->bad) ||
        !prefs_read(&out->prefs, out->path, &out->bad))
        out->path[0] = '\0';
    if (no_color && *no_color) force(&out->prefs, PREF_THEME, "mono"); /* no-color.org */
    if (o) take_options(o, &out->prefs);
}

void screen_prefs_options(const struct screen_options *o, struct prefs *out) {
    prefs_init(out);
    take_options(o, out);
}
