/* role.h - who steers: a wish and a fact about a connection to control.sock, not about the run, so they
 * are no commands (command.h) and stand in no log. */
#ifndef THAW_ENGINE_RUN_ROLE_H
#define THAW_ENGINE_RUN_ROLE_H
#include <stdint.h>

#include "engine/core/buf.h"

/* The wish of `attach --steal`: to be the only one that steers, for as long as this connection lasts.
 * Answered like a command. */
void hold_to_json(int64_t id, struct buf *out); /* with newline */
bool hold_from_json(const char *line, size_t n, int64_t *id); /* false: it is none */

/* What the others hear then, unasked: that they only watch, and later that they steer again. */
void role_to_json(bool steers, struct buf *out); /* with newline */
bool role_from_json(const char *line, size_t n, bool *steers); /* false: it is none */
#endif
