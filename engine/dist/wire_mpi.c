/* wire_mpi.c - MPI as a wire; the only file that knows MPI. A module: nothing else of thaw is
 * in it. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dist/wire.h"

_Static_assert(sizeof(MPI_Request) <= sizeof(union wire_message), "a message holds a request");

static MPI_Request *request_of(union wire_message *m) { return (MPI_Request *)(void *)m; }

static bool join(void *ctx, int *rank, int *count, char *why, size_t size) {
    int given;
    (void)ctx;
    /* Open MPI over TCP: send. By itself it has the other side ask for a message piece by piece
     * and fills 55 to 60 % of a link of 1 Gbit/s, so 85 % (tests/bench/README.md). */
    setenv("OMPI_MCA_btl_tcp_flags", "1", 0);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS ||
        given < MPI_THREAD_FUNNELED) {
        snprintf(why, size, "MPI does not start, or not for a program with threads");
        return false;
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    return MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS &&
           MPI_Comm_size(MPI_COMM_WORLD, count) == MPI_SUCCESS;
}

static bool send(void *ctx, union wire_message *m, int to, int tag, const void *data,
                 int bytes) {
    (void)ctx;
    return MPI_Isend(data, bytes, MPI_BYTE, to, tag, MPI_COMM_WORLD, request_of(m)) ==
           MPI_SUCCESS;
}

static bool receive(void *ctx, union wire_message *m, int from, int tag, void *data,
                    int bytes) {
    (void)ctx;
    return MPI_Irecv(data, bytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, request_of(m)) ==
           MPI_SUCCESS;
}

static enum wire_state test(void *ctx, union wire_message *m) {
    int done = 0;
    (void)ctx;
    if (MPI_Test(request_of(m), &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return WIRE_FAILED;
    return done ? WIRE_DONE : WIRE_UNDER_WAY;
}

static void leave(void *ctx, bool well) {
    (void)ctx;
    if (well) MPI_Finalize();
}

extern const struct wire_ops thaw_wire;
const struct wire_ops thaw_wire = {join, send, receive, test, leave};
