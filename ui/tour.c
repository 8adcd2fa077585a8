#include "ui/tour.h"

#include <string.h>

#include "ui/layout.h"
#include "ui/wrap.h"

const struct tour_hint tour_hints[TOUR_HINTS] = {
    {PANE_LOSS,
     "Loss: how wrong the model is, step by step. + and the wheel zoom in, 0 shows all again, "
     "Left and Right read out a step, s smooths.",
     "Loss: lower is better. + zooms, 0 all"},
    {PANE_LAYERS,
     "Layers: j and k select a group, Space freezes it or thaws it again, u undoes. What is "
     "frozen keeps its bytes, and steps get shorter.",
     "Layers: j k select, Space freezes"},
    {PANE_COMPARE,
     "Compare: the model before fine-tuning, and as it is now, on the same prompt. c shows it "
     "in another way, ] the next prompt, e asks your own.",
     "Compare: before and now. ] next prompt"},
    {-1,
     "p pauses the training, and again goes on. q only leaves this screen: the training goes "
     "on, and thaw attach comes back to it.",
     "p pauses. q leaves, training goes on"},
    {-1,
     "? shows all keys, and / finds one there. : takes commands, Tab completes them; :tour "
     "shows these hints again.",
     "? shows all keys, : takes commands"},
};

const char *tour_text(int hint, int columns, int rows) {
    const struct tour_hint *h = &tour_hints[hint];
    return wrap_rows(h->text, strlen(h->text), columns) <= rows ? h->text : h->brief;
}
