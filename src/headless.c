#include "src/headless.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/core/text.h"
#include "engine/run/event_log.h"
#include "engine/run/settings.h"
#include "src/cli.h"
#include "src/screen.h"
#include "src/spawn.h"
#include "ui/format.h"
#include "ui/link.h"

static const double line_every_s = 1.0, look_every_s = 0.05, silence_s = 2;
static const double start_patience_s = 10; /* for text to be prepared, in headless_started() */

enum { LOG_TAIL_BYTES = 2000, DISK_FULL_BYTES = 1 << 14 };

struct headless {
    const struct run_paths *run;
    struct event_reader *reader;
    bool quiet; /* folding what was there before: nothing is printed */
    char name[NAME_MAX_BYTES];

    int n_stages, stage;
    char stage_name[NAME_MAX_BYTES];
    int64_t stage_steps, stage_start[STAGES_MAX]; /* steps planned; first step of each */
    int64_t plan_steps[STAGES_MAX];               /* of each, as the run was planned */
    bool stage_known[STAGES_MAX], planned;        /* planned: the plan was printed */
    int64_t step;
    double step_s; /* recent mean of a step's seconds */

    struct event_set sets[SETS_MAX]; /* names in set_names */
    char set_names[SETS_MAX][NAME_MAX_BYTES];
    int n_sets;

    bool ended, error_told;
    int stops_sent;
    bool given_up;             /* the engine has paused itself: numbers went bad */
    bool waits;                /* it has trained all it will, and waits for room to save it */
    bool run_told, stage_told; /* by the engine that is followed */
    bool has_prompts;
    bool gone; /* the engine was waited for; wait_status tells how it ended */
    int wait_status;
    char reason[16], problem[480]; /* of the end; the last error */
    double last_line;              /* clock of the last line that may be left out */
    struct link link;              /* hears what the log cannot tell */
    double heard_at;               /* clock of the last event, or look at the link */
};

/* ---- signals ---- */

static volatile sig_atomic_t interrupts; /* a handler can write nowhere else */

static void on_interrupt(int number) {
    (void)number;
    interrupts++;
}

