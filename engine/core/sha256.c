#include "engine/core/sha256.h"

#include <nettle/sha2.h>
#include <stdio.h>

#include "engine/core/files.h"

enum { AT_ONCE = 4 << 20 }; /* bytes of a file */

static void finish(struct sha256_ctx *context, char out[SHA256_TEXT]) {
    unsigned char digest[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void sha256_bytes(const void *bytes, size_t n, char out[SHA256_TEXT]) {
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, n, n > 0 ? bytes : (const void *)"");
    finish(&context, out);
}

bool sha256_file(const char *path, char out[SHA256_TEXT], struct err *err) {
    struct mapping m;
    struct sha256_ctx context;
    if (!files_map(path, &m, err)) return false;
    sha256_init(&context);
    for (size_t at = 0; at < m.size; at += AT_ONCE) {
        size_t n = m.size - at < AT_ONCE ? m.size - at : AT_ONCE;
        sha256_update(&context, n, m.data + at);
        files_forget(m.data + at, n);
    }
    finish(&context, out);
    files_unmap(&m);
    return true;
}
