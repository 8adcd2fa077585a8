/* bench_screen.c - what a frame costs, by the length of the run and the size of the screen, and
 * logs to attach to.
 *
 *     bench_screen              a table: CPU time of a frame after each step, drawn, and shown
 * on a pseudo terminal bench_screen STEPS FILE   write a log of so many steps, at the pace of
 * 100 a second
 *
 * The events are those of tests/golden/medical.jsonl (25 groups, 3 prompts), repeated.
 * tests/bench/screen.py runs both. */
#include <inttypes.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/rng.h"
#include "ui/app.h"

enum {
    FRAMES = 200,
    TEMPLATES_MAX = 16,
    LAYERS_EVERY = 100, /* once a second at 100 steps a second, as the trainer does */
    EVALS = 100,        /* over the whole run */
    SAMPLES_EVERY = 1000
};

/* ---- the events of a run */

struct script {
    struct event templates[TEMPLATES_MAX]; /* run, stage, then what is repeated */
    int n;
    struct event_reader
        *readers[TEMPLATES_MAX]; /* an event lives as long as its reader stands */
    struct rng rng;
    int64_t steps, step, seq;
};

/* The k-th event of a type in the recorded log; it lives as long as the script. */
static bool take_template(struct script *s, enum event_type type, int k) {
    struct err err = {0};
    struct event_reader *r =
        event_reader_open(THAW_SOURCE_DIR "/tests/golden/medical.jsonl", &err);
    struct event *e = &s->templates[s->n];
    if (!r) return false;
    while (event_reader_next(r, e, &err) == 1)
        if (e->type == type && k-- == 0) {
            s->readers[s->n++] = r;
            return true;
        }
    event_reader_close(r);
    return false;
}

static bool script_open(struct script *s, int64_t steps) {
    static const struct {
        enum event_type type;
        int k;
    } wanted[] = {{EVENT_RUN, 0},    {EVENT_STAGE, 0},  {EVENT_LAYERS, 1}, {EVENT_EVAL, 1},
                  {EVENT_SAMPLE, 0}, {EVENT_SAMPLE, 1}, {EVENT_SAMPLE, 2}};
    *s = (struct script){.rng = rng_make(1, 0, 0), .steps = steps};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!take_template(s, wanted[i].type, wanted[i].k)) return false;
    s->templates[1].stage.steps = steps;
    return true;
}

static void script_close(struct script *s) {
    for (int i = 0; i < s->n; i++) event_reader_close(s->readers[i]);
}

typedef void (*teller)(void *context, const struct event *e);

static void tell(struct script *s, struct event e, teller told, void *context) {
    e.seq = ++s->seq;
    e.step = s->step;
    e.t = (double)s->step / 100;
    told(context, &e);
}

static void tell_beginning(struct script *s, teller told, void *context) {
    for (int i = 0; i < 2; i++) tell(s, s->templates[i], told, context);
}

static void tell_step(struct script *s, teller told, void *context) {
    double noise = rng_normal(&s->rng), x = (double)++s->step;
    struct event e = {.type = EVENT_STEP,
                      .stp = {.loss = 2 + 6 / (1 + x / 500) + 0.1 * noise,
                              .lr = 2e-4,
                              .grad_norm = 0.9 + 0.05 * noise,
                              .tokens_per_s = 12500 + 100 * noise,
                              .tokens = s->step * 125,
                              .forward = 0.0031,
                              .backward = 0.0058,
                              .update = 0.0009,
                              .total = 0.0098 + 1e-4 * noise}};
    int64_t eval_every = s->steps > EVALS ? s->steps / EVALS : 1;
    tell(s, e, told, context);
    if (s->step % LAYERS_EVERY == 0) tell(s, s->templates[2], told, context);
    if (s->step % eval_every == 0) tell(s, s->templates[3], told, context);
    for (int i = 4; s->step % SAMPLES_EVERY == 0 && i < s->n; i++)
        tell(s, s->templates[i], told, context);
}

/* ---- a log */

