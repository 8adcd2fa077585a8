/* interpose_memory.c - preloaded into thaw: refuses the allocation that was asked for, counted
 * from the first line of main() on. Set by the environment: MEMORY_AT      the number of the
 * first allocation that is refused, from 1; absent: none MEMORY_ON      all that come after it
 * are refused as well MEMORY_REPORT  file that is made when it comes to that What the C++ and
 * Fortran run-times below OpenBLAS and oneDNN ask for is left alone: they end the process by
 * themselves where they get nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RANGES_MAX = 64 };

static struct {
    bool armed; /* main() has begun */
    long at;
    bool on;
    const char *report;
    struct range {
        uintptr_t from, to;
    } others[RANGES_MAX]; /* code that is left alone */
    int n_others;
    atomic_long calls;
} memory;

/* The C library's own, under the names that it gives them for this purpose. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static bool counts(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    for (int i = 0; i < memory.n_others; i++)
        if (at >= memory.others[i].from && at < memory.others[i].to) return false;
    return true;
}

static void report(void) {
    if (!memory.report) return;
    long fd =
        syscall(SYS_openat, AT_FDCWD, memory.report, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    syscall(SYS_close, fd);
}

static bool refused(const void *caller) {
    if (!memory.armed || memory.at == 0 || !counts(caller)) return false;
    long n = atomic_fetch_add(&memory.calls, 1) + 1;
    if (n == memory.at) report();
    if (memory.on ? n < memory.at : n != memory.at) return false;
    errno = ENOMEM;
    return true;
}

/* ---- at the start ---- */

static int note_library(struct dl_phdr_info *info, size_t size, void *ctx) {
    static const char *const names[] = {"libdnnl",     "libgomp",     "libopenblas",
                                        "libstdc++",   "libgcc_s",    "ld-linux",
                                        "libgfortran", "libquadmath", "libOpenCL"};
    (void)size, (void)ctx;
    bool other = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        other |= strstr(info->dlpi_name, names[i]) != NULL;
    for (int i = 0; other && i < info->dlpi_phnum && memory.n_others < RANGES_MAX; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && part->p_flags & PF_X)
            memory.others[memory.n_others++] = (struct range){from, from + part->p_memsz};
    }
    return 0;
}

typedef int main_function(int argc, char **argv, char **environment);
static main_function *real_main;

static int armed_main(int argc, char **argv, char **environment) {
    const char *at = getenv("MEMORY_AT");
    memory.at = at ? strtol(at, NULL, 10) : 0;
    memory.on = getenv("MEMORY_ON") != NULL;
    memory.report = getenv("MEMORY_REPORT");
    dl_iterate_phdr(note_library, NULL);
    memory.armed = true;
    return real_main(argc, argv, environment);
}

int __libc_start_main(main_function *begin, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_function *begin, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
    __typeof__(&__libc_start_main) real =
        (__typeof__(&__libc_start_main))(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = begin;
    return real(armed_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* ---- the calls ---- */

#define REFUSED() refused(__builtin_return_address(0))

void *malloc(size_t bytes) { return REFUSED() ? NULL : __libc_malloc(bytes); }

void *calloc(size_t n, size_t bytes) { return REFUSED() ? NULL : __libc_calloc(n, bytes); }

void *realloc(void *p, size_t bytes) { return REFUSED() ? NULL : __libc_realloc(p, bytes); }

void *aligned_alloc(size_t alignment, size_t bytes) {
    return REFUSED() ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    if (REFUSED()) return ENOMEM;
    *out = __libc_memalign(alignment, bytes);
    return *out ? 0 : ENOMEM;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
    if (REFUSED()) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}
