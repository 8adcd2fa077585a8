/* replay.h - a log played back: where in it the viewer stands, and how the clock moves that
 * place. One reader plays: it hands out the events whose time has come. Another reads ahead
 * through the whole log and keeps what a jump needs: where steps and marks are, and copies of
 * the fold here and there, so that a jump costs a copy and a few thousand events at most. A log
 * that grows is read on. A place is told as the number of events before it. */
#ifndef THAW_UI_REPLAY_H
#define THAW_UI_REPLAY_H
#include "engine/run/event_log.h"
#include "ui/history.h"

/* Factors of the run's own pace; INFINITY: as fast as it goes. */
#define REPLAY_SLOWEST 0.25
#define REPLAY_FASTEST 64.0

struct replay; /* opaque */

/* Where it stands, for those who show it. */
struct replay_state {
    double t, t_end; /* seconds since the run's start: of the newest event, of the last */
    int64_t step, step_end; /* likewise */
    double speed;
    bool paused, at_end;
};

/* At the log's beginning, playing. The file need not be there yet. NULL with ERR_NOMEM. */
struct replay *replay_open(const char *log, double speed, struct err *err);
void replay_close(struct replay *r); /* NULL is fine */
void replay_state(const struct replay *r, struct replay_state *out);

/* Read ahead for about `slice_s` seconds: 1 when there is more already, 0 when the log has been
 * read to its end, -1 with err when it can't be read. Nothing is played or jumped to before it
 * was read ahead. */
int replay_look_ahead(struct replay *r, double slice_s, struct err *err);

/* Hand out the events that are due at `now` (clock_now()), for about `slice_s` seconds. Long
 * silence between two events is shortened. Returns how many; *more: others are due already. */
int64_t replay_play(struct replay *r, double now, double slice_s,
                    void (*hear)(void *ctx, const struct event *e), void *ctx, bool *more);
void replay_pause(struct replay *r, bool paused);
/* To the next of 0.25, 0.5, 1 ... 64, INFINITY. */
void replay_change_speed(struct replay *r, int by);

/* Places to jump to. A step's place is before the next one: what came with it is told. */
int64_t replay_steps_from_here(const struct replay *r, int64_t by);   /* negative: back */
int64_t replay_share_from_here(const struct replay *r, double share); /* of all steps */
int64_t replay_place_of_step(const struct replay *r, int64_t step);
/* The next mark of the journal or of `own` steps, on or back, and what it says; -1: none. */
int64_t replay_mark_from_here(const struct replay *r, bool forward, const double *own,
                              int n_own, char *text, size_t size);
/* Go there: *h becomes the fold over all before it. False: the log can't be read so far. */
bool replay_jump(struct replay *r, int64_t place, struct history *h);
#endif
