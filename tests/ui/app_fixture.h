/* app_fixture.h - an app fed from lines of a log, drawn on a canvas, driven by keys. */
#ifndef THAW_TESTS_UI_APP_FIXTURE_H
#define THAW_TESTS_UI_APP_FIXTURE_H
#include "engine/core/buf.h"
#include "ui/app.h"

enum { SENT_MAX = 64 };

struct app_fixture {
    struct app *app;
    struct canvas canvas;
    double now;                    /* of the next frame */
    struct command sent[SENT_MAX]; /* what the keys asked for, oldest first */
    int n_sent;
    int64_t seq; /* of the last event */
    double t;    /* and its time; one made by hand comes a second later */
};

void fixture_open(struct app_fixture *f, enum app_mode mode, int w, int h, enum glyphs glyphs);
void fixture_close(struct app_fixture *f);
/* Feed the first `max` events of tests/golden/medical.jsonl. */
void fixture_recorded(struct app_fixture *f, int max);
/* Feed one event: the members after seq and t, as in "\"step\":1,\"type\":\"end\"". */
void fixture_event(struct app_fixture *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Draw a frame, press a key, draw again. */
void fixture_draw(struct app_fixture *f);
void fixture_key(struct app_fixture *f, int key);
void fixture_type(struct app_fixture *f, const char *ascii);
void fixture_mouse(struct app_fixture *f, struct term_mouse m);
/* Answer the newest command that was sent. */
void fixture_answer(struct app_fixture *f, bool ok, int64_t step, const char *error);
/* The frame as text; valid until the next call. */
const char *fixture_text(struct app_fixture *f);
/* One row of it; row -1: the last. Valid until the next call. */
const char *fixture_row(struct app_fixture *f, int row);
bool fixture_shows(struct app_fixture *f, const char *words);
#endif
