#include "engine/run/event_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/run/event_parts.h"

enum {
    CHUNK_BYTES = 1 << 16,    /* read at once */
    HEAD_BYTES = 96,          /* of a line hold its type */
    UNWRITTEN_MAX = 4 << 20,  /* of events that wait for room on the disk */
    LINE_BYTES_MAX = 16 << 20 /* a longer line is no event */
};

static const int64_t SEQ_MAX = 1ll << 53; /* what every reader of JSON keeps */

static ssize_t read_at(int fd, void *bytes, size_t n, off_t at) {
    ssize_t got;
    do {
        got = pread(fd, bytes, n, at);
    } while (got < 0 && errno == EINTR);
    return got;
}

static int open_again(const char *path, int flags) {
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* --- writing */

/* Append file[from, to) to `out`. */
static bool add_range(int fd, off_t from, off_t to, struct buf *out) {
    char chunk[1 << 14];
    while (from < to) {
        size_t want = (size_t)(to - from) < sizeof chunk ? (size_t)(to - from) : sizeof chunk;
        ssize_t got = read_at(fd, chunk, want, from);
        if (got <= 0 || !buf_add(out, chunk, (size_t)got)) return false;
        from += got;
    }
    return true;
}

/* The place behind the last newline before `end`, 0 when there is none; -1: can't be read. */
static off_t line_start(int fd, off_t end) {
    char chunk[1 << 14];
    while (end > 0) {
        size_t want = (size_t)end < sizeof chunk ? (size_t)end : sizeof chunk;
        ssize_t got = read_at(fd, chunk, want, end - (off_t)want);
        if (got != (ssize_t)want) return -1;
        const char *newline = memrchr(chunk, '\n', want);
        if (newline) return end - (off_t)want + (newline - chunk) + 1;
        end -= (off_t)want;
    }
    return 0;
}

/* seq and t of the last event, looking back over lines that are none. */
static bool find_last(struct event_log *log, off_t end) {
    struct buf line = {0};
    bool found = false;
    double t = 0;
    while (end > 0 && !found) {
        off_t start = line_start(log->fd, end - 1);
        buf_clear(&line);
        struct event e;
        if (start < 0 || !add_range(log->fd, start, end, &line)) break;
        if (event_parse(buf_text(&line), line.len, &e, NULL)) {
            bool sound = e.seq > 0 && e.seq < SEQ_MAX; /* else no engine wrote it */
            log->seq = sound ? e.seq : 0;
            t = e.t;
            event_deinit(&e);
            found = true;
        }
        end = start;
    }
    buf_deinit(&line);
    log->start = clock_wall() - t;
    return found || end == 0;
}

static bool go_on(struct event_log *log, const char *path, struct err *err) {
    struct stat st;
    if (fstat(log->fd, &st) != 0) return err_errno(err, "cannot read %s", path);
    if (!S_ISREG(st.st_mode)) return err_set(err, ERR_IO, "%s is not a regular file", path);
    off_t end = line_start(log->fd, st.st_size);
    if (end < 0 || !find_last(log, end)) return err_errno(err, "cannot read %s", path);
    if (end < st.st_size && ftruncate(log->fd, end) != 0)
        return err_errno(err, "cannot cut off the torn last line of %s", path);
    return true;
}

bool event_log_open(struct event_log *log, const char *path, struct err *err) {
    *log = (struct event_log){.fd = open_again(path, O_RDWR | O_CREAT | O_APPEND)};
    if (log->fd < 0) return err_errno(err, "cannot open %s", path);
    files_share_new(log->fd, path);
    if (go_on(log, path, err)) return true;
    event_log_close(log);
    return false;
}

void event_log_listen(struct event_log *log, void (*listen)(void *ctx, const struct event *e),
                      void *ctx) {
    *log = (struct event_log){.fd = -1, .start = clock_wall(), .listen = listen, .ctx = ctx};
}

/* Write what waits; what the disk does not take stays in front. */
bool event_log_flush(struct event_log *log, struct err *err) {
    struct buf *b = &log->unwritten;
    size_t done = 0;
    bool ok = true;
    while (ok && done < b->len) { /* once, unless the disk is nearly full */
        ssize_t put = write(log->fd, b->data + done, b->len - done);
        if (put >= 0) done += (size_t)put;
        else ok = errno == EINTR;
    }
    if (!ok) err_errno(err, "cannot write the event log");
    if (done > 0) memmove(b->data, b->data + done, b->len - done + 1); /* and the NUL */
    b->len -= done;
    return ok;
}

bool event_log_put(struct event_log *log, struct event *e, struct err *err) {
    struct buf *b = &log->unwritten;
    if (b->len > UNWRITTEN_MAX && !event_log_flush(log, err)) {
        log->lost++;
        return false;
    }
    size_t before = b->len;
    e->seq = log->seq + 1;
    e->t = clock_wall() - log->start;
    if (log->listen) {
        log->seq++;
        log->listen(log->ctx, e);
        return true;
    }
    event_write(e, b);
    if (b->failed) {
        b->failed = false;
        b->len = before; /* half an event is none */
        return err_set(err, ERR_NOMEM, "not enough memory to write an event");
    }
    log->seq++;
    return event_log_flush(log, err);
}

bool event_log_sync(struct event_log *log, struct err *err) {
    int result;
    if (log->listen) return true;
    do {
        result = fsync(log->fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 || err_errno(err, "cannot write the event log");
}

void event_log_close(struct event_log *log) {
    if (log->fd >= 0) {
        event_log_flush(log, NULL);
        close(log->fd);
    }
    buf_deinit(&log->unwritten);
    *log = (struct event_log){.fd = -1};
}

/* --- following */

/* buffer[at, len) is what of the file was read and not handed out; it begins at a line's start,
 * and at file offset `offset`. At the file's end it is forgotten: the torn line is read anew
 * when more is there, so that a line which its writer cut off and wrote over is never mixed
 * with its remains. */
struct event_reader {
    char *path;
    int fd; /* -1: not there yet */
    dev_t device;
    ino_t inode;
    off_t offset;
    char *buffer;
    size_t at, len, capacity;
    bool newest_layers; /* event_reader_newest_layers() */
    bool overlong;      /* inside a line that is too long: skip to its newline */
    int64_t skipped;
    struct event current;
};

struct event_reader *event_reader_open(const char *path, struct err *err) {
    struct event_reader *r = calloc(1, sizeof *r);
    if (r) {
        *r = (struct event_reader){.fd = -1, .capacity = CHUNK_BYTES, .path = strdup(path)};
        r->buffer = malloc(r->capacity);
    }
    if (r && r->path && r->buffer) return r;
    event_reader_close(r);
    err_set(err, ERR_NOMEM, "not enough memory to read %s", path);
    return NULL;
}

void event_reader_close(struct event_reader *r) {
    if (!r) return;
    event_deinit(&r->current);
    if (r->fd >= 0) close(r->fd);
    free(r->buffer);
    free(r->path);
    free(r);
}

void event_reader_newest_layers(struct event_reader *r) { r->newest_layers = true; }

int64_t event_reader_skipped(const struct event_reader *r) { return r->skipped; }

int64_t event_reader_place(const struct event_reader *r) { return (int64_t)r->offset; }

void event_reader_go(struct event_reader *r, int64_t place) {
    event_deinit(&r->current);
    r->offset = (off_t)place;
    r->at = r->len = 0; /* what is buffered stands elsewhere */
    r->overlong = false;
}

static void start_over(struct event_reader *r) {
    if (r->fd >= 0) close(r->fd);
    r->fd = -1;
    r->offset = 0;
    r->at = r->len = 0;
    r->overlong = false;
}

/* 1: open, 0: not there yet, -1: error. */
static int open_file(struct event_reader *r, struct err *err) {
    if (r->fd >= 0) return 1;
    struct stat st;
    r->fd = open_again(r->path, O_RDONLY);
    if (r->fd < 0 && errno == ENOENT) return 0;
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        err_errno(err, "cannot read %s", r->path);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        start_over(r);
        err_set(err, ERR_IO, "cannot read %s: it is not a regular file", r->path);
        return -1;
    }
    r->device = st.st_dev;
    r->inode = st.st_ino;
    return 1;
}

/* Whether the path now names another file, or this one has lost what was read of it. */
static bool replaced(const struct event_reader *r) {
    struct stat now;
    if (stat(r->path, &now) != 0) return false; /* removed: what is open stays readable */
    return now.st_dev != r->device || now.st_ino != r->inode || now.st_size < r->offset;
}

static bool grow(struct event_reader *r, struct err *err) {
    assert(r->capacity > 0);
    char *buffer = realloc(r->buffer, r->capacity * 2);
    if (!buffer) return err_set(err, ERR_NOMEM, "not enough memory to read %s", r->path);
    r->buffer = buffer;
    r->capacity *= 2;
    return true;
}

/* Read on behind what is buffered: 1, 0 at the file's end, -1: error. */
static int read_more(struct event_reader *r, struct err *err) {
    memmove(r->buffer, r->buffer + r->at, r->len - r->at);
    r->len -= r->at;
    r->at = 0;
    if (r->len >= LINE_BYTES_MAX) {
        r->offset += (off_t)r->len;
        r->len = 0;
        r->overlong = true;
    } else if (r->len == r->capacity && !grow(r, err)) {
        return -1;
    }
    ssize_t got =
        read_at(r->fd, r->buffer + r->len, r->capacity - r->len, r->offset + (off_t)r->len);
    if (got < 0) {
        err_errno(err, "cannot read %s", r->path);
        return -1;
    }
    r->len += (size_t)got;
    return got > 0;
}

/* Whether a line is of a type, given with its closing quote; the first members tell. */
static bool is_type(const char *line, size_t n, const char *quoted) {
    static const char member[] = "\"type\":\"";
    size_t head = n < HEAD_BYTES ? n : HEAD_BYTES, length = strlen(quoted);
    const char *type = memmem(line, head, member, sizeof member - 1);
    if (!type) return false;
    type += sizeof member - 1;
    return (size_t)(line + n - type) >= length && memcmp(type, quoted, length) == 0;
}

/* Whether the line of n bytes at the front tells what a later one in the buffer tells anew. */
static bool is_outdated(const struct event_reader *r, size_t n) {
    static const char layers[] = "layers\"", step[] = "step\"";
    const char *line = r->buffer + r->at, *end = r->buffer + r->len, *newline;
    if (!r->newest_layers || !is_type(line, n, layers)) return false;
    for (line += n; (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1) {
        if (is_type(line, (size_t)(newline - line), step)) continue;
        return is_type(line, (size_t)(newline - line), layers);
    }
    return false;
}

/* Parse the line of `n` bytes at the front; true when it is an event of a known type. */
static bool take_line(struct event_reader *r, size_t n) {
    const char *line = r->buffer + r->at;
    bool rest = r->overlong, step = !rest && event_parse_step(line, n, &r->current);
    bool outdated = !rest && !step && is_outdated(r, n);
    r->at += n;
    r->offset += (off_t)n;
    r->overlong = false;
    if (step || outdated) return step;
    if (!rest && event_parse(line, n, &r->current, NULL)) {
        if (r->current.type != EVENT_OTHER) return true;
        event_deinit(&r->current);
    } else if (rest || n > 1) { /* an empty line ends what a full disk has cut short */
        r->skipped++;
    }
    return false;
}

/* Make the buffer begin with a whole line of *n bytes: 1, 0 when there is none now, -1: error.
 */
static int find_line(struct event_reader *r, size_t *n, struct err *err) {
    for (size_t searched = 0;;) {
        const char *line = r->buffer + r->at;
        const char *newline = memchr(line + searched, '\n', r->len - r->at - searched);
        if (newline) {
            *n = (size_t)(newline - line) + 1;
            return 1;
        }
        searched = r->len - r->at;
        int more = read_more(r, err);
        if (more <= 0) {
            r->at = r->len = 0;
            return more;
        }
        if (r->overlong) searched = 0;
    }
}

int event_reader_next(struct event_reader *r, struct event *out, struct err *err) {
    event_deinit(&r->current);
    for (;;) {
        size_t n;
        int there = open_file(r, err);
        if (there > 0) there = find_line(r, &n, err);
        if (there > 0 && take_line(r, n)) break;
        if (there > 0) continue;
        if (there < 0 || r->fd < 0 || !replaced(r)) return there;
        start_over(r);
    }
    *out = r->current;
    return 1;
}
