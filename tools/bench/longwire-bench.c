/* longwire-bench(1): the modes and their help. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/std_fds.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_progress.h"

struct mode {
    const char *summary, *help;
    enum bench_exit (*run)(const struct bench_config *config);
};

static const struct mode modes[BENCH_MODES] = {
    [BENCH_FANOUT] =
        {
            .summary = "subscribers, publishers, and what reaches whom how fast",
            .help = "Opens subscribers, publishes, checks that each message reaches each of its "
                    "subscribers\n"
                    "once and in order, and tells what that costs the hub.",
            .run = bench_fanout,
        },
    [BENCH_RAW] =
        {
            .summary = "the same against a server that only writes: the limit",
            .help =
                "Measures what no hub can be faster than: a server of its own that writes ready "
                "frames\n"
                "to the same subscribers, read by the same code.",
            .run = bench_fanout,
        },
    [BENCH_PUBLISH] =
        {
            .summary = "acknowledged publishes a second",
            .help = "Publishes, and measures how many are acknowledged and how soon.",
            .run = bench_publish,
        },
    [BENCH_LOG] =
        {
            .summary = "the log beside the disk and bare LMDB",
            .help = "Measures fdatasync alone, appending to bare LMDB, and the hub's log, in "
                    "throw-away\n"
                    "directories. No hub is needed.",
            .run = bench_log,
        },
    [BENCH_FILL] =
        {
            .summary = "a log for the next two to read, and reading it without a hub",
            .help = "Makes a log through the hub's own interface, and measures finding and reading "
                    "messages\n"
                    "in it. No hub is needed.",
            .run = bench_fill,
        },
    [BENCH_REPLAY] =
        {
            .summary = "subscribers that read such a log from its beginning",
            .help = "Subscribes to what the mode fill has left, from the first message on, checks "
                    "that each\n"
                    "comes once and in order, and tells what that costs the hub.",
            .run = bench_replay,
        },
    [BENCH_RESUME] =
        {
            .summary = "the last messages of a topic or pattern, over and over",
            .help = "Asks for the last messages of a topic or pattern by long-polls that do not "
                    "wait, and\n"
                    "tells what finding them costs the hub.",
            .run = bench_resume,
        },
    [BENCH_HANDSHAKE] =
        {
            .summary = "connections that begin TLS and end",
            .help = "Opens connections, begins TLS on each, ends it, and tells what that costs the "
                    "hub.\n",
            .run = bench_handshake,
        },
    [BENCH_SEAL] =
        {
            .summary = "sealing records of TLS, and nothing else: the limit",
            .help = "Seals records by AES-128-GCM, and tells what each takes. No hub is needed.\n",
            .run = bench_seal,
        },
    [BENCH_TOKEN] =
        {
            .summary = "verifying tokens, and finding those that are known",
            .help = "Verifies a token over and over, as a worker does with each that is new to it, "
                    "then finds\n"
                    "it by its hash, and tells what each takes. No hub is needed.\n",
            .run = bench_token,
        },
};

static enum bench_exit print(struct buf *out)
{
    bool done =
        !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    buf_finish(out);
    return done ? BENCH_OK : BENCH_FAILED;
}

static enum bench_exit help(void)
{
    struct buf out = {0};
    buf_puts(&out, "Usage: longwire-bench MODE [OPTION]...\n"
                   "Puts load on a Longwire hub and measures it.\n\nModes:\n");
    for (size_t i = 0; i < BENCH_MODES; i++)
        buf_printf(&out, "  %-10s%s\n", bench_mode_names[i], modes[i].summary);
    buf_puts(&out,
             "\n`longwire-bench MODE --help` shows the options. Exit status: 0 all is well, 1\n"
             "messages were lost, repeated or refused, 2 wrong usage, 3 no connection.\n");
    return print(&out);
}

static enum bench_exit help_mode(enum bench_mode mode)
{
    struct buf out = {0};
    buf_printf(&out, "Usage: longwire-bench %s [OPTION]...\n%s\n\nOptions:\n",
               bench_mode_names[mode], modes[mode].help);
    bench_args_help(&out, mode);
    return print(&out);
}

static enum bench_exit version(void)
{
    struct buf out = {0};
    buf_puts(&out, "longwire-bench " PACKAGE_VERSION "\n");
    return print(&out);
}

/* BENCH_MODES when there is none of that name. */
static enum bench_mode find_mode(const char *name)
{
    enum bench_mode mode = 0;
    while (mode < BENCH_MODES && strcmp(name, bench_mode_names[mode]) != 0)
        mode++;
    return mode;
}

static enum bench_exit run(enum bench_mode mode, int argc, char **argv)
{
    struct bench_config config;
    enum bench_exit status = bench_args_parse(&config, mode, argc, argv);
    if (status)
        return status;
    if (config.help)
        return help_mode(mode);
    progress_want(!config.quiet);
    signal(SIGPIPE, SIG_IGN);
    loop_catch_interrupt();
    return modes[mode].run(&config);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (!std_fds_open())
        return BENCH_FAILED;
    enum bench_mode mode = find_mode(word);
    if (mode < BENCH_MODES)
        return (int)run(mode, argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return (int)help();
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return (int)version();
    if (*word)
        bench_say("there is no mode %s; `longwire-bench --help` lists them", word);
    else
        bench_say("which mode? `longwire-bench --help` lists them");
    return BENCH_USAGE;
}
