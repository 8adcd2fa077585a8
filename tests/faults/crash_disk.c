#include "tests/faults/crash_disk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"

/* ---- what a disk holds ---- */

/* A change of a file: bytes at an offset, or (NULL) its length. */
struct change {
    size_t offset, n;
    const unsigned char *bytes; /* in the trace */
};

struct node;

/* A change of a folder in one step: up to two names, each of which then stands for a node
 * (NULL: for none). */
struct move {
    char names[2][128];
    struct node *nodes[2]; /* names[1] "": only one */
};

struct entry {
    char name[128];
    struct node *node;
};

/* A file or a folder: what is synced, and what has changed since. Folders hold entries as they
 * are now, and as they were synced. */
struct node {
    bool folder;
    struct buf bytes; /* synced */
    struct change *changes;
    struct move *moves;
    struct entry *now, *synced;
    size_t n_changes, n_moves, n_now, n_synced;
    struct node *next; /* of all there are */
};

struct crash_disk {
    struct node *root, *all;
};

static void *grown(void *items, size_t n, size_t size) { /* room for one more */
    void *more = realloc(items, (n + 1) * size);
    if (!more) abort();
    return more;
}

static struct node *make_node(struct crash_disk *d, bool folder) {
    struct node *n = calloc(1, sizeof *n);
    if (!n) abort();
    n->folder = folder;
    n->next = d->all;
    return d->all = n;
}

struct crash_disk *crash_disk_create(void) {
    struct crash_disk *d = calloc(1, sizeof *d);
    if (!d) abort();
    d->root = make_node(d, true);
    return d;
}

void crash_disk_destroy(struct crash_disk *d) {
    if (!d) return;
    for (struct node *n = d->all, *next; n; n = next) {
        next = n->next;
        buf_deinit(&n->bytes);
        free(n->changes);
        free(n->moves);
        free(n->now);
        free(n->synced);
        free(n);
    }
    free(d);
}

/* ---- names ---- */

static struct node *entry_get(const struct entry *entries, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(entries[i].name, name) == 0) return entries[i].node;
    return NULL;
}

/* `name` stands for `node`; NULL: for none. */
static void entry_put(struct entry **entries, size_t *n, const char *name, struct node *node) {
    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*entries)[i].name, name) != 0) continue;
        if (node) (*entries)[i].node = node;
        else (*entries)[i] = (*entries)[--*n];
        return;
    }
    if (!node) return;
    *entries = grown(*entries, *n, sizeof **entries);
    struct entry *e = &(*entries)[(*n)++];
    snprintf(e->name, sizeof e->name, "%s", name);
    e->node = node;
}

/* The node at a path, NULL when there is none; *folder and *name (not NULL): where it stands.
 */
static struct node *find(const struct crash_disk *d, const char *path, struct node **folder,
                         const char **name) {
    struct node *at = d->root, *above = NULL;
    char part[128];
    while (at && *path) {
        size_t n = strcspn(path, "/");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        above = at->folder ? at : NULL;
        if (name) *name = path;
        at = above ? entry_get(above->now, above->n_now, part) : NULL;
        path += n + (path[n] == '/');
        if (!at && *path) above = NULL; /* a folder on the way is missing */
    }
    if (folder) *folder = above;
    return at;
}

static void move_in(struct node *folder, const struct move *m) {
    for (int i = 0; i < 2; i++)
        if (m->names[i][0]) entry_put(&folder->now, &folder->n_now, m->names[i], m->nodes[i]);
    folder->moves = grown(folder->moves, folder->n_moves, sizeof *m);
    folder->moves[folder->n_moves++] = *m;
}

/* ---- records ---- */

bool crash_op_read(const void *trace, size_t n, size_t at, struct crash_op *out, size_t *next) {
    const char *bytes = trace;
    if (n - at < sizeof out->head) return false;
    memcpy(&out->head, bytes + at, sizeof out->head);
    at += sizeof out->head;
    size_t path = out->head.path_bytes, other = out->head.other_bytes;
    if (path >= sizeof out->path || other >= sizeof out->other ||
        n - at < path + other + out->head.n)
        return false;
    snprintf(out->path, sizeof out->path, "%.*s", (int)path, bytes + at);
    snprintf(out->other, sizeof out->other, "%.*s", (int)other, bytes + at + path);
    out->bytes = (const unsigned char *)bytes + at + path + other;
    *next = at + path + other + out->head.n;
    return true;
}

static bool unknown(const struct crash_op *op, struct err *err) {
    return err_set(err, ERR_RANGE, "the model of a disk has no %c of %s to %s",
                   (char)op->head.op, op->path, op->other);
}

static void add_change(struct node *file, struct change c) {
    file->changes = grown(file->changes, file->n_changes, sizeof c);
    file->changes[file->n_changes++] = c;
}

/* Let `c` happen to the first `n` of its bytes. */
static void change_bytes(struct buf *b, const struct change *c, size_t n) {
    static const char zeros[4096];
    size_t want = c->bytes ? c->offset + n : c->offset;
    while (b->len < want) /* a hole reads as zeros */
        buf_add(b, zeros, want - b->len < sizeof zeros ? want - b->len : sizeof zeros);
    if (c->bytes && n > 0) memcpy(b->data + c->offset, c->bytes, n);
    if (!c->bytes) b->len = want;
    if (b->failed) abort();
}

static void sync_node(struct node *n) {
    for (size_t i = 0; i < n->n_changes; i++)
        change_bytes(&n->bytes, &n->changes[i], n->changes[i].n);
    n->n_changes = n->n_moves = 0;
    if (!n->folder) return;
    free(n->synced);
    n->synced = NULL;
    for (n->n_synced = 0; n->n_synced < n->n_now;) {
        n->synced = grown(n->synced, n->n_synced, sizeof *n->synced);
        n->synced[n->n_synced] = n->now[n->n_synced];
        n->n_synced++;
    }
}

