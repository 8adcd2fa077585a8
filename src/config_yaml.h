/* config_yaml.h - libyaml's door: YAML as a stream of events, in and out. What a config has no
 * use for is refused here: aliases, anchors, tags, a second document, more than 32 levels. */
#ifndef THAW_SRC_CONFIG_YAML_H
#define THAW_SRC_CONFIG_YAML_H
#include "engine/core/buf.h"
#include "engine/core/err.h"

enum { YAML_DEPTH_MAX = 32 };

enum yaml_kind { YAML_WORD, YAML_LIST, YAML_MAPPING, YAML_CLOSE, YAML_END };

/* A scalar, the start of a list or mapping, the end of either, or the end of the document. */
struct yaml_item {
    enum yaml_kind kind;
    const char *text;    /* of a word; valid until the next item */
    size_t n;            /* its bytes; there may be NULs among them */
    bool plain;          /* it stands bare, without quotes */
    size_t line, column; /* where it begins, from 1 */
};

struct yaml_source; /* opaque */

/* Read from text[0..n), which is borrowed and must be UTF-8. NULL with ERR_NOMEM. */
struct yaml_source *yaml_source_create(const char *text, size_t n, struct err *err);
void yaml_source_destroy(struct yaml_source *s); /* NULL is fine */
/* The next item. False with ERR_PARSE; then, too, line and column say where. */
bool yaml_source_next(struct yaml_source *s, struct yaml_item *out, struct err *err);

struct yaml_sink; /* opaque */

/* Write one document to `out`, which is borrowed. NULL when out of memory. */
struct yaml_sink *yaml_sink_create(struct buf *out);
/* End the document; false when anything could not be written. NULL gives false. */
bool yaml_sink_finish(struct yaml_sink *s);
/* A text is put in quotes when another reader might take it for something else. */
void yaml_put_text(struct yaml_sink *s, const char *text);
void yaml_put_bare(struct yaml_sink *s, const char *text); /* a number, true, false */
/* kind: YAML_LIST or YAML_MAPPING; flow: on one line, in brackets. */
void yaml_put_open(struct yaml_sink *s, enum yaml_kind kind, bool flow);
void yaml_put_close(struct yaml_sink *s, enum yaml_kind kind);
#endif
