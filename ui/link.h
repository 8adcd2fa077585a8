/* link.h - the screen's line to a running engine: commands out, answers in, never waiting. */
#ifndef THAW_UI_LINK_H
#define THAW_UI_LINK_H
#include "engine/run/command.h"
#include "engine/run/frame.h"

struct link {
    const char *socket; /* path, borrowed */
    int fd;             /* -1: not connected */
    struct buf out;     /* what is still to be sent */
    size_t sent;
    struct frame in;
    char notice[NOTICE_MAX]; /* the last one */
    bool heard;              /* it was not taken yet */
    int role;                /* told and not taken yet: 1 steers, -1 watches, 0 nothing */
};

void link_init(struct link *l, const char *socket_path);
void link_deinit(struct link *l);
/* Take a command; connects when needed. False: nobody answers, with what to do in err. */
bool link_send(struct link *l, const struct command *c, struct err *err);
/* Send what is waiting and take in what has come. False: the connection was lost; answers that
 * came before are still to be taken. */
bool link_pump(struct link *l, struct err *err);
/* The next answer that has come; false: none. */
bool link_next(struct link *l, struct answer *out);
/* Connect only to hear what the engine says unasked; nothing when it does not answer. */
void link_listen(struct link *l);
/* Ask to be the only one that steers (role.h); connects when needed. */
bool link_hold(struct link *l, struct err *err);
/* What this screen was told to be since the last call: 1 it steers (again), -1 it only watches, 0 nothing. */
int link_role(struct link *l);
/* What the engine has said since the last call, after link_next(); NULL: nothing, "": that what it
 * said before is over. Valid until the next link_next(). */
const char *link_notice(struct link *l);
#endif
