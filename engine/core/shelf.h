/* shelf.h - a file without a name, for what is large and seldom looked at: it takes room on the disk, and memory only
 * where it is being read. It is gone with its owner, however that ends. */
#ifndef THAW_ENGINE_CORE_SHELF_H
#define THAW_ENGINE_CORE_SHELF_H
#include <stddef.h>

#include "engine/core/err.h"

struct shelf; /* opaque */

/* In `folder`, empty. NULL with ERR_IO, ERR_FULL or ERR_NOMEM. Owner: the caller. */
struct shelf *shelf_create(const char *folder, struct err *err);
void shelf_destroy(struct shelf *s); /* NULL is fine */

/* Put `n` > 0 bytes on it. What is returned begins a page, can be read as long as the shelf lives, and takes memory
 * from the first look at a page until shelf_leave(). NULL with ERR_FULL (nothing of it stays) or ERR_IO. */
const void *shelf_put(struct shelf *s, const void *bytes, size_t n, struct err *err);
/* The n bytes that were put at `at` are not needed soon: they take no memory until they are looked at again. */
void shelf_leave(const void *at, size_t n);
#endif
