#include "engine/core/sha256.h"

#include <nettle/sha2.h>
#include <stdio.h>

#include "engine/core/files.h"

void sha256_bytes(const void *bytes, size_t n, char out[SHA256_TEXT]) {
    struct sha256_ctx context;
    unsigned char digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, n, n > 0 ? bytes : (const void *)"");
    sha256_digest(&context, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

bool sha256_file(const char *path, char out[SHA256_TEXT], struct err *err) {
    struct mapping m;
    if (!files_map(path, &m, err)) return false;
    sha256_bytes(m.data, m.size, out);
    files_unmap(&m);
    return true;
}
