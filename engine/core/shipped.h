/* shipped.h - where the files that come with thaw stand: what configs/ and assets/ are in the source folder. */
#ifndef THAW_ENGINE_CORE_SHIPPED_H
#define THAW_ENGINE_CORE_SHIPPED_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/err.h"

/* out = the path of `what`, e.g. "configs" or "assets/grammars/cricket.yaml". An installed thaw finds it in
 * ../share/thaw beside the folder of its program, wherever that was put; one that was only built finds it
 * where it was built from. It need not be there. False with ERR_RANGE: does not fit. */
bool shipped_path(char *out, size_t size, const char *what, struct err *err);
#endif
