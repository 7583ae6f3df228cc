/* longwirectl(1): the command table, help, and what happens before and after a command. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/std_fds.h"
#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"

#define READ_OPTIONS (CTL_BIT(CTL_OPT_AFTER) | CTL_BIT(CTL_OPT_LIMIT))

static const struct ctl_command commands[] = {
    {
        .name = "topics",
        .args = "[PATTERN]",
        .summary = "list topics: messages, bytes, cursors, rate, subscribers",
        .help =
            "PATTERN: `+` stands for one level of the name, `#` at its end for all further ones.\n",
        .args_max = 1,
        .run = ctl_topics,
    },
    {
        .name = "topic",
        .args = "TOPIC",
        .summary = "show one topic",
        .help = "",
        .args_min = 1,
        .args_max = 1,
        .run = ctl_topic,
    },
    {
        .name = "presence",
        .args = "TOPIC",
        .summary = "list who subscribes to a topic with presence; with -f, who comes and goes",
        .help = "With -f, a hub that restarts is waited for, and the list is shown again when some "
                "of it was\n"
                "missed.\n",
        .args_min = 1,
        .args_max = 1,
        .options = CTL_BIT(CTL_OPT_FOLLOW),
        .run = ctl_presence,
    },
    {
        .name = "tail",
        .args = "TOPIC...",
        .summary = "show the last messages, and with -f all new ones",
        .help = "Without --after, -n says with how many of the kept messages to begin (10). With "
                "--after it\n"
                "says after how many messages to stop. Patterns are allowed. With -f, a hub that "
                "restarts is\n"
                "waited for.\n",
        .args_min = 1,
        .args_max = CTL_TOPICS_MAX,
        .options = READ_OPTIONS | CTL_BIT(CTL_OPT_FOLLOW),
        .run = ctl_tail,
    },
    {
        .name = "history",
        .args = "TOPIC",
        .summary = "print the kept messages of a topic or pattern, oldest first",
        .help = "Begins at the earliest unless --after says otherwise. The id of the last message "
                "printed is\n"
                "the --after of the next page.\n",
        .args_min = 1,
        .args_max = 1,
        .options = READ_OPTIONS,
        .run = ctl_history,
    },
    {
        .name = "publish",
        .args = "TOPIC [DATA|-]",
        .summary = "publish a message, print its id",
        .help =
            "Without DATA, or with -, the message is read from standard input, byte for byte.\n"
            "When the topic is not as --expect says, nothing is published, the exit status is 1, "
            "and the\n"
            "error names the cursor that the topic is at.\n",
        .args_min = 1,
        .args_max = 2,
        .options = CTL_BIT(CTL_OPT_LINES) | CTL_BIT(CTL_OPT_EVENT) | CTL_BIT(CTL_OPT_KEY) |
                   CTL_BIT(CTL_OPT_EXPECT),
        .check = ctl_publish_check,
        .run = ctl_publish,
    },
    {
        .name = "clients",
        .args = "",
        .summary = "list connections: transport, address, topics, cursor, lag, memory",
        .help = "",
        .options = CTL_BIT(CTL_OPT_SORT),
        .check = ctl_clients_check,
        .run = ctl_clients,
    },
    {
        .name = "kick",
        .args = "ID",
        .summary = "disconnect a client (its ID as `clients` shows it)",
        .help = "",
        .args_min = 1,
        .args_max = 1,
        .check = ctl_kick_check,
        .run = ctl_kick,
    },
    {
        .name = "revoke",
        .args = "",
        .summary = "have tokens count no longer, and end their connections",
        .help = "--jti names one token; --sub all of one, as far as they were issued until now, or "
                "--before. Kept\n"
                "until no such token can count any more (access.max_lifetime, or --until), else "
                "for ever.\n",
        .options = CTL_BIT(CTL_OPT_JTI) | CTL_BIT(CTL_OPT_SUB) | CTL_BIT(CTL_OPT_BEFORE) |
                   CTL_BIT(CTL_OPT_UNTIL) | CTL_BIT(CTL_OPT_LIST) | CTL_BIT(CTL_OPT_UNDO),
        .check = ctl_revoke_check,
        .run = ctl_revoke,
    },
    {
        .name = "purge",
        .args = "TOPIC",
        .summary = "remove all messages of a topic",
        .help = "Asks first, unless --yes is given.\n",
        .args_min = 1,
        .args_max = 1,
        .options = CTL_BIT(CTL_OPT_YES),
        .check = ctl_purge_check,
        .run = ctl_purge,
    },
    {
        .name = "trim",
        .args = "CURSOR",
        .summary = "remove all messages up to a cursor, of all topics",
        .help = "",
        .args_min = 1,
        .args_max = 1,
        .run = ctl_trim,
    },
    {
        .name = "backup",
        .args = "DIR",
        .summary = "copy the hub's log into a new directory, while publishing goes on",
        .help = "The hub makes DIR (an empty one will do), so it has to be able to write there.\n",
        .args_min = 1,
        .args_max = 1,
        .run = ctl_backup,
    },
    {
        .name = "restore",
        .args = "BACKUP DATA_DIR",
        .summary = "copy a backup, or a log that no hub uses, into a new data directory",
        .help = "Verifies BACKUP first. DATA_DIR does not exist, or is empty. No hub is needed.\n",
        .args_min = 2,
        .args_max = 2,
        .options = CTL_BIT(CTL_OPT_FORCE),
        .offline = ctl_restore_offline,
        .run = ctl_restore,
    },
    {
        .name = "verify",
        .args = "[DIR]",
        .summary = "check everything in the hub's log, or in a directory that no hub uses",
        .help =
            "Exit status 1 when anything is wrong. The hub goes on meanwhile; in DIR nothing is "
            "changed.\n",
        .args_max = 1,
        .offline = ctl_verify_offline,
        .run = ctl_verify,
    },
    {
        .name = "export",
        .args = "[PATTERN...]",
        .summary = "print kept messages, one JSON object a line, for import",
        .help = "All topics, from the earliest message to the newest, unless told otherwise. When "
                "it is\n"
                "interrupted, it says how to go on. Exit status 5 when there was a gap.\n",
        .args_max = CTL_TOPICS_MAX,
        .options = CTL_BIT(CTL_OPT_AFTER) | CTL_BIT(CTL_OPT_UNTIL) | CTL_BIT(CTL_OPT_OUTPUT) |
                   CTL_BIT(CTL_OPT_RESUME),
        .check = ctl_export_check,
        .run = ctl_export,
    },
    {
        .name = "import",
        .args = "[FILE|-]",
        .summary = "publish the messages of an export",
        .help = "They get new ids and times. A line is stored once, however often it is imported "
                "within the\n"
                "hub's dedup_window; with --state, ever.\n",
        .args_max = 1,
        .options = CTL_BIT(CTL_OPT_STATE) | CTL_BIT(CTL_OPT_SKIP_BAD),
        .run = ctl_import,
    },
    {
        .name = "stats",
        .args = "",
        .summary = "show the hub's figures and counters",
        .help = "",
        .run = ctl_stats,
    },
    {
        .name = "top",
        .args = "",
        .summary = "show the busiest topics and the slowest clients, live",
        .help = "q quits. With --json: one sample, taken over one second.\n",
        .check = ctl_top_check,
        .run = ctl_top,
    },
    {
        .name = "tls",
        .args = "",
        .summary = "show certificates with their days left, and what became of handshakes",
        .help = "",
        .run = ctl_tls,
    },
    {
        .name = "hooks",
        .args = "",
        .summary = "show how far hooks.url has been told, and what is in the way",
        .help = "",
        .run = ctl_hooks,
    },
    {
        .name = "doctor",
        .args = "URL",
        .summary = "check what the way to a hub lets pass, holds back and cuts",
        .help = "URL is what clients use (http://HOST[:PORT][/PREFIX], or https://), with all that "
                "is in "
                "between. It\n"
                "says whether the certificate is good, which transports pass, whether something "
                "buffers "
                "or changes\n"
                "them, and for --hold seconds (20) whether something cuts what is silent. Exit "
                "status 1 "
                "when a\n"
                "check fails. --timeout is for one answer (5).\n",
        .args_min = 1,
        .args_max = 1,
        .options = CTL_BIT(CTL_OPT_HOLD) | CTL_BIT(CTL_OPT_CACERT) | CTL_BIT(CTL_OPT_INSECURE),
        .check = ctl_doctor_check,
        .offline = ctl_doctor_offline,
        .run = ctl_doctor,
    },
    {
        .name = "access",
        .args = "explain TOPIC [TOKEN|-]",
        .summary = "say what may be done with a topic, and which rule decides",
        .help = "For a client elsewhere, with TOKEN or without; TOPIC may be a pattern. With -, "
                "the token is\nread from standard input, where neither `ps` nor a shell's history "
                "shows it.\n",
        .args_min = 2,
        .args_max = 3,
        .check = ctl_access_check,
        .run = ctl_access,
    },
    {
        .name = "token",
        .args = "make|check KEY_FILE ...",
        .summary = "make a token for tests, or say what one grants and until when",
        .help =
            "make KEY_FILE [NAME=VALUE]...: signs with the key in KEY_FILE, a secret or a private "
            "key (PEM),\nas access.key has it, a token that is printed. NAME=VALUE are:\n"
            "  sub=alice, or any other claim as a text, and NAME:=JSON as JSON\n"
            "  subscribe=PATTERN, publish=PATTERN, presence=PATTERN, deny=PATTERN, any number\n"
            "  for=SECONDS that it is valid (3600); kid=KID, alg=ALG of its header\n"
            "check KEY_FILE [TOKEN|-]: verifies TOKEN, or a line of standard input; exit status 1 "
            "if it does\nnot count. No hub is asked for either.\n",
        .args_min = 2,
        .args_max = 1024,
        .check = ctl_token_check,
        .offline = ctl_token_offline,
        .run = ctl_token,
    },
    {
        .name = "ping",
        .args = "",
        .summary = "ask whether the hub answers",
        .help = "",
        .run = ctl_ping,
    },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct ctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static enum ctl_exit print(struct buf *out)
{
    enum ctl_exit status = ctl_out_write(out);
    buf_finish(out);
    return status;
}

/* What is too long for its column has a line of its own. */
static void help_line(struct buf *out, const struct ctl_command *command)
{
    enum { COLUMN = 24 };
    struct buf usage = {0};
    buf_printf(&usage, "%s %s", command->name, command->args);
    buf_printf(out, "  %-*.*s", COLUMN, (int)usage.len, usage.data ? usage.data : "");
    if (usage.len >= COLUMN)
        buf_printf(out, "\n%*s", COLUMN + 2, "");
    buf_printf(out, "%s\n", command->summary);
    buf_finish(&usage);
}

