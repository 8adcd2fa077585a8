/* wire_open.c - the module that speaks MPI: beside the program, or where it is installed. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/dist/wire.h"

static const char *const places[] = {"thaw_mpi.so", "../lib/thaw/thaw_mpi.so"};

/* The folder of the running program. */
static bool program_folder(char out[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

static void *load(char path[PATH_MAX + 32]) {
    char folder[PATH_MAX];
    void *module = NULL;
    path[0] = '\0';
    for (size_t i = 0; !module && program_folder(folder) && i < sizeof places / sizeof *places;
         i++) {
        snprintf(path, PATH_MAX + 32, "%s/%s", folder, places[i]);
        if (access(path, R_OK) != 0) continue;
        module =
            dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI's own plugins look for its names */
        if (!module) return NULL;
    }
    return module;
}

bool wire_open(struct wire *out, struct err *err) {
    char path[PATH_MAX + 32];
    void *module = load(path);
    const char *why = module ? NULL : dlerror();
    out->ctx = NULL;
    out->ops = module ? dlsym(module, "thaw_wire") : NULL;
    if (out->ops) return true;
    return err_set(
        err, ERR_IO,
        "mpirun started several processes, and this thaw cannot speak MPI (%s): build "
        "it where an MPI is installed (libopenmpi-dev), or start one process",
        why ? why : "it was built without");
}
