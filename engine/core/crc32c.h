/* crc32c.h - the checksum of iSCSI (RFC 3720, appendix B.4): 32 bits, Castagnoli's polynomial, reflected. */
#ifndef THAW_ENGINE_CORE_CRC32C_H
#define THAW_ENGINE_CORE_CRC32C_H
#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t n);
#endif