static void write_event(void *context, const struct event *e) {
    struct buf line = {0};
    event_write(e, &line);
    fwrite(line.data, 1, line.len, context);
    buf_deinit(&line);
}

static bool write_log(int64_t steps, const char *path) {
    struct script s;
    FILE *file = fopen(path, "w");
    bool ok = file && script_open(&s, steps);
    if (ok) {
        tell_beginning(&s, write_event, file);
        while (s.step < steps) tell_step(&s, write_event, file);
        script_close(&s);
    }
    return file && fclose(file) == 0 && ok;
}

/* ---- frames */

static double cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void observe(void *context, const struct event *e) { app_observe(context, e); }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double times[FRAMES]) {
    qsort(times, FRAMES, sizeof times[0], by_value);
    return times[FRAMES / 2];
}

/* A frame after each of the last steps: drawn, and drawn and shown. Milliseconds of CPU. */
static bool time_frames(struct script *s, struct app *a, struct term *t, double *draw,
                        double *both) {
    struct canvas c;
    double drawn[FRAMES], shown[FRAMES];
    int w, h;
    term_size(t, &w, &h);
    if (!canvas_init(&c, w, h, term_glyphs(t), NULL)) return false;
    for (int i = -1; i < FRAMES; i++) { /* the first one is not counted: it shows everything */
        tell_step(s, observe, a);
        double start = cpu_now();
        app_draw(a, &c, 1000);
        double middle_time = cpu_now();
        term_blit(t, &c, false);
        if (i < 0) continue;
        drawn[i] = middle_time - start;
        shown[i] = cpu_now() - start;
    }
    *draw = 1e3 * middle(drawn);
    *both = 1e3 * middle(shown);
    canvas_deinit(&c);
    return true;
}

/* In the terminal: the table's row for a length, to `out`. */
static bool measure(int64_t steps, int w, int h, FILE *out) {
    struct script s;
    struct err err = {0};
    struct app_options o = {.mode = APP_WATCH, .name = "bench"};
    double draw, both;
    bool ok = script_open(&s, steps + FRAMES);
    struct app *a = ok ? app_create(&o, &err) : NULL;
    struct term *t = a ? term_open(&(struct term_options){0}, &err) : NULL;
    if (t) {
        tell_beginning(&s, observe, a);
        double start = cpu_now();
        while (s.step < steps) tell_step(&s, observe, a);
        double folded = cpu_now() - start;
        ok = time_frames(&s, a, t, &draw, &both);
        if (ok)
            fprintf(out,
                    "%4dx%-3d %8" PRId64
                    " steps  drawn %6.3f ms  shown %6.3f ms  fold %5.0f ns a step\n",
                    w, h, steps, draw, both, 1e9 * folded / (double)steps);
    } else fprintf(out, "%s\n", err.msg);
    term_close(t);
    app_destroy(a);
    script_close(&s);
    return t && ok;
}

/* A terminal that takes what comes, until its child ends. */
static bool in_terminal(int64_t steps, int w, int h) {
    struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
    FILE *out = fdopen(dup(STDOUT_FILENO), "w");
    char bytes[4096];
    int master, status = 1;
    pid_t child = out ? forkpty(&master, NULL, NULL, &size) : -1;
    if (child < 0) return false;
    if (child == 0) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        bool ok = measure(steps, w, h, out);
        fclose(out);
        _exit(ok ? 0 : 1);
    }
    fclose(out);
    while (read(master, bytes, sizeof bytes) > 0) {
    }
    close(master);
    return waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv) {
    static const int sizes[][2] = {{80, 24}, {200, 60}};
    if (argc == 3) return write_log(strtoll(argv[1], NULL, 10), argv[2]) ? 0 : 1;
    if (argc != 1) {
        fprintf(stderr, "usage: bench_screen [STEPS FILE]\n");
        return 2;
    }
    for (int i = 0; i < 2; i++)
        for (int64_t steps = 100; steps <= 1000000; steps *= 10)
            if (!in_terminal(steps, sizes[i][0], sizes[i][1])) return 1;
    return 0;
}
