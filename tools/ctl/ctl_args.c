/* Options: getopt_long fed from the one table, and their help. */
#include "tools/ctl/ctl_args.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_out.h"

struct spec {
    char letter;
    const char *name, *arg, *help;
};

static const struct spec specs[CTL_OPTIONS] = {
#define SPEC(id, letter, name, arg, help) [id] = {letter, name, arg, help},
    CTL_OPTION_TABLE(SPEC)
#undef SPEC
};

/* getopt's value of a long option: above all letters. */
enum { LONG_BASE = 256 };

enum err ctl_args_u64(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return ERR_INVALID;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end)
        return ERR_INVALID;
    *ret = n;
    return ERR_OK;
}

static enum ctl_exit set_number(const struct spec *s, const char *value, uint64_t max,
                                uint64_t *ret)
{
    if (ctl_args_u64(value, ret) == ERR_OK && *ret <= max)
        return CTL_OK;
    ctl_say("--%s takes a whole number from 0 to %" PRIu64, s->name, max);
    return CTL_USAGE;
}

static enum ctl_exit set(struct ctl_args *a, enum ctl_option_id id, const char *value)
{
    uint64_t seconds = 0;
    enum ctl_exit status = CTL_OK;
    a->given |= CTL_BIT(id);
    switch (id) {
    case CTL_OPT_SOCKET:
        a->socket = value;
        break;
    case CTL_OPT_AFTER:
        a->after = value;
        break;
    case CTL_OPT_EVENT:
        a->event = value;
        break;
    case CTL_OPT_KEY:
        a->key = value;
        break;
    case CTL_OPT_EXPECT:
        a->expect = value;
        break;
    case CTL_OPT_JTI:
        a->jti = value;
        break;
    case CTL_OPT_SUB:
        a->sub = value;
        break;
    case CTL_OPT_BEFORE:
        a->before = value;
        break;
    case CTL_OPT_SORT:
        a->sort = value;
        break;
    case CTL_OPT_UNTIL:
        a->until = value;
        break;
    case CTL_OPT_OUTPUT:
        a->output = value;
        break;
    case CTL_OPT_STATE:
        a->state = value;
        break;
    case CTL_OPT_CACERT:
        a->cacert = value;
        break;
    case CTL_OPT_LIMIT:
        status = set_number(&specs[id], value, INT64_MAX, &a->limit);
        break;
    case CTL_OPT_TIMEOUT:
        status = set_number(&specs[id], value, CTL_TIMEOUT_MAX_S, &seconds);
        a->timeout_s = (unsigned)seconds;
        break;
    case CTL_OPT_HOLD:
        status = set_number(&specs[id], value, CTL_HOLD_MAX_S, &seconds);
        a->hold_s = (unsigned)seconds;
        break;
    default: /* a flag; a->given says it all */
        break;
    }
    return status;
}

/* What getopt_long wants to know about the options in a set. */
struct getopt_tables {
    char letters[2 * CTL_OPTIONS + 3];
    struct option longs[CTL_OPTIONS + 1];
};

static void fill_tables(struct getopt_tables *t, unsigned accepted, bool stop)
{
    char *letter = t->letters;
    struct option *entry = t->longs;
    if (stop)
        *letter++ = '+';
    *letter++ = ':';
    for (int i = 0; i < CTL_OPTIONS; i++) {
        const struct spec *s = &specs[i];
        if (!(accepted & CTL_BIT(i)))
            continue;
        *letter++ = s->letter;
        if (s->arg)
            *letter++ = ':';
        *entry++ =
            (struct option){s->name, s->arg ? required_argument : no_argument, NULL, LONG_BASE + i};
    }
}

/* The option that getopt's VALUE stands for, CTL_OPTIONS if none. */
static enum ctl_option_id option_of(int value)
{
    if (value >= LONG_BASE)
        return (enum ctl_option_id)(value - LONG_BASE);
    int i = 0;
    while (i < CTL_OPTIONS && specs[i].letter != value)
        i++;
    return (enum ctl_option_id)i;
}

static enum ctl_exit complain(int found, char **argv)
{
    const char *last = argv[optind - 1];
    if (found == ':')
        ctl_say("option %s needs an argument", last);
    else if (optopt > 0 && optopt < LONG_BASE)
        ctl_say("unknown option -%c (text that begins with '-' goes after --)", optopt);
    else if (optopt >= LONG_BASE)
        ctl_say("option --%s takes no argument", specs[optopt - LONG_BASE].name);
    else
        ctl_say("unknown or ambiguous option %s (text that begins with '-' goes after --)", last);
    return CTL_USAGE;
}

enum ctl_exit ctl_args_parse(struct ctl_args *a, int argc, char **argv, unsigned accepted,
                             bool stop)
{
    struct getopt_tables t = {0};
    fill_tables(&t, accepted, stop);
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1;) {
        if (found == '?' || found == ':')
            return complain(found, argv);
        enum ctl_exit status = set(a, option_of(found), optarg);
        if (status)
            return status;
    }
    a->words = argv + optind;
    a->count = argc - optind;
    return CTL_OK;
}

void ctl_args_help(struct buf *out, unsigned accepted)
{
    for (int i = 0; i < CTL_OPTIONS; i++) {
        const struct spec *s = &specs[i];
        if (!(accepted & CTL_BIT(i)))
            continue;
        size_t start = out->len;
        buf_printf(out, "  -%c, --%s", s->letter, s->name);
        if (s->arg)
            buf_printf(out, " %s", s->arg);
        while (!out->failed && out->len < start + 26)
            buf_putc(out, ' ');
        buf_printf(out, "%s\n", s->help);
    }
}
