/* The terminal as `top` has it. */
#ifndef TOOLS_CTL_CTL_SCREEN_H
#define TOOLS_CTL_CTL_SCREEN_H

#include <stddef.h>

#include "base/err.h"

struct ctl_screen {
    size_t rows, columns;
};

enum ctl_key { CTL_KEY_NONE, CTL_KEY_QUIT, CTL_KEY_REDRAW };

/* Takes over the terminal (standard input and output); ERR_IO when it is none. The terminal is
 * given back by ctl_screen_finish, and by the signals that end or stop the program. */
MUST_CHECK enum err ctl_screen_init(struct ctl_screen *s);
void ctl_screen_finish(struct ctl_screen *s);
/* Waits for a key, a signal or a change of size, at most MS. */
enum ctl_key ctl_screen_wait(struct ctl_screen *s, int ms);

#endif
