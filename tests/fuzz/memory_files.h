/* memory_files.h - files that are bytes of this process: for targets whose parser wants a path. A system call costs
 * more than most inputs do. The linker sends the calls of files in here (--wrap, tests/CMakeLists.txt); those of a
 * path under the root are answered from memory, all others go on to the C library. A folder that files in memory are below is
 * one in memory and lists those alone; others are real. What is mapped has its file's very size, so that a sanitizer sees a read
 * behind its end. */
#ifndef THAW_TESTS_FUZZ_MEMORY_FILES_H
#define THAW_TESTS_FUZZ_MEMORY_FILES_H
#include <stdbool.h>
#include <stddef.h>

/* From now on files right or further below `folder` are in memory. Lasts as long as the process. */
void memory_files_root(const char *folder);
/* The file at `path`, below the root, holds a copy of these bytes. false: no memory, or too many files. */
bool memory_files_put(const char *path, const void *bytes, size_t n);
void memory_files_drop(const char *path); /* absent: nothing */
#endif
