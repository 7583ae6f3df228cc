/* SIGINT and SIGTERM for commands that want to say how far they got. */
#include "tools/ctl/ctl_stop.h"

#include <signal.h>
#include <stdlib.h>

#include "tools/ctl/ctl_exit.h"

static volatile sig_atomic_t caught;

static void note(int sig)
{
    caught = sig;
}

/* No SA_RESTART: what waits is to look. The second signal finds the default again. */
void ctl_stop_catch(void)
{
    struct sigaction a = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

bool ctl_stopped(void)
{
    return caught != 0;
}

void ctl_stop_now(void)
{
    int sig = caught ? caught : SIGTERM;
    signal(sig, SIG_DFL);
    raise(sig);
    exit(CTL_FAILED);
}
