/* folder.h - bytes as files (memory_files.h), for the targets whose parser wants a path: in a folder that is made at
 * the first call and removed when the process ends. */
#ifndef THAW_TESTS_FUZZ_FOLDER_H
#define THAW_TESTS_FUZZ_FOLDER_H
#include <stddef.h>
#include <stdint.h>

/* A part of an input. data NULL: it is missing. */
struct folder_part {
    const uint8_t *data;
    size_t size;
};

/* Cut an input at its lines "%%" into at most n parts; the last one has the rest, lines "%%" included. */
void folder_cut(const uint8_t *data, size_t size, struct folder_part *parts, int n);

const char *folder_path(void); /* lasts as long as the process */
/* Make `name` in the folder hold these bytes, or be missing. Returns its path, until the next call. */
const char *folder_put(const char *name, struct folder_part bytes);
#endif
