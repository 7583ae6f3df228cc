/*
 * The table of all options, and how one value is read and written.
 *
 * The table feeds the parser, --help, --print-config and, through tests/check-options.py, the
 * manual page and the sample file. Loading and precedence are config_load.c's.
 */
#ifndef DAEMON_SETTING_H
#define DAEMON_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

enum setting_type {
    SETTING_COUNT,    /* uint64_t */
    SETTING_BYTES,    /* uint64_t; suffixes K, M, G, T */
    SETTING_DURATION, /* uint64_t, milliseconds; units ms, s (when left out), m, h */
    SETTING_MODE,     /* mode_t; octal */
    SETTING_BOOL,     /* bool; on, off */
    SETTING_CHOICE,   /* an enum; one of `words`, whose index is the value */
    SETTING_FLAGS,    /* unsigned; a list of `words`, whose index is the bit */
    SETTING_TEXT,     /* char *, owned; min and max are its length */
    SETTING_SERVER,   /* char *, owned; a URL (server_url.h), or empty */
    SETTING_LISTEN,   /* struct config_listen_list; each value appends */
    SETTING_ORIGIN,   /* struct config_origin_list; each value appends, an empty one is none */
    SETTING_HOST,     /* struct config_origin_list; likewise */
    SETTING_NET,      /* struct config_net_list; likewise */
    SETTING_KEY,      /* struct config_key_list; likewise */
};

struct setting {
    const char *section; /* "topic": belongs to struct config_topic */
    const char *key;
    enum setting_type type;
    size_t offset;            /* of the field in struct config or struct config_topic */
    uint64_t min, max;        /* where the type has a range, in the field's unit */
    const char *const *words; /* NULL-terminated */
    const char *initial;      /* the default as it is written; NULL: inherited, see `help` */
    bool reloadable;          /* taken over at SIGHUP */
    const char *help;         /* one line */
};

/* [settings, settings_topic) are fields of struct config, [settings_topic, settings_end) of struct
 * config_topic. The rows of a section stand together. */
extern const struct setting settings[];
extern const struct setting *const settings_topic;
extern const struct setting *const settings_end;
/* The fields of struct config_host: [tls "HOST"] sections; CONFIG_HOST_SETTINGS_MAX of them. */
extern const struct setting settings_host[];

/* Those of struct config_rule: [access "PATTERN"] sections; CONFIG_RULE_SETTINGS_MAX of them. */
extern const struct setting settings_rule[];

/* The row of SECTION and KEY, or NULL. */
const struct setting *setting_find(const char *section, const char *key);
/* Of [tls "HOST"]. */
const struct setting *setting_find_host(const char *key);
/* Of [access "PATTERN"]. */
const struct setting *setting_find_rule(const char *key);
/* The row whose `section.key` takes the fewest edits to come to these; never NULL. */
const struct setting *setting_nearest(const char *section, const char *key);
/* Likewise by section name alone. */
const char *setting_nearest_section(const char *section);
bool setting_is_section(const char *section);
bool setting_is_list(const struct setting *s);
/* Reads VALUE into the field of BASE (zeroed or set before); a list gets one more item.
 * ERR_INVALID: not of this form; ERR_LIMIT: out of range, or the list is full; ERR_NOMEM. */
MUST_CHECK enum err setting_parse(const struct setting *s, const char *value, void *base);
/* Appends what setting_parse allows, to follow "must be "; WHY is what it returned. */
void setting_allowed(const struct setting *s, enum err why, struct buf *out);
/* How many values the field has: 1, for a list any number. */
size_t setting_values(const struct setting *s, const void *base);
/* Appends value I < setting_values() as setting_parse reads it. */
void setting_format(const struct setting *s, const void *base, size_t i, struct buf *out);
/* Empties a list, frees a text; other fields own nothing and stay. */
void setting_clear(const struct setting *s, void *base);

#endif
