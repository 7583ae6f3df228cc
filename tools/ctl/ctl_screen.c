/*
 * The terminal as a screen: takes it over, gives it back whatever happens.
 *
 * Signals that end or stop the program give the terminal back in their handler, so that a hub which
 * does not answer cannot keep it; tcsetattr, write and raise are async-signal-safe (POSIX.1-2017,
 * 2.4.3).
 */
#include "tools/ctl/ctl_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_DEFAULT = 24, COLUMNS_DEFAULT = 80, SIZE_LIMIT = 1000 };

/* One terminal, and handlers that must reach it. */
static struct termios saved;
static volatile sig_atomic_t taken, resized;

static void put(const char *sequence)
{
    ssize_t done = write(STDOUT_FILENO, sequence, strlen(sequence));
    (void)done; /* nothing can be done without a terminal */
}

static void take(void)
{
    struct termios raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    put("\033[?1049h\033[?25l\033[?7l\033[2J"); /* other screen, no cursor, no wrapping */
    taken = 1;
}

static void give_back(void)
{
    if (!taken)
        return;
    taken = 0;
    put("\033[0m\033[?7h\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void on_end(int signal_number)
{
    give_back();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_stop(int signal_number)
{
    (void)signal_number;
    int error = errno;
    give_back();
    raise(SIGSTOP); /* goes on here when continued */
    take();
    resized = 1;
    errno = error;
}

static void on_resize(int signal_number)
{
    (void)signal_number;
    resized = 1;
}

static void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    /* One at a time: a second signal waits until the terminal is given back. */
    sigfillset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void measure(struct ctl_screen *s)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    s->rows = known && size.ws_row ? size.ws_row : ROWS_DEFAULT;
    s->columns = known && size.ws_col ? size.ws_col : COLUMNS_DEFAULT;
    s->rows = s->rows < SIZE_LIMIT ? s->rows : SIZE_LIMIT;
    s->columns = s->columns < SIZE_LIMIT ? s->columns : SIZE_LIMIT;
    s->columns--; /* what stood in the last one, erasing to the end of the line would take away */
}

enum err ctl_screen_init(struct ctl_screen *s)
{
    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        return ERR_IO;
    handle(SIGINT, on_end);
    handle(SIGTERM, on_end);
    handle(SIGHUP, on_end);
    handle(SIGQUIT, on_end);
    handle(SIGTSTP, on_stop);
    handle(SIGWINCH, on_resize);
    measure(s);
    take();
    return ERR_OK;
}

void ctl_screen_finish(struct ctl_screen *s)
{
    (void)s;
    give_back();
}

static int ms_until(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
    return ms > 0 ? (int)ms : 0;
}

static enum ctl_key read_key(void)
{
    char key;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return CTL_KEY_NONE;
    return n <= 0 || key == 'q' || key == 'Q' ? CTL_KEY_QUIT : CTL_KEY_NONE;
}

enum ctl_key ctl_screen_wait(struct ctl_screen *s, int ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000L; /* may pass one second; only differences are used */
    for (;;) {
        /* A resize between this test and poll() shows at the next refresh. */
        if (resized) {
            resized = 0;
            measure(s);
            return CTL_KEY_REDRAW;
        }
        int n = poll(&input, 1, ms_until(&end));
        if (n == 0)
            return CTL_KEY_NONE;
        if (n > 0 && read_key() == CTL_KEY_QUIT)
            return CTL_KEY_QUIT;
    }
}
