#include "daemon/signals.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static const int meant[] = {SIGTERM, SIGINT, SIGHUP};
/* Their default is to end the program. */
static const int told[] = {SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM};
static const int ignored[] = {
    SIGPIPE, SIGVTALRM, SIGPROF, SIGIO,
    SIGPWR,  SIGSTKFLT, SIGXFSZ, /* a file that may not grow is a full disk, not an end */
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

void signals_catch(sigset_t *ret)
{
    sigemptyset(ret);
    for (size_t i = 0; i < COUNT(meant); i++)
        sigaddset(ret, meant[i]);
    for (size_t i = 0; i < COUNT(told); i++)
        sigaddset(ret, told[i]);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
    for (size_t i = 0; i < COUNT(ignored); i++)
        signal(ignored[i], SIG_IGN);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
        signal(sig, SIG_IGN);
}

static bool is_meant(int sig)
{
    for (size_t i = 0; i < COUNT(meant); i++)
        if (sig == meant[i])
            return true;
    return false;
}

int signals_wait(const sigset_t *set, uint64_t timeout_ms)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_ms / 1000),
                         .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    int sig = sigtimedwait(set, NULL, &t);
    if (sig < 0)
        return 0;
    if (is_meant(sig))
        return sig;
    log_info("SIG%s means nothing here: SIGHUP reloads, SIGTERM stops", sigabbrev_np(sig));
    return 0;
}
