#include "engine/run/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/crc32c.h"
#include "engine/core/files.h"
#include "engine/core/text.h"
#include "engine/run/event_log.h"

struct tensorboard {
    int fd;
    off_t whole;  /* bytes of the file's whole records */
    int64_t step; /* newest that was told of */
    bool failing; /* the newest record was lost: that has been said */
    struct buf event, summary, value, tag, frame; /* of one record; their memory is kept */
};

/* ---- protocol buffers: keys are field << 3 | type ---- */

enum {
    EVENT_WALL_TIME = 1 << 3 | 1, /* double */
    EVENT_STEP_NUMBER = 2 << 3 | 0,
    EVENT_FILE_VERSION = 3 << 3 | 2,
    EVENT_SUMMARY = 5 << 3 | 2,
    EVENT_SESSION_LOG = 7 << 3 | 2,
    SUMMARY_VALUE = 1 << 3 | 2,
    VALUE_TAG = 1 << 3 | 2,
    VALUE_SIMPLE = 2 << 3 | 5, /* float */
    SESSION_STATUS = 1 << 3 | 0,
    SESSION_START = 1
};

static void put_little(struct buf *out, uint64_t x, int bytes) {
    unsigned char little[8];
    for (int i = 0; i < bytes; i++) little[i] = (unsigned char)(x >> 8 * i);
    buf_add(out, little, (size_t)bytes);
}

static void put_varint(struct buf *out, uint64_t x) {
    for (; x >= 0x80; x >>= 7) put_little(out, (x & 0x7F) | 0x80, 1);
    put_little(out, x, 1);
}

static void put_bytes(struct buf *out, int key, const void *bytes, size_t n) {
    put_varint(out, (uint64_t)key);
    put_varint(out, n);
    buf_add(out, bytes, n);
}

static void put_double(struct buf *out, int key, double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_varint(out, (uint64_t)key);
    put_little(out, bits, 8);
}

static void put_float(struct buf *out, int key, float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_varint(out, (uint64_t)key);
    put_little(out, bits, 4);
}

/* ---- records ---- */

