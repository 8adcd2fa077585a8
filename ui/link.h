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
#endif