static void catch_interrupts(void) {
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

/* ---- lines ---- */

static void line(const struct headless *h, const char *word, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void line(const struct headless *h, const char *word, const char *fmt, ...) {
    char text[3000];
    va_list args;
    if (h->quiet) return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct buf out = {0};
    text_sanitise(&out, text, strlen(text), false);
    printf("%-10s %s\n", word, buf_text(&out));
    fflush(stdout);
    buf_deinit(&out);
}

/* Whether a line that may be left out is due. */
static bool due(struct headless *h) {
    double now = clock_now();
    if (h->quiet || now - h->last_line < line_every_s) return false;
    h->last_line = now;
    return true;
}

static const char *trimmed(const char *s) { return s + strspn(s, " "); }

/* ---- the plan ---- */

static uint64_t count_parameters(const struct event_run *e) {
    uint64_t sum = 0;
    for (int i = 0; i < e->n_groups; i++) {
        const char *name = e->groups[i].name;
        bool part_of_block = strncmp(name, "block.", 6) == 0 && strchr(name + 6, '.');
        if (!part_of_block) sum += e->groups[i].parameters;
    }
    return sum;
}

static void tell_model(const struct headless *h, const struct event_run *e) {
    struct model_config c = {0};
    char parameters[FORMAT_MAX], memory[FORMAT_MAX];
    format_count(parameters, (double)count_parameters(e));
    format_bytes(memory, (double)e->memory_bytes);
    if (model_config_parse(e->model, strlen(e->model), &c, NULL))
        line(h, "model",
             "%s, %d blocks, width %d, %d heads, context %d, vocabulary %d: %s parameters",
             family_traits[c.family].word, c.layers, c.width, c.heads, c.context, c.vocab,
             parameters);
    bool shares = e->beside && e->beside[0];
    line(h, "machine", "%d thread%s, %s, %s planned%s%s", e->threads,
         e->threads == 1 ? "" : "s", e->blas, memory, shares ? "; shares its cores with " : "",
         shares ? e->beside : "");
}

static void observe_run(struct headless *h, const struct event_run *e) {
    snprintf(h->name, sizeof h->name, "%s", e->name);
    h->n_stages = e->n_stages;
    h->has_prompts = e->n_prompts > 0;
    h->ended = false;
    h->run_told = true;
    for (int i = 0; i < e->n_stages && i < STAGES_MAX; i++)
        h->plan_steps[i] = e->stages[i].steps;
    if (h->planned) return; /* told again, with the vocabulary that was really learned */
    struct buf stages = {0};
    for (int i = 0; i < e->n_stages; i++)
        buf_printf(&stages, "%s%s %" PRId64 " steps", i ? ", then " : "", e->stages[i].name,
                   e->stages[i].steps);
    tell_model(h, e);
    line(h, "plan", "%s", buf_text(&stages));
    buf_deinit(&stages);
    h->planned = !h->quiet;
}

static void observe_stage(struct headless *h, const struct event *ev) {
    const struct event_stage *e = &ev->stage;
    if (e->finished || e->index < 0 || e->index >= STAGES_MAX) {
        line(h, "stage", "%s is finished", e->name);
        return;
    }
    /* one that is gone back to, or resumed in its middle, began where it did */
    int64_t *start = &h->stage_start[e->index];
    if (!h->stage_known[e->index] || e->index > h->stage || ev->step < *start)
        *start = ev->step;
    h->stage_known[e->index] = h->stage_told = true;
    h->stage = e->index;
    h->stage_steps = e->steps;
    h->step_s = 0;
    snprintf(h->stage_name, sizeof h->stage_name, "%s", e->name);
    for (int i = 0; i < e->n_data; i++) {
        char tokens[FORMAT_MAX], lines[FORMAT_MAX];
        format_count(tokens, (double)e->data[i].tokens);
        format_count(lines, (double)e->data[i].lines);
        line(h, "stage", "%d/%d %s: %s%s (%s tokens in %s lines)", e->index + 1, h->n_stages,
             e->name, i ? "replays " : "", e->data[i].source, tokens, lines);
    }
}

/* ---- training ---- */

static bool is_last_stage(const struct headless *h) { return h->stage + 1 >= h->n_stages; }

/* "0:05 left": in the stage, and in the whole run when more stages follow. */
static void time_left(const struct headless *h, int64_t done, char *out, size_t size) {
    char stage[FORMAT_MAX], whole[FORMAT_MAX];
    int64_t left = h->stage_steps - done;
    format_duration(stage, (double)left * h->step_s);
    for (int i = h->stage + 1; i < h->n_stages && i < STAGES_MAX; i++) left += h->plan_steps[i];
    format_duration(whole, (double)left * h->step_s);
    if (is_last_stage(h)) snprintf(out, size, "%s left", trimmed(stage));
    else snprintf(out, size, "%s left, %s in all", trimmed(stage), trimmed(whole));
}

/* "61/100", or "1/40 (run 61)" where a stage counts from its own start. */
static void step_words(const struct headless *h, int64_t done, char *out, size_t size) {
    int n = snprintf(out, size, "%" PRId64 "/%" PRId64, done, h->stage_steps);
    if (done != h->step && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, " (run %" PRId64 ")", h->step);
}

static void observe_step(struct headless *h, const struct event *ev) {
    const struct event_step *e = &ev->stp;
    char loss[FORMAT_MAX], lr[FORMAT_MAX], speed[FORMAT_MAX], norm[FORMAT_MAX];
    char left[64], steps[80];
    int64_t done = ev->step - h->stage_start[h->stage];
    h->step = ev->step;
    h->step_s = h->step_s > 0 ? 0.95 * h->step_s + 0.05 * e->total : e->total;
    if (!due(h) && done != h->stage_steps) return;
    format_loss(loss, e->loss);
    format_rate(lr, e->lr);
    format_norm(norm, e->grad_norm);
    format_speed(speed, e->tokens_per_s);
    time_left(h, done, left, sizeof left);
    step_words(h, done, steps, sizeof steps);
    line(h, "step", "%s  loss %s  lr %s  |g| %s  %s tok/s  %s", steps, trimmed(loss),
         trimmed(lr), trimmed(norm), trimmed(speed), left);
}

static void keep_set(struct headless *h, const struct event_set *set) {
    int i = 0;
    while (i < h->n_sets && strcmp(h->set_names[i], set->name) != 0) i++;
    if (i == SETS_MAX) return;
    if (i == h->n_sets) h->n_sets++;
    snprintf(h->set_names[i], sizeof h->set_names[i], "%s", set->name);
    h->sets[i] = *set;
    h->sets[i].name = h->set_names[i];
}

static void observe_eval(struct headless *h, const struct event_eval *e) {
    for (int i = 0; i < e->n_sets; i++) {
        const struct event_set *set = &e->sets[i];
        char loss[FORMAT_MAX], ppl[FORMAT_MAX], base[FORMAT_MAX];
        keep_set(h, set);
        format_loss(loss, set->tuned.loss);
        format_perplexity(ppl, set->tuned.perplexity);
        format_perplexity(base, set->base.perplexity);
        char right[32] = "";
        if (isfinite(set->tuned.accuracy))
            snprintf(right, sizeof right, ", %.0f %% answered right",
                     100 * set->tuned.accuracy);
        line(h, "eval", "%s: loss %s, perplexity %s%s%s%s", set->name, trimmed(loss), ppl,
             set->has_base ? ", base " : "", set->has_base ? base : "", right);
    }
}

/* Before the last stage nothing is tuned: there is one model. */
static void observe_sample(const struct headless *h, const struct event_sample *e) {
    struct buf text = {0};
    bool model = strcmp(e->side, "tuned") == 0 && !is_last_stage(h);
    for (int i = 0; i < e->n_tokens; i++) buf_str(&text, e->tokens[i].text);
    line(h, model ? "model" : e->side, "%s%s", e->prompt, buf_text(&text));
    buf_deinit(&text);
}

static void observe_checkpoint(const struct headless *h, const struct event_checkpoint *e) {
    char bytes[FORMAT_MAX];
    format_bytes(bytes, (double)e->bytes);
    line(h, "checkpoint", "%s, %s in %.2f s", e->path, bytes, e->seconds);
}

static void observe_progress(struct headless *h, const struct event_progress *e) {
    const char *label = h->step_s > 0 ? "between" : "prepare";
    if (!due(h)) return;
    if (e->total > 0) line(h, label, "%s: %.0f%%", e->what, 100 * e->done / e->total);
    else line(h, label, "%s", e->what);
}

static void observe_freeze(const struct headless *h, const struct event *ev) {
    const struct event_freeze *e = &ev->freeze;
    char seconds[FORMAT_MAX];
    format_seconds(seconds, e->measured_s);
    bool measured = isfinite(e->measured_s);
    line(h, "freeze", "%s %s from step %" PRId64 " on (%s)%s%s", e->group,
         e->frozen ? "is frozen" : "learns", ev->step, e->by,
         measured ? ", a step now takes " : "", measured ? trimmed(seconds) : "");
}

static void observe_problem(struct headless *h, const struct event_problem *e) {
    line(h, e->error ? "ERROR" : "warning", "%s", e->text);
    if (e->error) snprintf(h->problem, sizeof h->problem, "%s", e->text);
    h->error_told |= e->error;
}

static void observe_control(struct headless *h, const struct event_control *e) {
    line(h, "control", "%s %s (%s)", e->verb, e->argument, e->by);
    bool pause = strcmp(e->verb, "pause") == 0, engine = strcmp(e->by, "engine") == 0;
    h->given_up = pause && engine && !*e->argument;
    if (!engine) return;
    if (!pause) h->error_told = false; /* there was room in the end */
    h->waits = pause && *e->argument;
}

static void observe(struct headless *h, const struct event *e) {
    switch (e->type) {
    case EVENT_RUN:
        observe_run(h, &e->run);
        break;
    case EVENT_STAGE:
        observe_stage(h, e);
        break;
    case EVENT_STEP:
        observe_step(h, e);
        break;
    case EVENT_EVAL:
        observe_eval(h, &e->eval);
        break;
    case EVENT_SAMPLE:
        observe_sample(h, &e->sample);
        break;
    case EVENT_FREEZE:
        observe_freeze(h, e);
        break;
    case EVENT_CONTROL:
        observe_control(h, &e->control);
        break;
    case EVENT_CHECKPOINT:
        observe_checkpoint(h, &e->checkpoint);
        break;
    case EVENT_PROBLEM:
        observe_problem(h, &e->problem);
        break;
    case EVENT_PROGRESS:
        observe_progress(h, &e->progress);
        break;
    case EVENT_END:
        h->ended = true;
        snprintf(h->reason, sizeof h->reason, "%s", e->end.reason);
        break;
    default:
        break;
    }
}

/* Fold everything that is there. False when the log cannot be read. */
static bool drain(struct headless *h, struct err *err) {
    struct event e;
    int got;
    while ((got = event_reader_next(h->reader, &e, err)) > 0) {
        observe(h, &e);
        h->heard_at = clock_now();
    }
    return got == 0;
}

/* ---- the summary ---- */

static void tell_set(const struct event_set *s) {
    char base[FORMAT_MAX], tuned[FORMAT_MAX];
    format_perplexity(base, s->base.perplexity);
    format_perplexity(tuned, s->tuned.perplexity);
    if (!s->has_base) {
        cli_print("  %-10s perplexity %s", s->name, tuned);
        return;
    }
    double change = 100 * (s->tuned.perplexity / s->base.perplexity - 1);
    cli_print("  %-10s perplexity %s before fine-tuning, %s now (%+.0f%%)", s->name, base,
              tuned, change);
}

static void tell_summary(const struct headless *h) {
    char run[PATH_MAX];
    bool dead = !h->ended && !files_is_locked(h->run->lock, NULL);
    run_dir_word(h->run, run);
    cli_print("\nthaw: %s %s at step %" PRId64 "%s", screen_run_name(h->run),
              h->ended ? h->reason
              : dead   ? "is dead"
                       : "goes on training",
              h->step, dead ? ": its engine is gone" : "");
    for (int i = 0; i < h->n_sets; i++) tell_set(&h->sets[i]);
    if (dead || (h->ended && strcmp(h->reason, "finished") != 0))
        cli_print("  go on with:         thaw run --resume %s", run);
    cli_print("  %s   thaw attach %s",
              h->ended || dead ? "look at it again:" : "come back with:  ", run);
    if (h->ended && h->has_prompts && files_is_dir(h->run->base))
        cli_print("  base against tuned: thaw compare %s", run);
    fflush(stdout);
}

static bool failed(const struct headless *h) {
    return h->ended && strcmp(h->reason, "failed") == 0;
}

/* A failed run is told as an error, below what it has reached. */
static int tell_end(const struct headless *h) {
    struct err err;
    if (!failed(h) || h->stage_told) tell_summary(h);
    if (!failed(h)) return CLI_OK;
    err_set(&err, ERR_IO, "the run failed: %s", h->problem);
    return cli_fail(&err);
}

int headless_summary(struct headless *h) {
    h->quiet = true;
    drain(h, NULL);
    return tell_end(h);
}

/* ---- following ---- */

static void rest(double seconds) {
    struct timespec t = {0, (long)(seconds * 1e9)};
    nanosleep(&t, NULL); /* a signal ends it early, as it should */
}

/* Whether the engine, our child, is no more. */
static bool gone(struct headless *h, pid_t engine) {
    if (!h->gone) h->gone = waitpid(engine, &h->wait_status, WNOHANG) != 0;
    return h->gone;
}

/* The engine is gone, and its log does not say why. */
static bool tell_death(const struct headless *h, struct err *err) {
    struct buf tail = {0};
    char how[64], run[PATH_MAX], newest[PATH_MAX], from[48] = "";
    int64_t saved = checkpoint_newest(h->run->checkpoints, newest, NULL, 0);
    if (saved >= 0) snprintf(from, sizeof from, " from step %" PRId64, saved);
    if (WIFSIGNALED(h->wait_status))
        snprintf(how, sizeof how, "was killed (%s)", strsignal(WTERMSIG(h->wait_status)));
    else snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(h->wait_status));
    run_dir_word(h->run, run);
    spawn_log_tail(h->run, LOG_TAIL_BYTES, &tail);
    if (tail.len) fprintf(stderr, "%s", buf_text(&tail));
    bool full = files_free_bytes(h->run->dir) < DISK_FULL_BYTES;
    err_set(err, ERR_IO, "the engine %s%s%s; go on%s with: thaw run --resume %s", how,
            tail.len ? ", its last lines are above" : "",
            full ? "; the disk is full, make room on it first" : "", from, run);
    buf_deinit(&tail);
    return false;
}

/* Ask the engine to stop, and with the second to give up what it cannot save; SIGTERM reaches
 * it also while it prepares. */
static void send_stops(struct headless *h, pid_t engine) {
    int wanted = interrupts > 0 ? (int)interrupts : h->given_up;
    for (; h->stops_sent < wanted && h->stops_sent < 2; h->stops_sent++) {
        line(h, "stop",
             h->waits || h->stops_sent > 0 ? "what is not saved is given up"
                                           : "after this step, with a checkpoint");
        kill(engine, SIGTERM);
    }
}

/* What was read so far belongs to an earlier engine. */
static void forget_end(struct headless *h) {
    h->ended = h->error_told = h->given_up = h->waits = h->run_told = h->stage_told = false;
}

/* A log that has fallen silent may be on a full disk: the engine then says so at its socket. */
static void listen_to(struct headless *h) {
    struct answer none;
    if (clock_now() - h->heard_at > silence_s) {
        link_listen(&h->link);
        h->heard_at = clock_now();
    }
    link_pump(&h->link, NULL);
    while (link_next(&h->link, &none)) {
    }
    const char *notice = link_notice(&h->link);
    if (notice && *notice) line(h, "warning", "%s", notice);
}

int headless_follow(struct headless *h, pid_t engine) {
    struct err err = {0};
    catch_interrupts();
    forget_end(h);
    while (!h->ended && interrupts < (h->waits ? 3 : 2)) { /* what waits gives up at once */
        bool dead = gone(h, engine); /* before reading: what it wrote last is still read */
        if (!drain(h, &err)) return cli_fail(&err);
        if (h->ended) break;
        if (dead) {
            tell_death(h, &err);
            return cli_fail(&err);
        }
        send_stops(h, engine);
        listen_to(h);
        rest(look_every_s);
    }
    if (h->ended && !h->gone) waitpid(engine, NULL, 0); /* its lock is free after this */
    if (!h->ended) send_stops(h, engine);
    int status = tell_end(h);
    if (interrupts > 0 && !failed(h)) return CLI_INTERRUPTED;
    return h->error_told ? CLI_FAILED : status;
}

bool headless_started(struct headless *h, pid_t engine, struct err *err) {
    double start = clock_now();
    h->quiet = true;
    forget_end(h);
    while (!h->ended && !h->stage_told) {
        bool dead = gone(h, engine);
        if (!drain(h, err)) return false;
        if (dead && !h->ended) return tell_death(h, err);
        if (h->run_told && clock_now() - start > start_patience_s) break;
        rest(look_every_s);
    }
    if (!h->ended || strcmp(h->reason, "failed") != 0) return true;
    return err_set(err, ERR_IO, "the run could not start: %s", h->problem);
}

bool headless_finished(const struct headless *h, int n_stages, int64_t *step) {
    *step = h->step;
    return h->ended && strcmp(h->reason, "finished") == 0 && h->n_stages == n_stages;
}

bool headless_never_began(struct headless *h) {
    h->quiet = true;
    drain(h, NULL);
    return h->ended && !h->stage_told && strcmp(h->reason, "failed") == 0;
}

struct headless *headless_create(const struct run_paths *run, struct err *err) {
    struct headless *h = calloc(1, sizeof *h);
    if (!h) {
        err_set(err, ERR_NOMEM, "not enough memory to follow the run");
        return NULL;
    }
    *h = (struct headless){.run = run, .quiet = true};
    link_init(&h->link, run->socket);
    h->reader = event_reader_open(run->events, err);
    if (!h->reader || !drain(h, err)) {
        headless_destroy(h);
        return NULL;
    }
    h->quiet = false;
    return h;
}

void headless_destroy(struct headless *h) {
    if (!h) return;
    event_reader_close(h->reader);
    link_deinit(&h->link);
    free(h);
}