/* Two names of one folder. */
static bool rename_node(struct crash_disk *d, const struct crash_op *op, struct err *err) {
    struct node *from_folder, *to_folder;
    const char *from_name, *to_name;
    struct node *from = find(d, op->path, &from_folder, &from_name);
    struct node *to = find(d, op->other, &to_folder, &to_name);
    bool exchange = op->head.op == TRACE_EXCHANGE;
    if (!from || from_folder != to_folder || (exchange && !to)) return unknown(op, err);
    struct move m = {.nodes = {exchange ? to : NULL, from}};
    snprintf(m.names[0], sizeof m.names[0], "%s", from_name);
    snprintf(m.names[1], sizeof m.names[1], "%s", to_name);
    move_in(from_folder, &m);
    return true;
}

bool crash_disk_apply(struct crash_disk *d, const struct crash_op *op, struct err *err) {
    struct node *folder;
    const char *name = "";
    struct node *node = find(d, op->path, &folder, &name);
    bool creates = op->head.op == TRACE_CREATE || op->head.op == TRACE_MKDIR;
    if (op->head.op == TRACE_RENAME || op->head.op == TRACE_EXCHANGE)
        return rename_node(d, op, err);
    if (op->head.op == TRACE_UNLINK && !node) return true; /* a socket: bind(2) made it */
    if (creates ? !folder : !node) return unknown(op, err);
    if (op->head.op == TRACE_SYNC) {
        sync_node(node);
    } else if (op->head.op == TRACE_WRITE) {
        add_change(node, (struct change){op->head.offset, op->head.n, op->bytes});
    } else if (op->head.op == TRACE_TRUNCATE) {
        add_change(node, (struct change){op->head.offset, 0, NULL});
    } else {
        struct move m = {.nodes = {creates ? make_node(d, op->head.op == TRACE_MKDIR) : NULL}};
        snprintf(m.names[0], sizeof m.names[0], "%s", name);
        move_in(folder, &m);
    }
    return true;
}

/* ---- what is left ---- */

/* Which of `n` changes are left: the first `whole`, and a part of the next; or each by itself.
 */
struct fate {
    enum crash_kind kind;
    size_t whole;
    struct rng *r;
};

static struct fate draw_fate(enum crash_kind kind, bool folder, size_t n, struct rng *r) {
    struct fate f = {kind, rng_below(r, n + 1), r};
    if (kind == CRASH_NAMES_ONLY) f.whole = folder ? n : 0;
    return f;
}

static bool is_left(const struct fate *f, size_t i) {
    if (f->kind == CRASH_SHUFFLED) return rng_below(f->r, 2) == 0;
    return i < f->whole;
}

/* A change that is not left as a whole may be left in part. */
static size_t part_left(const struct fate *f, size_t i, const struct change *c) {
    bool torn =
        c->n > 0 && f->kind != CRASH_NAMES_ONLY && (f->kind == CRASH_SHUFFLED || i == f->whole);
    return torn ? rng_below(f->r, c->n) : 0;
}

static bool leave_file(const struct node *n, const char *path, enum crash_kind kind,
                       struct rng *r, long *undone, struct err *err) {
    struct buf b = {0};
    struct fate fate = draw_fate(kind, false, n->n_changes, r);
    buf_add(&b, buf_text(&n->bytes), n->bytes.len);
    for (size_t i = 0; i < n->n_changes; i++) {
        const struct change *c = &n->changes[i];
        bool left = is_left(&fate, i);
        size_t part = left ? c->n : part_left(&fate, i, c);
        if (left || part > 0) change_bytes(&b, c, part);
        *undone += !left;
    }
    struct files_out f;
    bool ok = files_out_open(&f, path, err) && files_out_add(&f, buf_text(&b), b.len, err) &&
              files_out_close(&f, err);
    buf_deinit(&b);
    return ok;
}

static bool leave_node(const struct node *n, const char *path, enum crash_kind kind,
                       struct rng *r, long *undone, struct err *err);

static bool leave_folder(const struct node *n, const char *path, enum crash_kind kind,
                         struct rng *r, long *undone, struct err *err) {
    struct entry *left = NULL;
    size_t n_left = 0;
    struct fate fate = draw_fate(kind, true, n->n_moves, r);
    bool ok = files_make_dirs(path, 0700, err);
    for (size_t i = 0; i < n->n_synced; i++)
        entry_put(&left, &n_left, n->synced[i].name, n->synced[i].node);
    for (size_t i = 0; i < n->n_moves; i++) {
        const struct move *m = &n->moves[i];
        bool is = is_left(&fate, i);
        for (int k = 0; is && k < 2; k++)
            if (m->names[k][0]) entry_put(&left, &n_left, m->names[k], m->nodes[k]);
        *undone += !is;
    }
    for (size_t i = 0; ok && i < n_left; i++) {
        char below[PATH_MAX];
        ok = files_join(below, sizeof below, path, left[i].name, err) &&
             leave_node(left[i].node, below, kind, r, undone, err);
    }
    free(left);
    return ok;
}

static bool leave_node(const struct node *n, const char *path, enum crash_kind kind,
                       struct rng *r, long *undone, struct err *err) {
    return (n->folder ? leave_folder : leave_file)(n, path, kind, r, undone, err);
}

bool crash_disk_leave(const struct crash_disk *d, const char *path, enum crash_kind kind,
                      struct rng *r, long *undone, struct err *err) {
    *undone = 0;
    return leave_node(d->root, path, kind, r, undone, err);
}
