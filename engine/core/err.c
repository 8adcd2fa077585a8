#include "engine/core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/buf.h"
#include "engine/core/text.h"

enum { DRAFT_BYTES = 2048 }; /* a sentence before sanitising; what is longer is cut */

/* Out of memory is itself reported through here, so there is a way that takes none. */
static void store_plain(struct err *err, const char *draft) {
    size_t n = 0;
    for (; draft[n] && n < sizeof err->msg - 1; n++)
        err->msg[n] = draft[n] >= ' ' && draft[n] <= '~' ? draft[n] : '?';
    err->msg[n] = '\0';
}

static bool store(struct err *err, enum err_code code, const char *draft) {
    struct buf clean = {0};
    text_sanitise(&clean, draft, strlen(draft), false);
    err->code = code;
    if (clean.failed) {
        store_plain(err, draft);
    } else {
        size_t n = clean.len < sizeof err->msg ? clean.len : sizeof err->msg - 1;
        n -= text_incomplete_tail(buf_text(&clean), n);
        memcpy(err->msg, buf_text(&clean), n);
        err->msg[n] = '\0';
    }
    buf_deinit(&clean);
    return false;
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...) {
    if (!err) return false;
    char draft[DRAFT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(draft, sizeof draft, fmt, args);
    va_end(args);
    return store(err, code, draft);
}

bool err_errno(struct err *err, const char *fmt, ...) {
    if (!err) return false;
    char text[DRAFT_BYTES / 2], draft[DRAFT_BYTES], reason[128];
    enum err_code code = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    const char *why = strerror_r(errno, reason, sizeof reason);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(draft, sizeof draft, "%s: %s", text, why);
    return store(err, code, draft);
}

bool err_prefix(struct err *err, const char *fmt, ...) {
    if (!err) return false;
    char text[DRAFT_BYTES / 2], draft[DRAFT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(draft, sizeof draft, "%s: %s", text, err->msg);
    return store(err, err->code, draft);
}
