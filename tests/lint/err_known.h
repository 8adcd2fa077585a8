/* err_known.h - clang-tidy looks into one file at a time; here it learns what these return. Only ./run lint reads it. */
#include "engine/core/err.h"
#define err_set(...) ((err_set)(__VA_ARGS__), false)
#define err_errno(...) ((err_errno)(__VA_ARGS__), false)
#define err_prefix(...) ((err_prefix)(__VA_ARGS__), false)