static enum ctl_exit help(void)
{
    struct buf out = {0};
    buf_puts(&out,
             "Usage: longwirectl [OPTION]... COMMAND [ARGUMENT]...\n"
             "Looks into a Longwire hub, and steers it, over its local socket.\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        help_line(&out, &commands[i]);
    buf_puts(&out, "\nOptions of all commands:\n");
    ctl_args_help(&out, CTL_COMMON_OPTIONS);
    buf_puts(&out,
             "\n`longwirectl COMMAND --help` shows more. Exit status: 0 done, 1 the hub answered\n"
             "an error, 2 wrong usage, 3 no connection, 4 not found, 5 something is missing.\n");
    return print(&out);
}

static enum ctl_exit help_command(const struct ctl_command *command)
{
    struct buf out = {0};
    buf_printf(&out, "Usage: longwirectl %s [OPTION]...%s%s\n%c%s.\n", command->name,
               command->args[0] ? " " : "", command->args, command->summary[0] - 'a' + 'A',
               command->summary + 1);
    buf_printf(&out, "%s\nOptions:\n", command->help);
    ctl_args_help(&out, command->options | CTL_COMMON_OPTIONS);
    return print(&out);
}

static enum ctl_exit version(void)
{
    struct buf out = {0};
    buf_puts(&out, "longwirectl " PACKAGE_VERSION "\n");
    return print(&out);
}

static enum ctl_exit wrong_usage(const struct ctl_command *command)
{
    fprintf(stderr, "Usage: longwirectl %s%s%s  (longwirectl %s --help says more)\n", command->name,
            command->args[0] ? " " : "", command->args, command->name);
    return CTL_USAGE;
}

static void choose_socket(struct ctl *c)
{
    const char *from_environment = getenv("LONGWIRE_SOCKET");
    c->hub.path = CTL_DEFAULT_SOCKET;
    c->hub.path_from = "the default (--socket or LONGWIRE_SOCKET names another)";
    if (from_environment && *from_environment) {
        c->hub.path = from_environment;
        c->hub.path_from = "the environment variable LONGWIRE_SOCKET";
    }
    if (c->args.socket) {
        c->hub.path = c->args.socket;
        c->hub.path_from = "--socket";
    }
}

static enum ctl_exit run(struct ctl *c)
{
    c->json = ctl_given(c, CTL_OPT_JSON);
    if (c->command->check && c->command->check(c))
        return CTL_USAGE;
    choose_socket(c);
    c->colour = ctl_out_colour();
    c->hub.timeout_s = ctl_given(c, CTL_OPT_TIMEOUT) ? c->args.timeout_s : CTL_TIMEOUT_S;
    bool offline = c->command->offline && c->command->offline(c);
    enum ctl_exit status = offline ? CTL_OK : ctl_connect(c);
    if (status == CTL_OK)
        status = c->command->run(c);
    ctl_hub_close(&c->hub);
    return status;
}

/* Reads what follows the command's name, then runs it. */
static enum ctl_exit run_command(struct ctl *c)
{
    const struct ctl_command *command = c->command;
    enum ctl_exit status = ctl_args_parse(&c->args, c->args.count, c->args.words,
                                          CTL_COMMON_OPTIONS | command->options, false);
    if (status)
        return wrong_usage(command);
    if (ctl_given(c, CTL_OPT_HELP))
        return help_command(command);
    if (ctl_given(c, CTL_OPT_VERSION))
        return version();
    if (c->args.count < command->args_min || c->args.count > command->args_max) {
        ctl_say(c->args.count < command->args_min ? "an argument is missing"
                                                  : "too many arguments");
        return wrong_usage(command);
    }
    return run(c);
}

int main(int argc, char **argv)
{
    struct ctl c = {0};
    if (!std_fds_open())
        return CTL_FAILED;
    signal(SIGPIPE, SIG_IGN); /* see ctl_out.c */
    if (ctl_args_parse(&c.args, argc, argv, CTL_COMMON_OPTIONS, true))
        return CTL_USAGE;
    if (ctl_given(&c, CTL_OPT_HELP))
        return (int)help();
    if (ctl_given(&c, CTL_OPT_VERSION))
        return (int)version();
    if (c.args.count == 0) {
        ctl_say("which command? `longwirectl --help` lists them");
        return CTL_USAGE;
    }
    c.command = find_command(c.args.words[0]);
    if (!c.command) {
        ctl_say("there is no command %s; `longwirectl --help` lists them", c.args.words[0]);
        return CTL_USAGE;
    }
    return (int)run_command(&c);
}
