/* op_activation.h - GELU (tanh form) and SwiGLU.
 * Sources: Hendrycks, Gimpel, arXiv 1606.08415; Shazeer, arXiv 2002.05202. */
#ifndef THAW_ENGINE_NN_OP_ACTIVATION_H
#define THAW_ENGINE_NN_OP_ACTIVATION_H
#include "engine/nn/exec.h"

/* y[rows,width] = gelu(x) */
void gelu_forward(struct exec *ex, real *y, const real *x, int rows, int width);
/* dx = dy * gelu'(x), overwritten; dx may be dy. Unless NULL, y = gelu(x) once more, which costs next to
 * nothing here. */
void gelu_backward(struct exec *ex, real *dx, real *y, const real *dy, const real *x, int rows, int width);

/* y[rows,width] = silu(gate) * up, where gate_up[rows, 2*width] holds gate, then up, in each row. */
void swiglu_forward(struct exec *ex, real *y, const real *gate_up, int rows, int width);
/* d_gate_up[rows, 2*width] is overwritten; y as in gelu_backward(). */
void swiglu_backward(struct exec *ex, real *d_gate_up, real *y, const real *dy, const real *gate_up,
                     int rows, int width);
#endif
