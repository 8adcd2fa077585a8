/* launcher_fixture.h - a launcher over a list made by hand, drawn on a canvas, driven by keys. */
#ifndef THAW_TESTS_UI_LAUNCHER_FIXTURE_H
#define THAW_TESTS_UI_LAUNCHER_FIXTURE_H
#include "engine/core/buf.h"
#include "ui/launcher.h"

enum { FIXTURE_CONFIGS = 2, FIXTURE_RUNS = 40, FIXTURE_MOST = FIXTURE_CONFIGS + FIXTURE_RUNS };

struct launcher_fixture {
    struct launch_entry entries[FIXTURE_MOST];
    struct launcher launcher;
    struct canvas canvas;
    struct buf text;
};

/* Two configs and the first `runs` of: live (running), paper (paused), medical (finished), broken (failed),
 * gone (dead), later (not read yet), run-6, run-7 ... */
void launcher_open(struct launcher_fixture *f, int runs, int w, int h, enum glyphs glyphs);
void launcher_close(struct launcher_fixture *f);
/* Press a key; drawn before and after. */
enum launch_wish launcher_press(struct launcher_fixture *f, int key);
void launcher_type(struct launcher_fixture *f, const char *ascii);
const char *launcher_text(struct launcher_fixture *f); /* the frame; valid until the next call */
bool launcher_has(struct launcher_fixture *f, const char *words);
/* Whether the selected entry has this name. */
bool launcher_on(const struct launcher_fixture *f, const char *name);
#endif
