#include "ui/pty_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/text.h"

enum { PATIENCE_MS = 120000 }; /* only a hang lasts that long */
/* The same for words on a screen that goes on drawing (its clock): pieces of output, or of
 * silence, without them. */
enum { SILENCE_MS = 100, PIECES_MAX = 1500 };

/* Also for terminals that know no alternate screen (linux, vt100). When the primary one loses
 * rows, libvterm scrolls up what stands below the cursor and takes the cursor along, to a row
 * below 0, where \033[K, \033[J and \033[X crash: the rest of what was drawn for the size
 * before. */
static void use_alternate(struct pty_screen *p) {
    VTermValue on = {.boolean = 1};
    assert_true(vterm_state_set_termprop(vterm_obtain_state(p->vt), VTERM_PROP_ALTSCREEN, &on));
}

void pty_screen_start(struct pty_screen *p, int w, int h,
                      int (*child)(int socket, void *context), void *context) {
    int sockets[2];
    struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
    *p = (struct pty_screen){.w = w, .h = h};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    p->pid = forkpty(&p->master, NULL, NULL, &size);
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        close(sockets[0]);
        exit(child(sockets[1], context));
    }
    close(sockets[1]);
    p->socket = sockets[0];
    p->vt = vterm_new(h, w);
    assert_non_null(p->vt);
    vterm_set_utf8(p->vt, 1);
    p->screen = vterm_obtain_screen(p->vt);
    vterm_screen_enable_altscreen(p->screen, 1);
    vterm_screen_reset(p->screen, 1);
    use_alternate(p);
}

/* Of n bytes of UTF-8, those at the end that begin a character without ending it. */
static size_t cut_off(const char *s, size_t n) {
    for (size_t k = 1; k <= n && k <= 3; k++) {
        unsigned char c = (unsigned char)s[n - k];
        if (c < 0x80) return 0;
        if (c < 0xC0) continue;
        size_t whole = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        return k < whole ? k : 0;
    }
    return 0;
}

/* Read what is there; false at the end. A character comes in whole: libvterm decodes text that
 * begins in ASCII apart from other text, loses what was cut, and writes past the end of its
 * stack array when a single letter follows. */
static bool take_in(struct pty_screen *p) {
    char bytes[8192];
    memcpy(bytes, p->cut, p->n_cut);
    ssize_t got = read(p->master, bytes + p->n_cut, sizeof bytes - p->n_cut);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false; /* EIO: nobody has the other side open */
    if (p->record) assert_true(buf_add(p->record, bytes + p->n_cut, (size_t)got));
    size_t n = p->n_cut + (size_t)got;
    p->n_cut = cut_off(bytes, n);
    memcpy(p->cut, bytes + n - p->n_cut, p->n_cut);
    assert_true(buf_add(&p->bytes, bytes, n - p->n_cut));
    return true;
}

/* Wait until there is something to read: 1 the terminal, 2 the socket, 3 both. */
static int wait_for_any(struct pty_screen *p) {
    struct pollfd fds[] = {{p->master, POLLIN, 0}, {p->socket, POLLIN, 0}};
    int ready;
    do ready = poll(fds, 2, PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) fail_msg("the child hangs");
    return (fds[0].revents ? 1 : 0) | (fds[1].revents ? 2 : 0);
}

/* Let libvterm interpret the bytes. It does not know CSI n b, "the last character n times
 * more", which ncurses uses for ASCII where characters are single bytes: written out here. */
static void interpret(struct pty_screen *p) {
    const char *s = buf_text(&p->bytes), *end = s + p->bytes.len;
    for (const char *at = s; at < end;) {
        const char *next = memchr(at + 1, 033, (size_t)(end - at - 1));
        if (!next) next = end;
        vterm_input_write(p->vt, at, (size_t)(next - at));
        int count = 0, used = 0;
        while (sscanf(next, "\033[%db%n", &count, &used) == 1 && used > 0) {
            while (count-- > 0) vterm_input_write(p->vt, next - 1, 1);
            next += used;
            used = 0;
        }
        at = next;
    }
}

