#include "ui/osc52.h"

#include <stdint.h>

/* Three bytes, of which `n` (1 to 3) are there, as four characters. */
static void add_group(struct buf *out, const unsigned char *bytes, size_t n) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)bytes[0] << 16;
    if (n > 1) bits |= (uint32_t)bytes[1] << 8;
    if (n > 2) bits |= bytes[2];
    char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                    digits[bits & 63]};
    for (size_t i = n + 1; i < 4; i++) four[i] = '=';
    buf_add(out, four, sizeof four);
}

bool osc52_add(struct buf *out, const char *text, size_t n) {
    if (n > OSC52_TEXT_MAX) return false;
    buf_str(out, "\033]52;c;");
    for (size_t i = 0; i < n; i += 3)
        add_group(out, (const unsigned char *)text + i, n - i < 3 ? n - i : 3);
    buf_str(out, "\007");
    return true;
}
