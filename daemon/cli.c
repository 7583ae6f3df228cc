#include "daemon/cli.h"
#include "daemon/config_print.h"

#include <config.h> /* the build's, not daemon/config.h */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/data_dir.h"
#include "daemon/setting.h"

#define DEFAULT_FILE LONGWIRE_SYSCONFDIR "/longwire.ini"

enum action { ACTION_SERVE, ACTION_CHECK, ACTION_PRINT, ACTION_HELP, ACTION_VERSION };

static const char usage[] =
    "Usage: longwired [OPTION]...\n"
    "Run the Longwire hub: publish over a local socket, subscribe by long-polling,\n"
    "Server-Sent Events or WebSocket, and miss nothing in between.\n"
    "\n"
    "  --config FILE              read FILE (otherwise " DEFAULT_FILE ",\n"
    "                             if it exists)\n"
    "  --set SECTION.KEY=VALUE    set an option over the file; repeatable\n"
    "  --check-config             say whether the configuration is good, and exit\n"
    "  --print-config             print the whole configuration, and exit\n"
    "  --help                     print this, and exit\n"
    "  --version                  print the version, and exit\n"
    "\n"
    "Options of the file and of --set with their defaults; SIGHUP takes over those\n"
    "with a *, the others need a restart. See longwire.ini(5).\n";

/* ---- help ---- */

static bool has_range(const struct setting *s)
{
    return s->type != SETTING_TEXT && s->type != SETTING_SERVER && !setting_is_list(s);
}

static void put_setting(struct buf *out, const struct setting *s)
{
    if (s >= settings_topic)
        buf_printf(out, "topic \"PATTERN\".%s\n", s->key);
    else
        buf_printf(out, "%s.%s =%s%s%s\n", s->section, s->key, *s->initial ? " " : "", s->initial,
                   s->reloadable ? " *" : "");
    buf_printf(out, "    %s", s->help);
    if (has_range(s)) {
        buf_puts(out, " (");
        setting_allowed(s, ERR_LIMIT, out);
        buf_putc(out, ')');
    }
    buf_putc(out, '\n');
}

static int write_out(struct buf *out)
{
    bool written = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len;
    buf_finish(out);
    if (written && fflush(stdout) == 0)
        return CLI_OK;
    fprintf(stderr, "longwired: cannot write to standard output\n");
    return CLI_FAILED;
}

static int print_help(void)
{
    struct buf out = {0};
    const char *section = "";
    buf_puts(&out, usage);
    for (const struct setting *s = settings; s < settings_end; s++) {
        if (strcmp(section, s->section) != 0)
            buf_putc(&out, '\n');
        section = s->section;
        put_setting(&out, s);
    }
    return write_out(&out);
}

static int print_version(void)
{
    struct buf out = {0};
    buf_puts(&out, "longwired " PACKAGE_VERSION "\n");
    return write_out(&out);
}

/* ---- the command line ---- */

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},
    {"check-config", no_argument, NULL, 'k'},
    {"print-config", no_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static void take_config(struct cli *c, const char *file)
{
    c->source.file = file;
    c->source.file_optional = false;
}

/* False: the option is unknown or lacks its argument, and getopt has said so. */
static bool take_option(struct cli *c, int option, enum action *action)
{
    switch (option) {
    case 'c':
        take_config(c, optarg);
        return true;
    case 's':
        c->sets[c->source.set_count++] = optarg;
        return true;
    case 'k':
        *action = ACTION_CHECK;
        return true;
    case 'p':
        *action = ACTION_PRINT;
        return true;
    case 'h':
        *action = ACTION_HELP;
        return true;
    case 'v':
        *action = ACTION_VERSION;
        return true;
    default:
        return false;
    }
}

static bool parse(struct cli *c, int argc, char **argv, enum action *ret_action)
{
    enum action action = ACTION_SERVE;
    int option;
    optind = 0; /* from the beginning, however often this is called */
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!take_option(c, option, &action))
            return false;
    }
    if (optind < argc) {
        fprintf(stderr, "longwired: unexpected argument '%s'\n", argv[optind]);
        return false;
    }
    *ret_action = action;
    return true;
}

static bool init(struct cli *c, int argc)
{
    memset(c, 0, sizeof(*c));
    c->source.file = DEFAULT_FILE;
    c->source.file_optional = true;
    c->sets = calloc((size_t)argc + 1, sizeof(*c->sets));
    c->source.sets = c->sets;
    return c->sets;
}

/* ---- what needs the configuration ---- */

/* A line each. */
static void print_mistakes(struct buf *error)
{
    buf_putc(error, '\0');
    char *line, *rest = error->failed ? NULL : error->data;
    while ((line = strsep(&rest, "\n")))
        if (*line)
            fprintf(stderr, "longwired: %s\n", line);
}

static int load(const struct cli *c, struct config **ret)
{
    struct buf error = {0};
    enum err e = config_load(&c->source, ret, &error);
    if (e)
        print_mistakes(&error);
    buf_finish(&error);
    return e == ERR_OK ? CLI_OK : e == ERR_NOMEM ? CLI_FAILED : CLI_WRONG;
}

static int print_config(const struct config *config)
{
    enum err e = config_print(config, stdout);
    if (e)
        fprintf(stderr, "longwired: cannot print the configuration: %s\n", err_text(e));
    return e ? CLI_FAILED : CLI_OK;
}

/* What a start would find besides. */
static bool check_machine(const struct config *config)
{
    struct buf error = {0};
    bool fits = data_dir_check(config->hub.data_dir, &error);
    if (error.len)
        buf_putc(&error, '\n');
    fits = data_dir_check_map(config->log.map_bytes, &error) && fits;
    if (!fits)
        print_mistakes(&error);
    buf_finish(&error);
    return fits;
}

static int print_verdict(const struct config *config)
{
    struct buf out = {0};
    if (!check_machine(config))
        return CLI_WRONG;
    buf_printf(&out, "%s: the configuration is good\n", config->file ? config->file : "built in");
    return write_out(&out);
}

/* True: the configuration is for serving. */
static bool act(enum action action, const struct cli *c, struct config **ret, int *ret_status)
{
    struct config *config;
    *ret_status = load(c, &config);
    if (*ret_status != CLI_OK)
        return false;
    if (action == ACTION_SERVE) {
        *ret = config;
        return true;
    }
    *ret_status = action == ACTION_PRINT ? print_config(config) : print_verdict(config);
    config_free(config);
    return false;
}

bool cli_start(int argc, char **argv, struct cli *ret, struct config **ret_config, int *ret_status)
{
    enum action action;
    if (!init(ret, argc)) {
        fprintf(stderr, "longwired: %s\n", err_text(ERR_NOMEM));
        *ret_status = CLI_FAILED;
        return false;
    }
    if (!parse(ret, argc, argv, &action)) {
        fprintf(stderr, "longwired: see longwired --help\n");
        *ret_status = CLI_WRONG;
        return false;
    }
    if (action == ACTION_HELP || action == ACTION_VERSION) {
        *ret_status = action == ACTION_HELP ? print_help() : print_version();
        return false;
    }
    return act(action, ret, ret_config, ret_status);
}

void cli_finish(struct cli *c)
{
    free(c->sets);
    c->sets = NULL;
}
