/* trace.h - what interpose.c writes down of a run's calls to the file system, for crash_disk.c
 * to play back: records of a header, one or two paths relative to the run's folder, and bytes.
 */
#ifndef THAW_TESTS_FAULTS_TRACE_H
#define THAW_TESTS_FAULTS_TRACE_H
#include <stdint.h>

enum trace_op {
    TRACE_CREATE = 'c',   /* a file that was not there */
    TRACE_WRITE = 'w',    /* n bytes at `offset` */
    TRACE_TRUNCATE = 't', /* to `offset` bytes */
    TRACE_SYNC = 's',     /* of a file or a folder */
    TRACE_MKDIR = 'm',
    TRACE_RENAME = 'r',
    TRACE_EXCHANGE = 'x', /* two paths change places */
    TRACE_UNLINK = 'u',
    TRACE_RMDIR = 'd',
};

struct trace_record {
    uint32_t op;
    uint32_t path_bytes, other_bytes; /* "": the run's folder itself; other: RENAME, EXCHANGE */
    uint32_t n;                       /* bytes behind the paths: WRITE */
    uint64_t offset;
};
#endif
