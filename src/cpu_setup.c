#include "src/cpu_setup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set by us on the second start, so that there is no third. Its value says who chose the
 * kernels. */
static const char guard[] = "THAW_CPU_SETUP";

struct cpu_features cpu_detect(void) {
    struct cpu_features f = {0};
#if defined(__x86_64__)
    __builtin_cpu_init();
    f.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    f.avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    f.amd = __builtin_cpu_is("amd");
#endif
    return f;
}

const char *cpu_coretype(struct cpu_features f) {
    if (f.avx512) return "SkylakeX";
    if (f.avx2_fma) return f.amd ? "Zen" : "Haswell";
    return NULL;
}

/* Without the guard, each start would start the next; with other kernels, the bits were others.
 */
static bool set_environment(void) {
    const char *mine = cpu_coretype(cpu_detect());
    bool users = getenv("OPENBLAS_CORETYPE") != NULL;
    return (users || !mine || setenv("OPENBLAS_CORETYPE", mine, 1) == 0) &&
           setenv("OPENBLAS_NUM_THREADS", "1", 1) == 0 &&
           setenv(guard,
                  users  ? "user"
                  : mine ? "cpuid"
                         : "none",
                  1) == 0;
}

bool cpu_setup(char **argv, struct err *err) {
    sigset_t all, before;
    if (getenv(guard)) { /* the second start: give the signals back */
        sigemptyset(&before);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return true;
    }
    if (!set_environment())
        return err_set(err, ERR_NOMEM, "not enough memory to choose kernels");
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    execv("/proc/self/exe", argv);
    sigprocmask(SIG_SETMASK, &before, NULL); /* no /proc: slower, but right */
    return true;
}

const char *cpu_setup_text(void) {
    static char text[160];
    const char *core = getenv("OPENBLAS_CORETYPE"), *who = getenv(guard);
    snprintf(text, sizeof text, "%s (%s)", core ? core : "OpenBLAS's own choice",
             !who                        ? "not set up"
             : strcmp(who, "user") == 0  ? "set by the user"
             : strcmp(who, "cpuid") == 0 ? "chosen from cpuid"
                                         : "nothing better known for this processor");
    return text;
}
