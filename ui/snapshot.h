/* snapshot.h - one frame of a run without a terminal: what its log holds by now, drawn as the screen
 * would draw it. */
#ifndef THAW_UI_SNAPSHOT_H
#define THAW_UI_SNAPSHOT_H
#include "ui/app.h"
#include "ui/canvas_dump.h"
#include "ui/layout.h"

enum { SNAPSHOT_MAX_W = 500, SNAPSHOT_MAX_H = 200 }; /* from LAYOUT_MIN_W x LAYOUT_MIN_H on */

struct snapshot {
    int w, h;
    enum glyphs glyphs;
    enum dump_form form;
    struct dump_look look;
};

/* "80x24" as a size that a frame can have; ERR_USAGE. */
bool snapshot_size(const char *text, int *w, int *h, struct err *err);

/* Append the frame to `out`. The log need not be there yet. An engine that has died, or has been silent for
 * long, is shown so, as by a screen that has looked on since. */
bool snapshot_take(const struct run_paths *paths, const struct app_options *o,
                   const struct snapshot *s, struct buf *out, struct err *err);
#endif
