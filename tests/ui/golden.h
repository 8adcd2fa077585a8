/* golden.h - a frame against the file in tests/golden. THAW_UPDATE_GOLDEN=1 writes the files anew: look at them
 * before they are committed. */
#ifndef THAW_TESTS_UI_GOLDEN_H
#define THAW_TESTS_UI_GOLDEN_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"

/* Fails unless `text` is tests/golden/NAME.txt. */
static inline void check_golden(const char *name, const char *text) {
    char path[512];
    struct buf golden = {0};
    struct err err = {0};
    snprintf(path, sizeof path, "%s/tests/golden/%s.txt", THAW_SOURCE_DIR, name);
    if (getenv("THAW_UPDATE_GOLDEN") && !files_write(path, text, strlen(text), &err))
        fail_msg("%s", err.msg);
    if (!files_read(path, 1 << 20, &golden, &err)) fail_msg("%s", err.msg);
    if (strcmp(buf_text(&golden), text) != 0)
        fail_msg("%s differs; the frame is\n%sand should be\n%s", name, text, buf_text(&golden));
    buf_deinit(&golden);
}
#endif
