/* How longwirectl ends, and what it takes at the most. */
#ifndef TOOLS_CTL_CTL_EXIT_H
#define TOOLS_CTL_CTL_EXIT_H

#define CTL_DEFAULT_SOCKET "/run/longwire/longwire.sock"

/* Exit codes, part of the interface (longwirectl(1)). */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1, /* the hub answered an error, or this program could not do its part */
    CTL_USAGE = 2,
    CTL_LOST = 3, /* cannot connect, or the connection was lost */
    CTL_NOT_FOUND = 4,
    CTL_INCOMPLETE = 5, /* done, but something is missing in what was exported or imported */
};

enum {
    CTL_TIMEOUT_S = 30, /* how long an answer may take, unless --timeout says otherwise */
    CTL_TIMEOUT_MAX_S = 86400,
    CTL_HOLD_MAX_S = 3600,
    CTL_PAYLOAD_MAX = 64 << 20, /* bytes read from standard input for one message */
    CTL_CURSOR_SIZE = 64,       /* longest cursor taken from a hub, with its NUL */
    CTL_TOPICS_MAX = 64,        /* topics of one tail or export */
};

#endif
