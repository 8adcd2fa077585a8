#include "engine/core/sha256.h"

#include <gcrypt.h>
#include <stdio.h>

#include "engine/core/files.h"

/* The library insists on being asked for its version first; it has no secrets to keep here. */
static void begin(void) {
    if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) return;
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

void sha256_bytes(const void *bytes, size_t n, char out[SHA256_TEXT]) {
    enum { DIGEST_BYTES = SHA256_TEXT / 2 };
    unsigned char digest[DIGEST_BYTES];
    begin();
    gcry_md_hash_buffer(GCRY_MD_SHA256, digest, n > 0 ? bytes : "", n);
    for (int i = 0; i < DIGEST_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

bool sha256_file(const char *path, char out[SHA256_TEXT], struct err *err) {
    struct mapping m;
    if (!files_map(path, &m, err)) return false;
    sha256_bytes(m.data, m.size, out);
    files_unmap(&m);
    return true;
}
