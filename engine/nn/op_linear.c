#include "engine/nn/op_linear.h"

#include "engine/nn/blas.h"

void linear_forward(struct exec *ex, real *y, const real *onto, const real *x, const real *W,
                    const real *b, struct linear_dims d) {
    blas_gemm(ex, &(struct gemm){.m = d.rows,
                                 .n = d.out,
                                 .k = d.in,
                                 .tb = d.turned ? AS_IS : TRANSPOSED,
                                 .A = x,
                                 .lda = d.in,
                                 .B = W,
                                 .ldb = d.turned ? d.out : d.in,
                                 .onto = onto,
                                 .bias = b,
                                 .C = y,
                                 .ldc = d.out});
}
