#include "tests/fuzz/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/fuzz/memory_files.h"

static char folder[64];

void folder_cut(const uint8_t *data, size_t size, struct folder_part *parts, int n) {
    static const char line[] = "\n%%\n";
    for (int i = 0; i < n; i++) {
        const uint8_t *end =
            i + 1 < n && data ? memmem(data, size, line, sizeof line - 1) : NULL;
        parts[i] = (struct folder_part){data, end ? (size_t)(end - data) + 1 : size};
        size_t used = end ? parts[i].size + sizeof line - 2 : size;
        data = end ? data + used : NULL;
        size -= used;
    }
}

static void remove_folder(void) { files_remove_tree(folder, NULL); }

const char *folder_path(void) {
    if (folder[0]) return folder;
    char made[sizeof folder];
    snprintf(made, sizeof made, "%s/thaw-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    char *whole = mkdtemp(made) ? realpath(made, NULL) : NULL;
    if (!whole || strlen(whole) >= sizeof folder || atexit(remove_folder) != 0) {
        perror(made);
        abort();
    }
    strcpy(folder, whole);
    free(whole);
    memory_files_root(folder);
    return folder;
}

const char *folder_put(const char *name, struct folder_part bytes) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder_path(), name);
    if (!bytes.data) {
        memory_files_drop(path);
        return path;
    }
    if (memory_files_put(path, bytes.data, bytes.size)) return path;
    perror(path);
    abort();
}
