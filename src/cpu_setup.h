/* cpu_setup.h - the right BLAS kernels for this processor, chosen before BLAS is loaded for
 * good. Debian's OpenBLAS 0.3.21 does not know newer processors and then falls back to its
 * oldest kernels, six to eight times slower. OPENBLAS_CORETYPE overrules that, but is read when
 * the library is loaded, so the program starts itself once more with the variable set. */
#ifndef THAW_SRC_CPU_SETUP_H
#define THAW_SRC_CPU_SETUP_H
#include <stdbool.h>

#include "engine/core/err.h"

/* What cpuid tells that matters here. */
struct cpu_features {
    bool avx512, avx2_fma, amd;
};

/* Read them from this processor; all false on others than x86-64. */
struct cpu_features cpu_detect(void);

/* The kernel set for them: "SkylakeX", "Zen", "Haswell", or NULL to leave the choice to
 * OpenBLAS. */
const char *cpu_coretype(struct cpu_features f);

/* Start the program again with OPENBLAS_CORETYPE (unless the user has set it) and one BLAS
 * thread, all signals blocked meanwhile, so that no thread of BLAS's ever takes SIGHUP or
 * SIGWINCH. Returns only in the second process, or when nothing had to be set; false with
 * ERR_NOMEM. Call first in main. */
bool cpu_setup(char **argv, struct err *err);

/* One line for doctor: what is in force and who chose it. Static storage. */
const char *cpu_setup_text(void);
#endif
