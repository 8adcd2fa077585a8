/* sha256.h - the digest library's door (nettle, which allocates nothing). Source: FIPS 180-4. */
#ifndef THAW_ENGINE_CORE_SHA256_H
#define THAW_ENGINE_CORE_SHA256_H
#include <stddef.h>

#include "engine/core/err.h"

enum { SHA256_TEXT = 65 }; /* 64 hex digits and the NUL */

void sha256_bytes(const void *bytes, size_t n, char out[SHA256_TEXT]);
/* Of a regular file's bytes, read through a mapping: 1.2 s a GiB. Messages name the path. */
bool sha256_file(const char *path, char out[SHA256_TEXT], struct err *err);
#endif
