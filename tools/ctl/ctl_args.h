/*
 * The command line: options, and what a command is. The table of commands stands in longwirectl.c.
 */
#ifndef TOOLS_CTL_CTL_ARGS_H
#define TOOLS_CTL_CTL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/ctl/ctl_exit.h"

/* id, letter, long name, argument, help. Feeds getopt, --help and the check of the man page. */
#define CTL_OPTION_TABLE(X)                                                                        \
    X(CTL_OPT_FOLLOW, 'f', "follow", NULL, "go on with new messages, through restarts of the hub") \
    X(CTL_OPT_AFTER, 'a', "after", "PLACE",                                                        \
      "begin after a cursor; or earliest, latest, -N (the last N), an RFC 3339 time")              \
    X(CTL_OPT_LIMIT, 'n', "limit", "N", "print at most N messages")                                \
    X(CTL_OPT_LINES, 'l', "lines", NULL, "publish each line of standard input as one message")     \
    X(CTL_OPT_EVENT, 'e', "event", "NAME", "give the message an event name")                       \
    X(CTL_OPT_KEY, 'k', "key", "KEY", "idempotency key: published twice, stored once")             \
    X(CTL_OPT_EXPECT, 'x', "expect", "CURSOR",                                                     \
      "publish only if the topic has had no message behind CURSOR")                                \
    X(CTL_OPT_SORT, 'O', "sort", "FIELD", "list by id, age, lag or held, the largest first")       \
    X(CTL_OPT_YES, 'y', "yes", NULL, "do not ask")                                                 \
    X(CTL_OPT_FORCE, 'F', "force", NULL, "restore a damaged log, too")                             \
    X(CTL_OPT_UNTIL, 'u', "until", "PLACE",                                                        \
      "export: end with this cursor; revoke: forget it at this time (RFC 3339)")                   \
    X(CTL_OPT_OUTPUT, 'o', "output", "FILE", "write to a new file, and sync it")                   \
    X(CTL_OPT_RESUME, 'r', "resume", NULL, "go on behind the last whole line of the output file")  \
    X(CTL_OPT_STATE, 'S', "state", "FILE", "keep there how far it has come, and go on from there") \
    X(CTL_OPT_SKIP_BAD, 'b', "skip-bad", NULL, "leave out lines that are no messages, and go on")  \
    X(CTL_OPT_HOLD, 'H', "hold", "SECONDS", "hold silent connections for so long; 0 for none")     \
    X(CTL_OPT_CACERT, 'C', "cacert", "FILE", "trust the certificates in this PEM file only")       \
    X(CTL_OPT_INSECURE, 'K', "insecure", NULL, "go on in spite of a bad certificate")              \
    X(CTL_OPT_JTI, 'J', "jti", "ID", "the token with this jti")                                    \
    X(CTL_OPT_SUB, 'U', "sub", "NAME", "all tokens of this sub that were issued until now")        \
    X(CTL_OPT_BEFORE, 'B', "before", "TIME", "of a sub: those that were issued before (RFC 3339)") \
    X(CTL_OPT_LIST, 'L', "list", NULL, "show what is revoked")                                     \
    X(CTL_OPT_UNDO, 'D', "undo", NULL, "take it back, for tokens that come from now on")           \
    X(CTL_OPT_SOCKET, 's', "socket", "PATH",                                                       \
      "the hub's socket (else LONGWIRE_SOCKET, else " CTL_DEFAULT_SOCKET ")")                      \
    X(CTL_OPT_JSON, 'j', "json", NULL, "machine-readable output")                                  \
    X(CTL_OPT_TIMEOUT, 't', "timeout", "SECONDS", "wait so long for an answer; 0 for ever")        \
    X(CTL_OPT_HELP, 'h', "help", NULL, "show help and exit")                                       \
    X(CTL_OPT_VERSION, 'V', "version", NULL, "show the version and exit")

enum ctl_option_id {
#define CTL_OPTION_ID(id, letter, name, arg, help) id,
    CTL_OPTION_TABLE(CTL_OPTION_ID)
#undef CTL_OPTION_ID
        CTL_OPTIONS
};

#define CTL_BIT(id) (1u << (id))
/* Taken before and after the command's name, by every command. */
#define CTL_COMMON_OPTIONS                                                                         \
    (CTL_BIT(CTL_OPT_SOCKET) | CTL_BIT(CTL_OPT_JSON) | CTL_BIT(CTL_OPT_TIMEOUT) |                  \
     CTL_BIT(CTL_OPT_HELP) | CTL_BIT(CTL_OPT_VERSION))

struct ctl;

struct ctl_command {
    const char *name;
    const char *args;    /* as shown in the help */
    const char *summary; /* one line */
    const char *help;    /* further lines of its --help; "" for none */
    int args_min, args_max;
    unsigned options; /* CTL_BITs besides the common ones */
    /* NULL, or tells what is wrong with the arguments before there is a connection; CTL_USAGE. */
    enum ctl_exit (*check)(const struct ctl *c);
    /* NULL, or whether it can do without a hub, as it is called. */
    bool (*offline)(const struct ctl *c);
    enum ctl_exit (*run)(struct ctl *c);
};

/* What the command line says. Strings are borrowed from argv. */
struct ctl_args {
    unsigned given;                                     /* CTL_BITs */
    const char *socket, *after, *event, *key, *expect;  /* NULL when not given */
    const char *until, *output, *state, *sort, *cacert; /* likewise */
    const char *jti, *sub, *before;                     /* likewise */
    uint64_t limit;
    unsigned timeout_s, hold_s;
    int count; /* words after the command */
    char **words;
};

/* Reads options out of ARGV (ARGV[0] is the name for messages): those of the CTL_BITs in ACCEPTED.
 * With STOP, ends at the first word that is no option. Words that are no options end up in
 * a->words. Tells what is wrong on standard error and returns CTL_USAGE. */
MUST_CHECK enum ctl_exit ctl_args_parse(struct ctl_args *a, int argc, char **argv,
                                        unsigned accepted, bool stop);
/* Appends one line for each option in ACCEPTED. */
void ctl_args_help(struct buf *out, unsigned accepted);
/* Whole decimal number; ERR_INVALID for anything else. */
MUST_CHECK enum err ctl_args_u64(const char *text, uint64_t *ret);

#endif
