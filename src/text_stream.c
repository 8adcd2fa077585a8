#include "src/text_stream.h"

#include <stdio.h>
#include <string.h>

/* ---- drawing ---- */

int sampling_check(const struct sampling *o) {
    for (int i = 0; i < o->stops.n; i++)
        if (!o->stops.at[i][0]) return cli_usage("--stop needs a text, e.g. --stop ';'");
    return CLI_OK;
}

struct sampler sampling_make(const struct sampling *o, uint64_t turn) {
    return (struct sampler){.temperature = o->temperature,
                            .top_k = (int)o->top_k,
                            .rng = rng_make((uint64_t)o->seed, turn, 0),
                            .top_p = o->top_p,
                            .min_p = o->min_p,
                            .penalty = o->penalty};
}

/* ---- showing ---- */

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* Nothing of a trimmed text has been shown: what it begins with goes. */
static void trim(struct text_stream *s) {
    size_t n = 0;
    while (n < s->text.len && is_blank(s->text.data[n])) n++;
    if (n == 0) return;
    memmove(s->text.data, s->text.data + n, s->text.len - n + 1); /* and the NUL */
    s->text.len -= n;
}

/* Print up to byte `end`. */
static void show(struct text_stream *s, size_t end) {
    if (end <= s->shown) return;
    if (!s->silent) {
        cli_print_text(buf_text(&s->text) + s->shown, end - s->shown, true);
        fflush(stdout);
    }
    s->shown = end;
}

/* Bytes at the text's end that begin `stop`, but do not make it. */
static size_t begun(const struct buf *text, const char *stop) {
    size_t n = strlen(stop) - 1;
    if (n > text->len) n = text->len;
    while (n > 0 && memcmp(buf_text(text) + text->len - n, stop, n) != 0) n--;
    return n;
}

/* Whether the text has come to one of its stops: then it ends before the first. *held: bytes at
 * its end that may yet become one. */
static bool stops_here(struct text_stream *s, size_t *held) {
    const char *text = buf_text(&s->text), *first = NULL;
    *held = 0;
    for (int i = 0; i < s->stops->n; i++) {
        const char *found = memmem(text, s->text.len, s->stops->at[i], strlen(s->stops->at[i]));
        if (found && (!first || found < first)) first = found;
        size_t n = begun(&s->text, s->stops->at[i]);
        if (n > *held) *held = n;
    }
    if (first) s->text.data[s->text.len = (size_t)(first - text)] = '\0';
    return first != NULL;
}

bool text_stream_token(void *ctx, int32_t id) {
    struct text_stream *s = ctx;
    size_t held;
    if (s->halt && *s->halt) return false;
    if (!ids_push(&s->ids, id, NULL)) return false;
    model_token_text(s->model, &s->state, s->ids.data, s->ids.n + 1, s->ids.n - 1, &s->text);
    s->stopped = stops_here(s, &held);
    if (s->stopped) s->state.n_pending = 0;
    if (s->trimmed && s->shown == 0) trim(s);
    show(s, s->stopped ? s->text.len : s->text.len - (held < s->text.len ? held : s->text.len));
    return !s->stopped && !ferror(stdout);
}

void text_stream_end(struct text_stream *s) {
    if (s->state.n_pending > 0) buf_str(&s->text, "\xEF\xBF\xBD");
    show(s, s->text.len);
}

void text_stream_deinit(struct text_stream *s) {
    ids_deinit(&s->ids);
    buf_deinit(&s->text);
}