static uint32_t masked_crc(const void *bytes, size_t n) {
    uint32_t crc = crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* What stands in tb->event as a record in tb->frame. */
static void make_frame(struct tensorboard *tb) {
    struct buf *f = &tb->frame;
    buf_clear(f);
    put_little(f, tb->event.len, 8);
    put_little(f, f->failed ? 0 : masked_crc(f->data, 8), 4);
    buf_add(f, tb->event.data, tb->event.len);
    put_little(f, masked_crc(buf_text(&tb->event), tb->event.len), 4);
}

/* Readers stop at a record that is not whole: what a full disk took of one is cut off again. */
static bool write_frame(struct tensorboard *tb, struct err *err) {
    const struct buf *f = &tb->frame;
    if (f->failed || tb->event.failed || tb->summary.failed || tb->value.failed ||
        tb->tag.failed)
        return err_set(err, ERR_NOMEM, "not enough memory for a record of TensorBoard");
    size_t done = 0;
    while (done < f->len) {
        ssize_t put = write(tb->fd, f->data + done, f->len - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) break;
        done += (size_t)put;
    }
    if (done == f->len) {
        tb->whole += (off_t)done;
        return true;
    }
    err_errno(err, "cannot write the file of TensorBoard");
    if (done > 0 && ftruncate(tb->fd, tb->whole) != 0) tb->whole += (off_t)done;
    return false;
}

static void begin_event(struct tensorboard *tb, double wall, int64_t step) {
    buf_clear(&tb->event);
    tb->event.failed = tb->summary.failed = tb->value.failed = false;
    tb->tag.failed = tb->frame.failed = false;
    put_double(&tb->event, EVENT_WALL_TIME, wall);
    if (step == 0) return; /* what is 0 is left out, as its own writers do */
    put_varint(&tb->event, EVENT_STEP_NUMBER);
    put_varint(&tb->event, (uint64_t)step);
}

static bool end_event(struct tensorboard *tb, struct err *err) {
    make_frame(tb);
    return write_frame(tb, err);
}

/* What was told of `step` and beyond is void. */
static bool put_start(struct tensorboard *tb, double wall, int64_t step, struct err *err) {
    struct buf *v = &tb->value;
    begin_event(tb, wall, step);
    buf_clear(v);
    put_varint(v, SESSION_STATUS);
    put_varint(v, SESSION_START);
    put_bytes(&tb->event, EVENT_SESSION_LOG, buf_text(v), v->len);
    return end_event(tb, err);
}

/* ---- values ---- */

/* "A/B/C": our own words and, in the middle, a name; "" leaves B out. */
static void add_value(struct tensorboard *tb, const char *kind, const char *name,
                      const char *what, double x) {
    struct buf *tag = &tb->tag, *v = &tb->value;
    if (!isfinite(x)) return;
    buf_clear(tag);
    buf_printf(tag, "%s/", kind);
    text_sanitise(tag, name, strlen(name), false);
    buf_printf(tag, "%s%s", *name ? "/" : "", what);
    buf_clear(v);
    put_bytes(v, VALUE_TAG, buf_text(tag), tag->len);
    put_float(v, VALUE_SIMPLE, (float)x);
    put_bytes(&tb->summary, SUMMARY_VALUE, buf_text(v), v->len);
}

static void add_step(struct tensorboard *tb, const struct event_step *s) {
    add_value(tb, "train", "", "loss", s->loss);
    add_value(tb, "train", "", "lr", s->lr);
    add_value(tb, "train", "", "grad_norm", s->grad_norm);
    add_value(tb, "train", "", "tokens_per_s", s->tokens_per_s);
}

static void add_eval(struct tensorboard *tb, const struct event_eval *e) {
    for (int i = 0; i < e->n_sets; i++) {
        const struct event_set *s = &e->sets[i];
        add_value(tb, "eval", s->name, "loss", s->tuned.loss);
        add_value(tb, "eval", s->name, "bits_per_byte", s->tuned.bits_per_byte);
        add_value(tb, "eval", s->name, "perplexity", s->tuned.perplexity);
        add_value(tb, "eval", s->name, "accuracy", s->tuned.accuracy);
        if (s->has_base) add_value(tb, "eval", s->name, "base_loss", s->base.loss);
    }
}

/* "block.2.attn" is a part of "block.2". */
static bool is_part(const char *group) {
    const char *dot = strchr(group, '.');
    return dot && strchr(dot + 1, '.');
}

static void add_layers(struct tensorboard *tb, const struct event_layers *l) {
    for (int i = 0; i < l->n_groups; i++) {
        const struct event_layer *g = &l->groups[i];
        if (is_part(g->name)) continue;
        add_value(tb, "layers", g->name, "grad_norm", g->grad_norm);
        add_value(tb, "layers", g->name, "update", g->update);
        add_value(tb, "layers", g->name, "from_base", g->from_base);
    }
}

static bool put_values(struct tensorboard *tb, const struct event *e, double wall,
                       struct err *err) {
    buf_clear(&tb->summary);
    begin_event(tb, wall, e->step);
    if (e->type == EVENT_STEP) add_step(tb, &e->stp);
    else if (e->type == EVENT_EVAL) add_eval(tb, &e->eval);
    else if (e->type == EVENT_LAYERS) add_layers(tb, &e->layers);
    if (tb->summary.len == 0) return true;
    put_bytes(&tb->event, EVENT_SUMMARY, tb->summary.data, tb->summary.len);
    return end_event(tb, err);
}

bool tensorboard_add(struct tensorboard *tb, const struct event *e, double wall,
                     struct err *err) {
    bool told = e->type == EVENT_STEP || e->type == EVENT_EVAL || e->type == EVENT_LAYERS;
    if (!told) return true;
    struct err why = {0};
    bool back = e->step < tb->step || (e->type == EVENT_STEP && e->step == tb->step);
    bool ok = (!back || put_start(tb, wall, e->step, &why)) && put_values(tb, e, wall, &why);
    bool first = !ok && !tb->failing;
    tb->failing = !ok;
    if (ok) tb->step = e->step;
    return !first || err_set(err, why.code, "%s", why.msg);
}

/* ---- files ---- */

/* A name that is not there yet, later in order than those of earlier times. */
static int create_file(const char *folder, double wall, struct err *err) {
    enum { MOST = 1000 };
    char path[PATH_MAX];
    for (int i = 0; i < MOST; i++) {
        int n = snprintf(path, sizeof path, "%s/events.out.tfevents.%010.0f.thaw.%03d", folder,
                         floor(wall), i);
        if (n < 0 || (size_t)n >= sizeof path) {
            err_set(err, ERR_RANGE, "the path is too long: %s", folder);
            return -1;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0) {
            files_share_new(fd, path);
            return fd;
        }
        if (errno != EEXIST && errno != EINTR) break;
    }
    err_errno(err, "cannot create %s", path);
    return -1;
}

struct tensorboard *tensorboard_create(const char *folder, int64_t step, double wall,
                                       struct err *err) {
    static const char version[] = "brain.Event:2";
    struct tensorboard *tb = calloc(1, sizeof *tb);
    if (!tb) {
        err_set(err, ERR_NOMEM, "no memory for TensorBoard");
        return NULL;
    }
    tb->step = step;
    tb->fd = files_make_dirs(folder, 0700, err) ? create_file(folder, wall, err) : -1;
    begin_event(tb, wall, 0);
    put_bytes(&tb->event, EVENT_FILE_VERSION, version, sizeof version - 1);
    if (tb->fd >= 0 && end_event(tb, err) && put_start(tb, wall, step + 1, err)) return tb;
    tensorboard_destroy(tb);
    return NULL;
}

void tensorboard_destroy(struct tensorboard *tb) {
    if (!tb) return;
    if (tb->fd >= 0) close(tb->fd);
    buf_deinit(&tb->event);
    buf_deinit(&tb->summary);
    buf_deinit(&tb->value);
    buf_deinit(&tb->tag);
    buf_deinit(&tb->frame);
    free(tb);
}

/* ---- a log that is there ---- */

/* The time that the log's clock counts from, as the file's own time tells; false: no event. */
static bool find_start(const char *log, double *start, struct err *err) {
    struct stat st;
    struct event e;
    struct event_reader *r = event_reader_open(log, err);
    double t = NAN;
    int got = r ? 1 : -1;
    while (got > 0)
        if ((got = event_reader_next(r, &e, err)) > 0) t = e.t;
    event_reader_close(r);
    if (got < 0) return false;
    if (!isfinite(t) || stat(log, &st) != 0)
        return err_set(err, ERR_RANGE, "%s holds no event yet", log);
    *start = (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec - t;
    return true;
}

bool tensorboard_convert(const char *log, const char *folder, struct err *err) {
    double start = 0;
    struct event e;
    if (!find_start(log, &start, err)) return false;
    struct tensorboard *tb = tensorboard_create(folder, 0, start, err);
    struct event_reader *r = tb ? event_reader_open(log, err) : NULL;
    int got = r ? 1 : -1;
    while (got > 0)
        if ((got = event_reader_next(r, &e, err)) > 0 &&
            !tensorboard_add(tb, &e, start + e.t, err))
            got = -1;
    event_reader_close(r);
    tensorboard_destroy(tb);
    return got == 0;
}
