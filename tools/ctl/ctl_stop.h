/* Signals that end what is under way. */
#ifndef TOOLS_CTL_CTL_STOP_H
#define TOOLS_CTL_CTL_STOP_H

#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only shows in ctl_stopped, so that what is under way can
 * be brought to an end; a second one ends the program. */
void ctl_stop_catch(void);
bool ctl_stopped(void);
/* Ends the program by that signal, as if it had never been caught. */
_Noreturn void ctl_stop_now(void);

#endif
