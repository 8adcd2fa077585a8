/* onednn.h - oneDNN's door: its sgemm, one-threaded, for the products inside tiles. It needs no copy of
 * an operand for many of a transformer's shapes and is 5 to 50 % faster there than OpenBLAS, most with few
 * rows (tests/bench/README.md). Chosen when the program is configured; float only. */
#ifndef THAW_ENGINE_NN_ONEDNN_H
#define THAW_ENGINE_NN_ONEDNN_H
#include <stddef.h>

#include "engine/nn/blas.h"

/* The product on the caller's thread, as blas_gemm_tile(); alpha as it stands. False: not done, let BLAS do
 * it (out of memory for its copies). */
bool onednn_gemm(const struct gemm *g, real alpha);
void onednn_describe(char *out, size_t size); /* "oneDNN 2.6.3" */
#endif
