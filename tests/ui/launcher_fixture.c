#include "ui/launcher_fixture.h"
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double now = 1000000;

static const struct sample {
    const char *name, *state, *stage;
    int64_t step;
    double loss, age;
    pid_t pid;
} samples[] = {
    {"live", "running", "pretrain", 372, 1.812, 1, 4711},
    {"paper", "paused", "finetune", 12000, 2.5, 65, 4712},
    {"medical", "finished", "finetune", 490, 1.83, 7300, 0},
    {"broken", "failed", "pretrain", 17, (double)NAN, 90000, 0},
    {"gone", "dead", "a-stage-of-a-long-name", 12345678, 10.82, 86400 * 30, 0},
    {"later", NULL, "", 0, (double)NAN, 86400 * 40, 0},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void put_run(struct launch_entry *e, int i) {
    static const struct sample rest = {NULL, "stopped", "pretrain", 100, 3, 86400 * 50, 0};
    const struct sample *s = i < SAMPLES ? &samples[i] : &rest;
    *e = (struct launch_entry){.kind = LAUNCH_RUN, .known = s->state != NULL};
    struct run_info *r = &e->info;
    if (s->name) snprintf(r->name, sizeof r->name, "%s", s->name);
    else snprintf(r->name, sizeof r->name, "run-%d", i);
    snprintf(r->path, sizeof r->path, "/runs/%s", r->name);
    snprintf(r->state, sizeof r->state, "%s", s->state ? s->state : "");
    snprintf(r->stage, sizeof r->stage, "%s", s->stage);
    r->step = s->step;
    r->loss = s->loss;
    r->modified = now - s->age;
    r->pid = s->pid;
    for (int k = 0; e->known && k < 200 && i != 3; k++)
        launch_curve_add(&e->curve, k + 1, 2 + 6 * exp(-k / 40.0) + (i == 1 ? k * 0.02 : 0));
}

static void put_config(struct launch_entry *e, const char *name, const char *about) {
    *e = (struct launch_entry){.kind = LAUNCH_CONFIG};
    snprintf(e->info.name, sizeof e->info.name, "%s", name);
    snprintf(e->info.path, sizeof e->info.path, "configs/%s.yaml", name);
    snprintf(e->about, sizeof e->about, "%s", about);
}

void launcher_open(struct launcher_fixture *f, int runs, int w, int h, enum glyphs glyphs) {
    struct err err = {0};
    *f = (struct launcher_fixture){.launcher.n = 0};
    put_config(&f->entries[0], "medical", "learn English words from WordNet, then medicine.");
    put_config(&f->entries[1], "verse", "a \x1b]2;title\a that must not arrive");
    for (int i = 0; i < runs; i++) put_run(&f->entries[FIXTURE_CONFIGS + i], i);
    assert_true(canvas_init(&f->canvas, w, h, glyphs, &err));
    assert_true(launcher_set(&f->launcher, f->entries, FIXTURE_CONFIGS + runs, &err));
}

void launcher_close(struct launcher_fixture *f) {
    launcher_deinit(&f->launcher);
    canvas_deinit(&f->canvas);
    buf_deinit(&f->text);
}

enum launch_wish launcher_press(struct launcher_fixture *f, int key) {
    launcher_draw(&f->launcher, &f->canvas, now);
    enum launch_wish wish = launcher_key(&f->launcher, key, NULL);
    launcher_draw(&f->launcher, &f->canvas, now);
    return wish;
}

void launcher_type(struct launcher_fixture *f, const char *ascii) {
    for (; *ascii; ascii++) assert_int_equal(launcher_press(f, *ascii), LAUNCH_NOTHING);
}

const char *launcher_text(struct launcher_fixture *f) {
    launcher_draw(&f->launcher, &f->canvas, now);
    buf_clear(&f->text);
    canvas_dump(&f->canvas, false, &f->text);
    return buf_text(&f->text);
}

bool launcher_has(struct launcher_fixture *f, const char *words) {
    return strstr(launcher_text(f), words) != NULL;
}

bool launcher_on(const struct launcher_fixture *f, const char *name) {
    const struct launch_entry *e = launcher_selected(&f->launcher);
    return e && strcmp(e->info.name, name) == 0;
}
