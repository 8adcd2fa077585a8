#include "ui/app_fixture.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_parts.h"

static struct buf dump; /* of the last fixture_text() */

void fixture_open(struct app_fixture *f, enum app_mode mode, int w, int h, enum glyphs glyphs) {
    struct app_options o = {.mode = mode,
                            .name = "medical",
                            .drive_command = "thaw attach medical",
                            .runs = THAW_SOURCE_DIR "/tests/golden",
                            .log = THAW_SOURCE_DIR "/tests/golden/medical.jsonl"};
    struct err err = {0};
    *f = (struct app_fixture){.now = 1000};
    f->app = app_create(&o, &err);
    assert_non_null(f->app);
    assert_true(canvas_init(&f->canvas, w, h, glyphs, &err));
}

void fixture_close(struct app_fixture *f) {
    app_destroy(f->app);
    canvas_deinit(&f->canvas);
    buf_deinit(&dump);
}

void fixture_recorded(struct app_fixture *f, int max) {
    struct err err = {0};
    struct event e = {0};
    struct event_reader *r =
        event_reader_open(THAW_SOURCE_DIR "/tests/golden/medical.jsonl", &err);
    assert_non_null(r);
    int n = 0;
    for (; n < max && event_reader_next(r, &e, &err) == 1; n++) app_observe(f->app, &e);
    assert_true(n > 0 || max == 0);
    f->seq = e.seq;
    f->t = e.t;
    assert_int_equal(event_reader_skipped(r), 0);
    event_reader_close(r);
    app_caught_up(f->app);
}

void fixture_event(struct app_fixture *f, const char *fmt, ...) {
    struct buf line = {0};
    struct err err = {0};
    struct event e;
    char body[8192];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(body, sizeof body, fmt, args);
    va_end(args);
    assert_true(n > 0 && n < (int)sizeof body);
    buf_printf(&line, "{\"seq\":%lld,\"t\":%.3f,%s}", (long long)++f->seq, f->t += 1, body);
    if (!event_parse(buf_text(&line), line.len, &e, &err)) fail_msg("%s: %s", body, err.msg);
    app_observe(f->app, &e);
    event_deinit(&e);
    buf_deinit(&line);
}

void fixture_draw(struct app_fixture *f) {
    bool more;
    overlays_read(&f->app->overlays, 10, &more); /* as the loop does */
    app_draw(f->app, &f->canvas, f->now);
}

static void press(struct app_fixture *f, int key, const struct term_mouse *m) {
    fixture_draw(f);
    f->n_sent += app_key(f->app, key, m, f->sent + f->n_sent, SENT_MAX - f->n_sent);
    fixture_draw(f);
}

void fixture_key(struct app_fixture *f, int key) { press(f, key, NULL); }

void fixture_type(struct app_fixture *f, const char *ascii) {
    for (; *ascii; ascii++) fixture_key(f, (unsigned char)*ascii);
}

void fixture_mouse(struct app_fixture *f, struct term_mouse m) { press(f, KEYS_MOUSE, &m); }

void fixture_answer(struct app_fixture *f, bool ok, int64_t step, const char *error) {
    assert_true(f->n_sent > 0);
    struct answer a = {.id = f->sent[f->n_sent - 1].id, .ok = ok, .step = step};
    snprintf(a.error, sizeof a.error, "%s", error ? error : "");
    app_answer(f->app, &a);
}

const char *fixture_text(struct app_fixture *f) {
    fixture_draw(f);
    buf_clear(&dump);
    canvas_dump(&f->canvas, false, &dump);
    return buf_text(&dump);
}

const char *fixture_row(struct app_fixture *f, int row) {
    static char line[2048];
    const char *at = fixture_text(f);
    for (int i = 0; i < (row < 0 ? f->canvas.h + row : row); i++) at = strchr(at, '\n') + 1;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

bool fixture_shows(struct app_fixture *f, const char *words) {
    return strstr(fixture_text(f), words) != NULL;
}
