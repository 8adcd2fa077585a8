#include "engine/data/source_pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/data/jsonl.h"
#include "engine/data/source_kinds.h"

/* How an item is read. */
enum item_kind { ITEM_TEXT, ITEM_JSONL, ITEM_WHOLE };

/* A file, or a source that is read whole. */
struct item {
    enum item_kind kind;
    char *path; /* owned; NULL of a whole one */
    const char *spec;
    uint64_t size; /* bytes; of a whole one 0 until it is read */
};

struct piece {
    const struct item *item;
    const char *text; /* of its file */
    size_t from, to;  /* bytes of that, or units of a whole one */
    bool by_line;
};

struct source_pieces {
    struct item *items;
    size_t n_items, capacity;
    size_t next; /* of the items: not begun */

    /* The item under way, NULL: none. */
    const struct item *item;
    size_t at, end; /* bytes of its text, or units */
    bool by_line;
    struct source_text whole;

    /* Files that pieces lie in; the last may be the one under way. */
    struct content open[PIECES_MAX + 1];
    int n_open;
    struct piece pieces[PIECES_MAX];
    int n_pieces;
    uint64_t done, total;
};

/* ---- what there is to read ---- */

static bool add_item(struct source_pieces *p, struct item item, struct err *err) {
    if (p->n_items == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 16;
        struct item *items = realloc(p->items, capacity * sizeof *items);
        if (!items) return err_set(err, ERR_NOMEM, "no memory for %zu files", capacity);
        p->items = items;
        p->capacity = capacity;
    }
    p->items[p->n_items++] = item;
    return true;
}

