/* fuzz_event_log.c - any bytes as events.jsonl: read to the end, opened to go on, and what is
 * then written is the one event that a reader finds more. Built as a libFuzzer target, and into
 * test_fuzz_event_log. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/run/event_log.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* Events that a reader finds; *last: the number of the last one. */
static int64_t read_log(const char *path, int64_t *last) {
    struct err err = {0};
    struct event e;
    struct event_reader *r = event_reader_open(path, &err);
    require(r != NULL);
    int64_t n = 0;
    int more;
    while ((more = event_reader_next(r, &e, &err)) == 1) {
        *last = e.seq;
        n++;
    }
    require(more == 0 && event_reader_skipped(r) >= 0);
    event_reader_close(r);
    return n;
}

static void go_on(const char *path) {
    struct err err = {0};
    struct event_log log;
    struct event e = {.type = EVENT_PROBLEM, .problem = {false, "fuzz"}};
    require(event_log_open(&log, path, &err));
    require(event_log_put(&log, &e, &err) && e.seq == log.seq);
    event_log_close(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char path[PATH_MAX];
    int64_t last = 0, written = 0;
    snprintf(path, sizeof path, "%s",
             folder_put("events.jsonl", (struct folder_part){data, size}));
    int64_t before = read_log(path, &last);
    go_on(path);
    require(read_log(path, &written) == before + 1 && written > 0);
    return 0;
}
