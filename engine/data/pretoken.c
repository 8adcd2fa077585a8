#include "engine/data/pretoken.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "engine/core/text.h"
#include "engine/data/pretoken_ascii.h"

/* Unicode's White_Space, spelled out: PCRE2's own \s also takes U+180E, which Unicode dropped.
 */
#define SPACE                                                                                  \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{"     \
    "202f}"                                                                                    \
    "\\x{205f}\\x{3000}"
#define SUFFIXES "'(?:[stmd]|re|ve|ll)"
#define ANY_CASE_SUFFIXES "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
/* From the digits on, as Qwen2 and Llama 3 have it. */
#define NEWER(digits)                                                                          \
    ANY_CASE_SUFFIXES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^" SPACE                   \
                      "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|[" SPACE "]+(?![^" SPACE  \
                      "])|[" SPACE "]+"
#define NEWER_FILE(digits)                                                                     \
    ANY_CASE_SUFFIXES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                                 \
                      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const char *const patterns[PRETOKEN_COUNT] = {
    [PRETOKEN_GPT2] = SUFFIXES "| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|[" SPACE
                               "]+(?![^" SPACE "])|[" SPACE "]+",
    /* The digits are cut off first, so that spaces before one stand at an end. */
    [PRETOKEN_DIGITS] = SUFFIXES "| ?\\p{L}+|\\p{N}| ?[^" SPACE "\\p{L}\\p{N}]+|[" SPACE
                                 "]+(?![^" SPACE "\\p{N}])|[" SPACE "]+",
    [PRETOKEN_QWEN2] = NEWER("\\p{N}"),
    [PRETOKEN_LLAMA3] = NEWER("\\p{N}{1,3}")};

const struct pretoken_info pretoken_infos[PRETOKEN_COUNT] = {
    [PRETOKEN_GPT2] = {NULL, "gpt-2"},
    [PRETOKEN_DIGITS] = {NULL, "smollm"},
    [PRETOKEN_QWEN2] = {NEWER_FILE("\\p{N}"), "qwen2"},
    [PRETOKEN_LLAMA3] = {NEWER_FILE("\\p{N}{1,3}"), "llama-bpe"}};

struct pretoken {
    enum pretoken_kind kind;
    pcre2_code *code;
    pcre2_match_data *match;
};

struct pretoken *pretoken_create(enum pretoken_kind kind, struct err *err) {
    struct pretoken *p = calloc(1, sizeof *p);
    int code = 0;
    PCRE2_SIZE at = 0;
    if (p) p->kind = kind;
    if (p)
        p->code = pcre2_compile((PCRE2_SPTR)patterns[kind], PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    if (p && p->code) p->match = pcre2_match_data_create(1, NULL);
    if (!p || !p->match) {
        err_set(err, ERR_NOMEM, "no memory for the pre-tokeniser (PCRE2 error %d at %zu)", code,
                at);
        pretoken_destroy(p);
        return NULL;
    }
    (void)pcre2_jit_compile(p->code,
                            PCRE2_JIT_COMPLETE); /* absent: the interpreter, 5x slower */
    return p;
}

void pretoken_destroy(struct pretoken *p) {
    if (!p) return;
    pcre2_match_data_free(p->match);
    pcre2_code_free(p->code);
    free(p);
}

/* Bytes from `at` on that are not UTF-8. */
static size_t invalid_stretch(const struct pretoken_walk *w) {
    size_t end = w->at;
    uint32_t cp;
    while (end < w->n && text_valid_prefix(w->text + end, w->n - end < 4 ? w->n - end : 4) == 0)
        end += text_decode(w->text + end, w->n - end, &cp);
    return end - w->at;
}

/* Of the piece at w->at, which is valid UTF-8. */
static size_t match(struct pretoken *p, const struct pretoken_walk *w) {
    PCRE2_SPTR subject = (PCRE2_SPTR)w->text;
    uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED;
    int rc = pcre2_match(p->code, subject, w->valid_to, w->at, options, p->match, NULL);
    if (rc < 0) /* out of JIT stack, say: the interpreter's is on the heap */
        rc = pcre2_match(p->code, subject, w->valid_to, w->at, options | PCRE2_NO_JIT, p->match,
                         NULL);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(p->match);
    return rc > 0 ? span[1] - span[0] : w->valid_to - w->at;
}

static size_t next_piece(struct pretoken *p, struct pretoken_walk *w, bool ascii) {
    if (w->at == w->n) return 0;
    if (w->at == w->valid_to) w->valid_to += text_valid_prefix(w->text + w->at, w->n - w->at);
    size_t length;
    if (w->at == w->valid_to) {
        length = invalid_stretch(w);
        w->valid_to += length;
    } else {
        length = ascii ? pretoken_ascii(p->kind, w->text + w->at, w->valid_to - w->at) : 0;
        if (length == 0) length = match(p, w);
    }
    w->at += length;
    return length;
}

size_t pretoken_next(struct pretoken *p, struct pretoken_walk *w) {
    return next_piece(p, w, true);
}

size_t pretoken_next_pattern(struct pretoken *p, struct pretoken_walk *w) {
    return next_piece(p, w, false);
}
