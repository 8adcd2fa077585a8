/* crash_disk.h - a disk of which the power may fail: plays back what interpose.c recorded and
 * tells what could then be left. What was synced is left; of the rest, as POSIX allows, each
 * file has lost any of its writes, or a part of one, and each folder any of its changes. The
 * model is stricter than most real file systems: syncing a file does not make its name last,
 * only syncing its folder does. Owner of all memory: the disk. Running out of it ends the
 * program. */
#ifndef THAW_TESTS_FAULTS_CRASH_DISK_H
#define THAW_TESTS_FAULTS_CRASH_DISK_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/err.h"
#include "engine/core/rng.h"
#include "tests/faults/trace.h"

struct crash_disk; /* opaque */

struct crash_disk *crash_disk_create(void);
void crash_disk_destroy(struct crash_disk *d);

/* A record as it stands in a trace's bytes at `at`; *next: the place behind it. False: cut
 * short. */
struct crash_op {
    struct trace_record head;
    char path[512], other[512];
    const unsigned char *bytes; /* head.n, in the trace */
};
bool crash_op_read(const void *trace, size_t n, size_t at, struct crash_op *out, size_t *next);

/* Do as the record says. ERR_RANGE for what the model does not know. */
bool crash_disk_apply(struct crash_disk *d, const struct crash_op *op, struct err *err);

enum crash_kind {
    CRASH_ORDERED,   /* each file and folder has the first few of its changes, the last one in
                        part */
    CRASH_SHUFFLED,  /* any of them: a later one may be there without an earlier one */
    CRASH_NAMES_ONLY /* all changes of folders, nothing of files that was not synced */
};
/* Make below `path`, an empty folder, what a power loss now could leave. *undone: how many
 * changes are missing or torn. */
bool crash_disk_leave(const struct crash_disk *d, const char *path, enum crash_kind kind,
                      struct rng *r, long *undone, struct err *err);
#endif