static bool add_file(struct source_pieces *p, enum item_kind kind, const char *spec,
                     const char *path, size_t n, struct err *err) {
    struct item item = {.kind = kind, .spec = spec, .path = malloc(n + 1)};
    struct stat st;
    if (!item.path) return err_set(err, ERR_NOMEM, "no memory for the name of a file");
    memcpy(item.path, path, n);
    item.path[n] = '\0';
    item.size = stat(item.path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (add_item(p, item, err)) {
        p->total += item.size;
        return true;
    }
    free(item.path);
    return false;
}

/* A reader of files whose units are their paths. */
static bool note_path(const char *path, struct source_text *out, struct err *err) {
    return source_add(out, path, strlen(path), "", 0, err);
}

static bool add_files(struct source_pieces *p, const char *spec, const char *rest,
                      struct err *err) {
    struct source_text paths = {.units = NULL};
    bool ok = source_files_read(rest, NULL, note_path, &paths, err);
    for (size_t i = 0; ok && i < paths.n_units; i++)
        ok = add_file(p, ITEM_TEXT, spec, paths.bytes.data + paths.units[i].offset,
                      paths.units[i].length, err);
    source_deinit(&paths);
    return ok;
}

/* What stands behind the colon of a source of this kind; NULL: it is of another. */
static const char *rest_of(const char *spec, const char *kind) {
    size_t n = strlen(kind);
    return strncmp(spec, kind, n) == 0 && spec[n] == ':' ? spec + n + 1 : NULL;
}

static bool add_spec(struct source_pieces *p, const char *spec, struct err *err) {
    const char *text = rest_of(spec, "text"), *jsonl = rest_of(spec, "jsonl");
    if (!source_check(spec, err)) return false;
    if (text) return add_files(p, spec, text, err);
    if (jsonl) return add_file(p, ITEM_JSONL, spec, jsonl, jsonl_path(jsonl), err);
    return add_item(p, (struct item){.kind = ITEM_WHOLE, .spec = spec}, err);
}

struct source_pieces *source_pieces_create(const char *const *specs, int n, struct err *err) {
    struct source_pieces *p = calloc(1, sizeof *p);
    bool ok = p || err_set(err, ERR_NOMEM, "no memory to read text");
    for (int i = 0; ok && i < n; i++) ok = add_spec(p, specs[i], err);
    if (ok) return p;
    source_pieces_destroy(p);
    return NULL;
}

static void close_files(struct source_pieces *p, int first) {
    for (int i = first; i < p->n_open; i++) content_close(&p->open[i]);
    p->n_open = first;
}

void source_pieces_destroy(struct source_pieces *p) {
    if (!p) return;
    close_files(p, 0);
    source_deinit(&p->whole);
    for (size_t i = 0; i < p->n_items; i++) free(p->items[i].path);
    free(p->items);
    free(p);
}

/* ---- cutting ---- */

/* Looked through in parts, whose pages are given back. */
static bool has_paragraphs(const struct content *file, size_t at) {
    enum { PART = 1 << 22 };
    enum text_state state = TEXT_NOTHING;
    bool found = false;
    while (!found && at < file->size) {
        size_t left = file->size - at;
        size_t to =
            left > PART ? text_cut(file->data, file->size, at + PART, true) : file->size;
        found = text_find_gap(file->data + at, to - at, &state);
        files_forget(file->map.data, file->map.size);
        at = to;
    }
    return found;
}

static bool begin_file(struct source_pieces *p, const struct item *item, struct err *err) {
    struct content *file = &p->open[p->n_open];
    bool text = item->kind == ITEM_TEXT;
    if (!content_open(item->path, SOURCE_BYTES_MAX, file, err)) return false;
    p->n_open++;
    p->at = text ? text_mark(file->data, file->size) : 0;
    p->end = file->size;
    p->by_line = !text || !has_paragraphs(file, p->at);
    p->total += file->size - item->size; /* of gzip's only now is it known */
    if (p->at == p->end) close_files(p, p->n_open - 1);
    return true;
}

static bool begin_whole(struct source_pieces *p, const struct item *item, struct err *err) {
    if (!source_read(item->spec, &p->whole, err)) return false;
    p->at = 0;
    p->end = p->whole.n_units;
    p->total += p->whole.bytes.len;
    return true;
}

/* How much of it lies in a piece that ends at p->at. */
static uint64_t bytes_of(const struct source_pieces *p, const struct piece *piece) {
    uint64_t bytes = 0;
    if (p->item->kind != ITEM_WHOLE) return piece->to - piece->from;
    for (size_t i = piece->from; i < piece->to; i++) bytes += p->whole.units[i].length;
    return bytes;
}

static size_t cut(const struct source_pieces *p) {
    if (p->item->kind != ITEM_WHOLE)
        return p->end - p->at <= PIECE_BYTES ? p->end
                                             : text_cut(p->open[p->n_open - 1].data, p->end,
                                                        p->at + PIECE_BYTES, p->by_line);
    size_t i = p->at;
    for (size_t bytes = 0; i < p->end && bytes < PIECE_BYTES; i++)
        bytes += p->whole.units[i].length;
    return i;
}

static void take_piece(struct source_pieces *p) {
    struct piece *piece = &p->pieces[p->n_pieces++];
    bool whole = p->item->kind == ITEM_WHOLE;
    *piece = (struct piece){.item = p->item,
                            .text = whole ? NULL : p->open[p->n_open - 1].data,
                            .from = p->at,
                            .to = cut(p),
                            .by_line = p->by_line};
    p->at = piece->to;
    p->done += bytes_of(p, piece);
}

/* What the pieces before were of, and is not needed any more. */
static void give_up(struct source_pieces *p) {
    bool under_way = p->item && p->item->kind != ITEM_WHOLE;
    if (!p->item) source_deinit(&p->whole);
    for (int i = 0; i < p->n_open - under_way; i++) content_close(&p->open[i]);
    if (under_way) {
        p->open[0] = p->open[p->n_open - 1];
        files_forget(p->open[0].map.data, p->open[0].map.size);
    }
    p->n_open = under_way;
    p->n_pieces = 0;
}

bool source_pieces_next(struct source_pieces *p, int most, int *n, struct err *err) {
    bool full = false; /* what is in memory as a whole is not to meet another such */
    if (most > PIECES_MAX) most = PIECES_MAX;
    give_up(p);
    while (p->n_pieces < most && !full && (p->item || p->next < p->n_items)) {
        if (!p->item) {
            const struct item *item = &p->items[p->next++];
            if (!(item->kind == ITEM_WHOLE ? begin_whole : begin_file)(p, item, err))
                return false;
            p->item = item;
        }
        bool mapped =
            p->item->kind != ITEM_WHOLE && (p->at == p->end || p->open[p->n_open - 1].map.data);
        while (p->at < p->end && p->n_pieces < most) take_piece(p);
        if (p->at < p->end) break;
        full = !mapped;
        p->item = NULL;
    }
    *n = p->n_pieces;
    return true;
}

/* ---- reading ---- */

bool source_piece_read(const struct source_pieces *p, int i, struct source_text *out,
                       struct err *err) {
    const struct piece *piece = &p->pieces[i];
    *out = (struct source_text){.units = NULL};
    if (piece->item->kind == ITEM_WHOLE) { /* a part of what is there */
        *out = p->whole;
        out->units += piece->from;
        out->n_units = piece->to - piece->from;
        return true;
    }
    const struct text_span span = {piece->item->path, piece->text, piece->from, piece->to};
    if (piece->item->kind == ITEM_JSONL)
        return jsonl_add_units(&span, jsonl_key(rest_of(piece->item->spec, "jsonl")), out, err);
    return text_check(&span, err) && text_add_units(&span, piece->by_line, out, err);
}

void source_piece_release(const struct source_pieces *p, int i, struct source_text *out) {
    if (p->pieces[i].item->kind != ITEM_WHOLE) source_deinit(out);
}

uint64_t source_pieces_done(const struct source_pieces *p) { return p->done; }

uint64_t source_pieces_total(const struct source_pieces *p) { return p->total; }
