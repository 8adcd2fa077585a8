#include "ui/pace.h"

#include <math.h>

enum { STEERING_MS = 50 };
/* From one look to the next: of who steers and was left alone; of who watches. */
static const double left_s = 0.25, touched_s = 0.5, alone_s = 1;
static const double patience_s = 10; /* without a key, until nobody is there */

int pace_wait_ms(bool watches, double now, double touched_at) {
    bool touched = now - touched_at < patience_s;
    if (touched && !watches) return STEERING_MS;
    double every = !watches ? left_s : touched ? touched_s : alone_s;
    return (int)floor((every - fmod(now, every)) * 1000) + 1;
}
