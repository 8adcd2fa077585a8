/* cmd_doctor.c - `thaw doctor`: what this machine and terminal can do, and what to change. */
#include <langinfo.h>
#include <locale.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/run_dir.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/cpu_setup.h"
#include "ui/format.h"

enum { GEMM_SIDE = 512, GEMM_LINE_MAX = 1 << 16 };
static const double gemm_seconds = 0.3, slow_gflops = 20, little_memory = 1 << 30;

/* One line; `change` says what to do, NULL: nothing. */
static void tell(const char *what, const char *found, const char *change) {
    cli_print("%-8s %-10s %s", change ? "warning" : "ok", what, found);
    if (change) cli_print("%-8s %-10s -> %s", "", "", change);
}

/* ---- processor ---- */

static void tell_cpu(void) {
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
    tell("processor", found,
         c.avx512 || c.avx2_fma ? NULL : "training will be slow on this processor");
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
    while (clock_now() < end) {
        double start = clock_now();
        blas_gemm(&ex, &g);
        double rate = flops / (clock_now() - start) / 1e9;
        if (rate > best) best = rate;
    }
    free(memory);
    return best;
}

static void tell_blas(void) {
    char found[320];
    blas_init();
    double rate = measure_gemm();
    snprintf(found, sizeof found, "%s; OPENBLAS_CORETYPE %s", blas_describe(),
             cpu_setup_text());
    tell("BLAS", found, NULL);
    snprintf(found, sizeof found, "%.0f GFLOP/s on one thread (products of %d x %d)", rate,
             GEMM_SIDE, GEMM_SIDE);
    tell("speed", found,
         rate > slow_gflops
             ? NULL
             : "unset OPENBLAS_CORETYPE if you have set it, and close what else runs");
}

static void tell_threads(void) {
    cpu_set_t set;
    char found[96];
    CPU_ZERO(&set);
    int mine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    long all = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(found, sizeof found, "%d of %ld cores may be used; training takes them all", mine,
             all);
    tell("threads", found, mine < all ? "taskset or a container keeps some cores away" : NULL);
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

static void tell_memory(void) {
    char found[96], there[FORMAT_MAX], all[FORMAT_MAX];
    double available = available_memory();
    format_bytes(there, available);
    format_bytes(all, (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
    snprintf(found, sizeof found, "%s available of %s", there, all);
    tell("memory", found,
         available > little_memory ? NULL : "close other programs before a run");
}

/* The nearest folder above `path` that exists. */
static void existing_part(char path[PATH_MAX]) {
    char *slash;
    while (!files_is_dir(path) && (slash = strrchr(path, '/')) && slash != path) *slash = '\0';
}

static void tell_disk(void) {
    char runs[PATH_MAX], there[PATH_MAX], found[PATH_MAX + 96], space[FORMAT_MAX];
    struct err err;
    if (!runs_dir(NULL, runs, &err)) {
        tell("disk", err.msg, "set HOME or XDG_STATE_HOME");
        return;
    }
    memcpy(there, runs, sizeof there);
    existing_part(there);
    double free_bytes = (double)files_free_bytes(there);
    format_bytes(space, free_bytes);
    snprintf(found, sizeof found, "%s free for runs in %s", space, runs);
    const char *change = NULL;
    if (access(there, W_OK) != 0)
        change = "it cannot be written: give --runs-dir, or set XDG_STATE_HOME";
    else if (free_bytes < little_memory)
        change = "make room, or give --runs-dir on another disk";
    tell("disk", found, change);
}

static void tell_wordnet(void) {
    const char *given = getenv("WNSEARCHDIR"), *folder = given ? given : "/usr/share/wordnet";
    char file[PATH_MAX];
    bool there = files_join(file, sizeof file, folder, "data.noun", NULL) && files_exists(file);
    tell("wordnet", folder, there ? NULL : "apt-get install wordnet-base (./run does it)");
}

/* ---- terminal ---- */

static void tell_terminal(void) {
    const char *term = getenv("TERM"), *color = getenv("COLORTERM");
    char found[200];
    struct winsize size = {0};
    bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (!tty) {
        tell("terminal", "none: stdin or stdout is no terminal", "runs print plain lines here");
        return;
    }
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    bool truecolor = color && (strcmp(color, "truecolor") == 0 || strcmp(color, "24bit") == 0);
    bool many = term && strstr(term, "256color");
    snprintf(found, sizeof found, "%s, %dx%d, %s", term && *term ? term : "TERM is not set",
             size.ws_col, size.ws_row,
             truecolor ? "truecolor"
             : many    ? "256 colours"
                       : "8 colours or fewer");
    const char *change = NULL;
    if (!term || !*term) change = "set TERM, e.g. to xterm-256color";
    else if (size.ws_col < 80 || size.ws_row < 24)
        change = "make it 80x24 or larger to see all panes";
    tell("terminal", found, change);
}

static void tell_characters(void) {
    setlocale(LC_CTYPE, "");
    const char *set = nl_langinfo(CODESET);
    bool utf8 = strcasecmp(set, "UTF-8") == 0 || strcasecmp(set, "UTF8") == 0;
    tell("characters", set,
         utf8 ? NULL : "set LC_ALL=C.UTF-8 for finer curves (plain ASCII until then)");
}

int cmd_doctor(int argc, char **argv) {
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_spec spec = {
        .usage = "thaw doctor", .about = "What was found on this machine, and what to change."};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    tell_cpu();
    tell_threads();
    tell_blas();
    tell_memory();
    tell_disk();
    tell_wordnet();
    tell_terminal();
    tell_characters();
    return cli_flush(&err) ? CLI_OK : cli_fail(&err);
}
