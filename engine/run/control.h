/* control.h - RUN/control.sock: commands in, answers out, JSON Lines both ways.
 * Mode 0600, in a 0700 folder; only the same user is answered (SO_PEERCRED). A path longer than
 * sun_path is reached through /proc/self/fd. Frames are at most 64 KiB; a client that sends more, or
 * is silent inside a frame for 10 s, is dropped. At most 32 clients. One of them may ask to steer alone
 * (role.h): as long as it is connected, what the others ask is refused, and they are told. */
#ifndef THAW_ENGINE_RUN_CONTROL_H
#define THAW_ENGINE_RUN_CONTROL_H
#include "engine/run/command.h"

/* ---- the engine's side: a thread that serves, a queue that the step loop empties ---- */
struct control; /* opaque */
/* Remove a stale socket, listen, start the thread (all signals blocked). */
struct control *control_start(const char *socket_path, struct err *err);
void control_stop(struct control *c); /* answers what waits with an error, unlinks; NULL is fine */

/* Take the oldest waiting command; false when there is none. Each taken one must be answered. */
struct control_ticket { int client; uint64_t serial; };
bool control_take(struct control *c, struct command *out, struct control_ticket *ticket);
void control_answer(struct control *c, struct control_ticket ticket, const struct answer *a);
/* Say something unasked (command.h): to every client now, and to each that comes while it holds, which
 * is until another notice; "": nothing. NULL is fine. */
void control_tell(struct control *c, const char *notice);
/* How many clients are connected now. */
int control_clients(struct control *c);
/* Wait until a command is there or seconds have passed (for a paused engine). */
void control_wait(struct control *c, double seconds);

/* ---- the asker's side ---- */
/* Connect; -1 when nobody answers ("the run is not running: thaw run --resume NAME"). The descriptor
 * is non-blocking and close-on-exec. */
int control_connect(const char *socket_path, struct err *err);
/* Send one command and wait for its answer up to `seconds`. */
bool control_ask(const char *socket_path, const struct command *c, double seconds,
                 struct answer *out, struct err *err);
#endif
