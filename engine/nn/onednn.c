#include "engine/nn/onednn.h"

#include <dnnl.h>
#include <omp.h>
#include <stdio.h>

#include "engine/core/hold.h"

bool onednn_gemm(const struct gemm *g, real alpha) {
    omp_set_num_threads(1); /* of this thread's own products: the pool has the cores */
    signals_hold();
    bool done = dnnl_sgemm(g->ta == AS_IS ? 'N' : 'T', g->tb == AS_IS ? 'N' : 'T', g->m, g->n,
                           g->k, alpha, g->A, g->lda, g->B, g->ldb, g->add ? 1.0f : 0.0f, g->C,
                           g->ldc) == dnnl_success;
    signals_let();
    return done;
}

void onednn_describe(char *out, size_t size) {
    const dnnl_version_t *v = dnnl_version();
    snprintf(out, size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}
