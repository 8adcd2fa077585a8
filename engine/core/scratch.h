/* scratch.h - a file without a name beside another: what would be too much for memory is put aside there. It
 * is gone with the process, however that ends. Failures are ERR_IO, or ERR_FULL; messages name the file beside. */
#ifndef THAW_ENGINE_CORE_SCRATCH_H
#define THAW_ENGINE_CORE_SCRATCH_H
#include <stddef.h>
#include <stdint.h>

#include "engine/core/err.h"

struct scratch {
    int fd; /* -1: closed */
    uint64_t bytes;
    const char *beside; /* borrowed, for messages */
};

/* In the folder that `beside` stands in; on failure it is closed. */
bool scratch_open(struct scratch *s, const char *beside, struct err *err);
void scratch_close(struct scratch *s); /* a closed one is fine */
bool scratch_add(struct scratch *s, const void *bytes, size_t n, struct err *err);
/* Bytes [at, at + n), all of which have been added. */
bool scratch_read(const struct scratch *s, uint64_t at, void *out, size_t n, struct err *err);
#endif
