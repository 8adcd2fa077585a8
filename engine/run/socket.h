/* socket.h - Unix sockets at paths of any length. */
#ifndef THAW_ENGINE_RUN_SOCKET_H
#define THAW_ENGINE_RUN_SOCKET_H
#include <stdbool.h>
#include <sys/types.h>

#include "engine/core/err.h"

/* Listen at `path`, mode 0600; a socket there that nobody answers is removed first. Descriptors
 * are non-blocking and close-on-exec. -1 with err. */
int socket_listen(const char *path, struct err *err);
/* Connect to `path`; -1 with errno. */
int socket_connect(const char *path);
/* Whether the process at the other end is one of user `user`. */
bool socket_peer_is(int fd, uid_t user);
#endif
