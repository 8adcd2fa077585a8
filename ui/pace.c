#include "ui/pace.h"

#include <math.h>

enum { STEERING_MS = 50 };
static const double left_s = 0.25;                /* from one look to the next, of who steers */
static const double touched_s = 0.5, alone_s = 1; /* and of who watches */
static const double patience_s = 10;              /* without a key, until nobody is there */

int pace_wait_ms(bool watches, double now, double touched_at) {
    bool touched = now - touched_at < patience_s;
    if (touched && !watches) return STEERING_MS;
    double every = !watches ? left_s : touched ? touched_s : alone_s;
    return (int)floor((every - fmod(now, every)) * 1000) + 1;
}
