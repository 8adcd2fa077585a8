#include "engine/core/hold.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

static _Thread_local int depth;
static _Thread_local sigset_t before; /* the mask outside of the outermost hold */

void signals_hold(void) {
    sigset_t all;
    if (depth++ > 0) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
}

void signals_let(void) {
    assert(depth > 0);
    if (--depth == 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
}
