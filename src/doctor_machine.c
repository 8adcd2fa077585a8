/* doctor_machine.c - processor, memory, disk, and the texts that are there to learn from. */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/run_dir.h"
#include "src/cpu_setup.h"
#include "src/doctor.h"
#include "ui/format.h"

enum { GEMM_SIDE = 512, AT_LEAST = 5 /* products */, GEMM_LINE_MAX = 1 << 16 };
static const double gemm_seconds = 0.3, slow_gflops = 20, little_memory = 1 << 30;

/* ---- processor ---- */

static void tell_cpu(struct doctor *d) {
    char line[GEMM_LINE_MAX], model[160] = "unknown";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f) fclose(f);
    struct cpu_features c = cpu_detect();
    char found[256];
    snprintf(found, sizeof found, "%s, %s", model,
             c.avx512     ? "AVX-512"
             : c.avx2_fma ? "AVX2 with FMA"
                          : "no AVX2");
    bool fast = c.avx512 || c.avx2_fma;
    doctor_tell(d, fast ? DOCTOR_OK : DOCTOR_WARNING, "processor", found,
                fast ? NULL : "training will be slow on this processor");
}

/* GFLOP/s of one-threaded products, the best of those that fit into the time. */
static double measure_gemm(void) {
    size_t cells = (size_t)GEMM_SIDE * GEMM_SIDE;
    real *memory = malloc(3 * cells * sizeof *memory);
    double best = 0, flops = 2.0 * GEMM_SIDE * GEMM_SIDE * GEMM_SIDE,
           end = clock_now() + gemm_seconds;
    if (!memory) return 0;
    for (size_t i = 0; i < 3 * cells; i++) memory[i] = (real)(i % 7);
    struct exec ex = {.pool = NULL};
    struct gemm g = {.m = GEMM_SIDE,
                     .n = GEMM_SIDE,
                     .k = GEMM_SIDE,
                     .A = memory,
                     .lda = GEMM_SIDE,
                     .B = memory + cells,
                     .ldb = GEMM_SIDE,
                     .C = memory + 2 * cells,
                     .ldc = GEMM_SIDE};
    for (int i = 0; i < AT_LEAST || clock_now() < end; i++) {
        double start = clock_now();
        blas_gemm(&ex, &g);
        double rate = flops / (clock_now() - start) / 1e9;
        if (rate > best) best = rate;
    }
    free(memory);
    return best;
}

static void tell_blas(struct doctor *d) {
    char found[320];
    blas_init();
    double rate = measure_gemm(), load = 0, cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(found, sizeof found, "%s; OPENBLAS_CORETYPE %s", blas_describe(),
             cpu_setup_text());
    doctor_tell(d, DOCTOR_OK, "BLAS", found, NULL);
    snprintf(found, sizeof found, "%.0f GFLOP/s on one thread (products of %d x %d)", rate,
             GEMM_SIDE, GEMM_SIDE);
    bool fast = rate > slow_gflops, busy = getloadavg(&load, 1) == 1 && load > cores;
    doctor_tell(d, fast ? DOCTOR_OK : DOCTOR_WARNING, "speed", found,
                fast   ? NULL
                : busy ? "other programs keep the processor busy: see what runs (top)"
                       : "unset OPENBLAS_CORETYPE if you have set it");
}

static void tell_threads(struct doctor *d) {
    cpu_set_t set;
    char found[96];
    CPU_ZERO(&set);
    int mine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    long all = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(found, sizeof found, "%d of %ld cores may be used; training takes them all", mine,
             all);
    doctor_tell(d, mine < all ? DOCTOR_NOTE : DOCTOR_OK, "threads", found,
                mine < all ? "taskset or a container keeps some cores away" : NULL);
}

/* ---- memory and disk ---- */

static double available_memory(void) {
    char line[256];
    double kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && kib <= 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lf", &kib) != 1) kib = 0;
    if (f) fclose(f);
    return kib * 1024;
}

/* What a container leaves to its processes; huge where there is none. */
static double memory_limit(void) {
    double limit = 1e18;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "r");
    if (f && fscanf(f, "%lf", &limit) != 1) limit = 1e18; /* "max" */
    if (f) fclose(f);
    return limit;
}

static void tell_memory(struct doctor *d) {
    char found[96], there[FORMAT_MAX], all[FORMAT_MAX];
    double available = available_memory(), limit = memory_limit();
    double whole = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (limit < available) available = limit;
    format_bytes(there, available);
    format_bytes(all, whole);
    snprintf(found, sizeof found, "%s available of %s", there, all);
    bool enough = available > little_memory;
    doctor_tell(d, enough ? DOCTOR_OK : DOCTOR_WARNING, "memory", found,
                enough               ? NULL
                : limit <= available ? "a container keeps the rest away: give it more"
                                     : "close other programs before a run");
}

/* The nearest folder above `path` that exists. */
static void existing_part(char path[PATH_MAX]) {
    char *slash;
    while (!files_is_dir(path) && (slash = strrchr(path, '/')) && slash != path) *slash = '\0';
}

static void tell_disk(struct doctor *d) {
    char runs[PATH_MAX], there[PATH_MAX], found[PATH_MAX + 96], space[FORMAT_MAX];
    struct err err;
    if (!runs_dir(NULL, runs, &err)) {
        doctor_tell(d, DOCTOR_ERROR, "disk", err.msg, "set HOME or XDG_STATE_HOME");
        return;
    }
    memcpy(there, runs, sizeof there);
    existing_part(there);
    double free_bytes = (double)files_free_bytes(there);
    format_bytes(space, free_bytes);
    snprintf(found, sizeof found, "%s free for runs in %s", space, runs);
    if (access(there, W_OK) != 0)
        doctor_tell(d, DOCTOR_ERROR, "disk", found,
                    "it cannot be written: give --runs-dir, or set XDG_STATE_HOME");
    else if (free_bytes < little_memory)
        doctor_tell(d, DOCTOR_WARNING, "disk", found,
                    "make room, or give --runs-dir on another disk");
    else doctor_tell(d, DOCTOR_OK, "disk", found, NULL);
}

/* ---- texts ---- */

static void tell_text(struct doctor *d, const char *what, const char *file,
                      const char *package) {
    char found[PATH_MAX + 32], change[160];
    bool there = files_exists(file);
    snprintf(found, sizeof found, "%s%s", there ? "" : "none: there is no ", file);
    snprintf(change, sizeof change,
             "apt-get install %s (./run does it where a config asks for it)", package);
    doctor_tell(d, there ? DOCTOR_OK : DOCTOR_NOTE, what, found, there ? NULL : change);
}

static void tell_texts(struct doctor *d) {
    const char *given = getenv("WNSEARCHDIR");
    char file[PATH_MAX];
    if (files_join(file, sizeof file, given ? given : "/usr/share/wordnet", "data.noun", NULL))
        tell_text(d, "wordnet", file, "wordnet-base");
    tell_text(d, "dictionary", "/usr/share/dictd/gcide.index", "dict-gcide");
    tell_text(d, "pairs", "/usr/share/trans/de-en", "trans-de-en");
}

void doctor_machine(struct doctor *d) {
    tell_cpu(d);
    tell_threads(d);
    tell_blas(d);
    tell_memory(d);
    tell_disk(d);
    tell_texts(d);
}
