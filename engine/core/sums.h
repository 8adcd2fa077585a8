/* sums.h - what a folder's files were when it was written: their SHA-256 in the file SHA256SUMS, which
 * `sha256sum -c SHA256SUMS` reads as well. */
#ifndef THAW_ENGINE_CORE_SUMS_H
#define THAW_ENGINE_CORE_SUMS_H
#include "engine/core/err.h"

#define SUMS_NAME "SHA256SUMS"

/* Write SHA256SUMS for all regular files directly in `dir`, in the order of their names; fsynced. */
bool sums_write(const char *dir, struct err *err);
/* Read every file that it names and compare. True with *there false when the folder has none, as older
 * versions left it. The sentence names the first file that is missing or differs. */
bool sums_check(const char *dir, bool *there, struct err *err);
#endif
