#include "engine/core/shipped.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"

/* "/opt/thaw/share/thaw" for /opt/thaw/bin/thaw; false where there is no such folder. */
static bool beside_program(char out[PATH_MAX]) {
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    for (int up = 0; up < 2 && n > 0; up++) {
        program[n] = '\0';
        char *slash = strrchr(program, '/');
        n = slash ? slash - program : 0;
    }
    if (n <= 0) return false;
    int wanted = snprintf(out, PATH_MAX, "%.*s/share/thaw", (int)n, program);
    return wanted < PATH_MAX && files_is_dir(out);
}

bool shipped_path(char *out, size_t size, const char *what, struct err *err) {
    char installed[PATH_MAX];
    return files_join(out, size, beside_program(installed) ? installed : THAW_SHARE, what, err);
}