bool pty_screen_answer(struct pty_screen *p, void *answer, size_t n) {
    for (size_t got = 0; got < n;) {
        int ready = wait_for_any(p);
        if (ready & 2) {
            ssize_t k = read(p->socket, (char *)answer + got, n - got);
            if (k <= 0) return false;
            got += (size_t)k;
        } else if (!take_in(p)) {
            return false;
        }
    }
    return true;
}

bool pty_screen_until(struct pty_screen *p, const char *marker) {
    size_t n = strlen(marker);
    while (p->bytes.len < n || memcmp(p->bytes.data + p->bytes.len - n, marker, n) != 0)
        if (!take_in(p)) return false;
    p->bytes.len -= n;
    p->bytes.data[p->bytes.len] = '\0';
    interpret(p);
    return true;
}

static bool shows(const struct pty_screen *p, const char *words) {
    char row[1024];
    assert_true(p->w < (int)sizeof row);
    for (int y = 0; y < p->h; y++) {
        for (int x = 0; x < p->w; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(p->screen, (VTermPos){.row = y, .col = x}, &cell);
            row[x] = cell.chars[0] < 0x80 ? (char)(cell.chars[0] ? cell.chars[0] : ' ') : '?';
        }
        row[p->w] = '\0';
        if (strstr(row, words)) return true;
    }
    return false;
}

void pty_screen_row(const struct pty_screen *p, int y, struct buf *out) {
    size_t end = out->len; /* of the text without blanks at its end */
    for (int x = 0; x < p->w; x++) {
        VTermScreenCell cell;
        char bytes[4];
        vterm_screen_get_cell(p->screen, (VTermPos){.row = y, .col = x}, &cell);
        if (!cell.chars[0]) buf_str(out, " ");
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
            buf_add(out, bytes, text_encode(cell.chars[i], bytes));
        if (cell.chars[0] && cell.chars[0] != ' ') end = out->len;
        x += cell.width - 1;
    }
    if (out->len > end) out->data[out->len = end] = '\0';
}

/* What stands there instead tells why. */
static void fail_without(const struct pty_screen *p, const char *words) {
    struct buf rows = {0};
    for (int y = 0; y < p->h; y++, buf_str(&rows, "\n")) pty_screen_row(p, y, &rows);
    fail_msg("\"%s\" never came:\n%s", words, buf_text(&rows));
}

bool pty_screen_until_shown(struct pty_screen *p, const char *words) {
    for (int pieces = 0; !shows(p, words); pieces++) {
        struct pollfd fd = {p->master, POLLIN, 0};
        int ready = poll(&fd, 1, SILENCE_MS);
        if (pieces == PIECES_MAX) fail_without(p, words);
        if (ready <= 0) continue;
        if (!take_in(p)) return false;
        interpret(p);
        buf_clear(&p->bytes);
    }
    return true;
}

bool pty_screen_settle(struct pty_screen *p, int quiet_ms) {
    struct pollfd fd = {p->master, POLLIN, 0};
    while (poll(&fd, 1, quiet_ms) > 0) {
        if (!take_in(p)) return false;
        interpret(p);
        buf_clear(&p->bytes);
    }
    return true;
}

void pty_screen_type(struct pty_screen *p, const char *bytes) {
    size_t n = strlen(bytes);
    assert_int_equal(write(p->master, bytes, n), n);
}

void pty_screen_resize(struct pty_screen *p, int w, int h) {
    struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
    p->w = w;
    p->h = h;
    /* libvterm crashes on a wide character, drawn for the width before, in a single column. */
    vterm_set_size(p->vt, h, w > 1 ? w : 2);
    assert_int_equal(ioctl(p->master, TIOCSWINSZ, &size), 0);
}

int pty_screen_wait(struct pty_screen *p) {
    int status = 0;
    while (take_in(p)) {
    }
    interpret(p);
    while (waitpid(p->pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    p->pid = 0;
    return status;
}

void pty_screen_close(struct pty_screen *p) {
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    if (p->master >= 0) close(p->master);
    close(p->socket);
    vterm_free(p->vt);
    buf_deinit(&p->bytes);
}
