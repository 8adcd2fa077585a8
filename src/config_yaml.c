#include "src/config_yaml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

/* ---- in ---- */

struct yaml_source {
    yaml_parser_t parser;
    yaml_event_t event; /* the last one; what was handed out points into it */
    int depth;
    bool ended;
};

struct yaml_source *yaml_source_create(const char *text, size_t n, struct err *err) {
    struct yaml_source *s = calloc(1, sizeof *s);
    if (!s || !yaml_parser_initialize(&s->parser)) {
        err_set(err, ERR_NOMEM, "not enough memory to read YAML");
        free(s);
        return NULL;
    }
    yaml_parser_set_encoding(&s->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&s->parser, (const unsigned char *)text, n);
    return s;
}

void yaml_source_destroy(struct yaml_source *s) {
    if (!s) return;
    yaml_event_delete(&s->event);
    yaml_parser_delete(&s->parser);
    free(s);
}

static void set_place(struct yaml_item *out, yaml_mark_t at) {
    out->line = at.line + 1;
    out->column = at.column + 1;
}

/* libyaml's own refusals: broken YAML, control characters, no memory. */
static bool fail_parser(const yaml_parser_t *p, struct yaml_item *out, struct err *err) {
    if (p->error == YAML_MEMORY_ERROR) return err_set(err, ERR_NOMEM, "not enough memory");
    set_place(out, p->error == YAML_READER_ERROR ? p->mark : p->problem_mark);
    return err_set(err, ERR_PARSE, "this is not YAML: %s%s%s",
                   p->problem ? p->problem : "it cannot be read", p->context ? " " : "",
                   p->context ? p->context : "");
}

/* Anchor and tag of an event that may have them. */
static void marks_of(const yaml_event_t *e, const yaml_char_t **anchor,
                     const yaml_char_t **tag) {
    *anchor = *tag = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        *anchor = e->data.scalar.anchor;
        *tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        *anchor = e->data.sequence_start.anchor;
        *tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        *anchor = e->data.mapping_start.anchor;
        *tag = e->data.mapping_start.tag;
    }
}

static bool check_event(const struct yaml_source *s, struct err *err) {
    const yaml_event_t *e = &s->event;
    const yaml_char_t *anchor, *tag;
    marks_of(e, &anchor, &tag);
    if (e->type == YAML_ALIAS_EVENT || anchor)
        return err_set(err, ERR_PARSE,
                       "anchors and aliases (& and *) are not supported: write the value out");
    if (tag) return err_set(err, ERR_PARSE, "tags (!) are not supported: leave it out");
    if (e->type == YAML_DOCUMENT_START_EVENT && s->ended)
        return err_set(err, ERR_PARSE, "a second document (---) begins here: only one is read");
    return s->depth <= YAML_DEPTH_MAX ||
           err_set(err, ERR_PARSE, "more than %d levels inside one another", YAML_DEPTH_MAX);
}

/* What an event is to the caller; false when it is nothing. */
static bool take_event(struct yaml_source *s, struct yaml_item *out) {
    const yaml_event_t *e = &s->event;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        out->kind = YAML_WORD;
        out->text = (const char *)e->data.scalar.value;
        out->n = e->data.scalar.length;
        out->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        out->kind = YAML_LIST;
        return true;
    case YAML_MAPPING_START_EVENT:
        out->kind = YAML_MAPPING;
        return true;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        out->kind = YAML_CLOSE;
        return true;
    case YAML_STREAM_END_EVENT:
        out->kind = YAML_END;
        return true;
    default:
        s->ended |= e->type == YAML_DOCUMENT_END_EVENT;
        return false;
    }
}

bool yaml_source_next(struct yaml_source *s, struct yaml_item *out, struct err *err) {
    *out = (struct yaml_item){.line = 1, .column = 1};
    do {
        yaml_event_delete(&s->event);
        if (!yaml_parser_parse(&s->parser, &s->event)) return fail_parser(&s->parser, out, err);
        yaml_event_type_t type = s->event.type;
        s->depth += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
        s->depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
        set_place(out, s->event.start_mark);
        if (!check_event(s, err)) return false;
    } while (!take_event(s, out));
    return true;
}

/* ---- out ---- */

struct yaml_sink {
    yaml_emitter_t emitter;
    bool ok;
};

static int append(void *ctx, unsigned char *bytes, size_t n) { return buf_add(ctx, bytes, n); }

/* Emit an event that was made (or not, for want of memory). */
static void emit(struct yaml_sink *s, yaml_event_t *e, int made) {
    if (!made) s->ok = false;
    else if (s->ok) s->ok = yaml_emitter_emit(&s->emitter, e);
    else yaml_event_delete(e);
}

struct yaml_sink *yaml_sink_create(struct buf *out) {
    struct yaml_sink *s = calloc(1, sizeof *s);
    yaml_event_t e;
    if (!s || !yaml_emitter_initialize(&s->emitter)) {
        free(s);
        return NULL;
    }
    s->ok = true;
    yaml_emitter_set_output(&s->emitter, append, out);
    yaml_emitter_set_unicode(&s->emitter, 1);
    yaml_emitter_set_width(&s->emitter, 100);
    emit(s, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    emit(s, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    return s;
}

bool yaml_sink_finish(struct yaml_sink *s) {
    yaml_event_t e;
    if (!s) return false;
    emit(s, &e, yaml_document_end_event_initialize(&e, 1));
    emit(s, &e, yaml_stream_end_event_initialize(&e));
    bool ok = s->ok;
    yaml_emitter_delete(&s->emitter);
    free(s);
    return ok;
}

static void put_word(struct yaml_sink *s, const char *text, yaml_scalar_style_t style) {
    yaml_event_t e;
    emit(s, &e,
         yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)text,
                                      (int)strlen(text), 1, 1, style));
}

/* Whether every YAML reader sees a text in a word that stands bare. */
static bool surely_text(const char *s) {
    static const char *const other[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    if (!isalpha((unsigned char)*s)) return false;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (strcasecmp(s, other[i]) == 0) return false;
    return true;
}

void yaml_put_text(struct yaml_sink *s, const char *text) {
    put_word(s, text,
             surely_text(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

void yaml_put_bare(struct yaml_sink *s, const char *text) {
    put_word(s, text, YAML_PLAIN_SCALAR_STYLE);
}

void yaml_put_open(struct yaml_sink *s, enum yaml_kind kind, bool flow) {
    yaml_event_t e;
    int made;
    if (kind == YAML_LIST)
        made = yaml_sequence_start_event_initialize(
            &e, NULL, NULL, 1, flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);
    else
        made = yaml_mapping_start_event_initialize(
            &e, NULL, NULL, 1, flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);
    emit(s, &e, made);
}

void yaml_put_close(struct yaml_sink *s, enum yaml_kind kind) {
    yaml_event_t e;
    emit(s, &e,
         kind == YAML_LIST ? yaml_sequence_end_event_initialize(&e)
                           : yaml_mapping_end_event_initialize(&e));
}
