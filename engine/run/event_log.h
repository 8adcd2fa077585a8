/* event_log.h - events.jsonl: appended by one engine, followed by any number of readers. */
#ifndef THAW_ENGINE_RUN_EVENT_LOG_H
#define THAW_ENGINE_RUN_EVENT_LOG_H
#include "engine/run/event.h"

/* ---- writing ---- */
struct event_log {
    int fd;        /* -1: closed */
    int64_t seq;   /* of the last event written */
    double start;  /* clock_wall() of the run's start, so that t goes on through resume */
    struct buf unwritten; /* what a full disk has not taken yet: goes in front of the next event */
    void (*listen)(void *ctx, const struct event *e); /* gets the events in a file's place; else NULL */
    void *ctx;
    int64_t lost;         /* events that found no room in `unwritten` either */
};
/* Open for appending (created 0600). A torn last line is cut off; seq and t go on from the last. */
bool event_log_open(struct event_log *log, const char *path, struct err *err);
/* A log without a file: each event goes to `listen`, is valid while that runs, and is then forgotten. For
 * a trainer that leaves no run behind. */
void event_log_listen(struct event_log *log, void (*listen)(void *ctx, const struct event *e), void *ctx);
/* Fill in seq and t and append the line with one write(2). On failure the event is kept and written with
 * the next one, or by event_log_close(), as soon as the disk has room (4 MiB of events at most). */
bool event_log_put(struct event_log *log, struct event *e, struct err *err);
/* Write what waits; true when nothing does any more. */
bool event_log_flush(struct event_log *log, struct err *err);
bool event_log_sync(struct event_log *log, struct err *err); /* fsync */
void event_log_close(struct event_log *log);

/* ---- following ---- */
struct event_reader; /* opaque */
/* Starts at the beginning. The file may not exist yet. */
struct event_reader *event_reader_open(const char *path, struct err *err);
void event_reader_close(struct event_reader *r); /* NULL is fine */
/* The next event: 1 and *out (valid until the next call), 0 when there is none now (the rest of a
 * torn line is waited for), -1 with err when the file can't be read. Lines that are no events are
 * counted and skipped. */
int event_reader_next(struct event_reader *r, struct event *out, struct err *err);
/* Where the line behind the newest event begins, in bytes; and go on from such a place, as if all before it
 * had been handed out. */
int64_t event_reader_place(const struct event_reader *r);
void event_reader_go(struct event_reader *r, int64_t place);
int64_t event_reader_skipped(const struct event_reader *r);
#endif
