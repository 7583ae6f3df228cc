/*
 * What the files of longwirectl share: the command table's types, the connection to the hub, and
 * how text from the hub becomes output.
 *
 * longwirectl.c has the command table; ctl_args.c the options; ctl_hub.c alone sees hiredis, and
 * ctl_log.c alone the log on the disk.
 * One thread; everything lives in struct ctl until the program ends.
 */
#ifndef TOOLS_CTL_CTL_H
#define TOOLS_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

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

/* ---- Command line (ctl_args.c) ---- */

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
    X(CTL_OPT_UNTIL, 'u', "until", "CURSOR", "end with this cursor instead of the newest message") \
    X(CTL_OPT_OUTPUT, 'o', "output", "FILE", "write to a new file, and sync it")                   \
    X(CTL_OPT_RESUME, 'r', "resume", NULL, "go on behind the last whole line of the output file")  \
    X(CTL_OPT_STATE, 'S', "state", "FILE", "keep there how far it has come, and go on from there") \
    X(CTL_OPT_SKIP_BAD, 'b', "skip-bad", NULL, "leave out lines that are no messages, and go on")  \
    X(CTL_OPT_HOLD, 'H', "hold", "SECONDS", "hold silent connections for so long; 0 for none")     \
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
    unsigned given;                                    /* CTL_BITs */
    const char *socket, *after, *event, *key, *expect; /* NULL when not given */
    const char *until, *output, *state, *sort;         /* likewise */
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

/* ---- The hub (ctl_hub.c, ctl_advice.c) ---- */

struct redisContext;

struct ctl_hub {
    const char *path;           /* borrowed */
    const char *path_from;      /* who gave the path, for messages */
    unsigned timeout_s;         /* 0 = none */
    struct redisContext *redis; /* NULL = not connected */
    int error;                  /* errno of the last failure to connect or to talk */
};

enum ctl_reply_kind { CTL_REPLY_TEXT, CTL_REPLY_NUMBER, CTL_REPLY_ERROR, CTL_REPLY_OTHER };

/* One answer; `text` is valid until ctl_reply_finish. */
struct ctl_reply {
    enum ctl_reply_kind kind;
    const char *text; /* TEXT, ERROR; NUL-terminated, may hold NULs too */
    size_t len;
    long long number; /* NUMBER */
    void *owner;
};

/* Connects without a word; ERR_CLOSED with h->error set. */
MUST_CHECK enum err ctl_hub_connect(struct ctl_hub *h);
/* May be called at any time, twice too. */
void ctl_hub_close(struct ctl_hub *h);
/* Puts a command into the output buffer. LENS NULL: the words are strings. ERR_NOMEM. */
MUST_CHECK enum err ctl_hub_queue(struct ctl_hub *h, int argc, const char **argv,
                                  const size_t *lens);
/* Writes out what is queued; blocks. ERR_CLOSED when the connection is gone. */
MUST_CHECK enum err ctl_hub_flush(struct ctl_hub *h);
/* The next answer; blocks for up to the hub's time limit. ERR_CLOSED when the connection is gone or
 * the time is over (h->error is EAGAIN then). On success finish *RET. */
MUST_CHECK enum err ctl_hub_next(struct ctl_hub *h, struct ctl_reply *ret);
/* An answer that has been received already, without reading; ERR_AGAIN when there is none. */
MUST_CHECK enum err ctl_hub_pending(struct ctl_hub *h, struct ctl_reply *ret);
/* For poll(). */
int ctl_hub_fd(const struct ctl_hub *h);
void ctl_hub_set_timeout(struct ctl_hub *h, unsigned seconds);
/* How h->error reads. */
const char *ctl_hub_why(const struct ctl_hub *h);
void ctl_reply_finish(struct ctl_reply *r);

/* Tells on standard error why H cannot connect and what to check. */
void ctl_advice(const struct ctl_hub *h);

/* ---- One run (ctl_run.c) ---- */

struct ctl {
    const struct ctl_command *command;
    struct ctl_args args;
    struct ctl_hub hub;
    bool json;
    bool colour; /* standard output is a terminal that may be coloured */
};

static inline bool ctl_given(const struct ctl *c, enum ctl_option_id id)
{
    return c->args.given & CTL_BIT(id);
}

/* Connects, or tells why not; CTL_OK or CTL_LOST. */
MUST_CHECK enum ctl_exit ctl_connect(struct ctl *c);
/* Sends one command and waits for its answer. An error answer or a lost connection is told on
 * standard error and returned as the exit code. On CTL_OK finish *RET. WORDS is ended by NULL. */
MUST_CHECK enum ctl_exit ctl_call(struct ctl *c, const char **words, struct ctl_reply *ret);
/* A list for ctl_call; a NULL among the words ends it. */
#define CTL_WORDS(...) ((const char *[]){__VA_ARGS__, NULL})
/* What is to come takes the hub long: only --timeout limits it. */
void ctl_allow_long(struct ctl *c);
/* Tells the connection's end; returns CTL_LOST. */
enum ctl_exit ctl_lost(struct ctl *c);
/* Tells an error answer; returns CTL_NOT_FOUND or CTL_FAILED. */
enum ctl_exit ctl_refused(const struct ctl *c, const struct ctl_reply *r);
/* Tells that an answer is not one this program knows; returns CTL_FAILED. */
enum ctl_exit ctl_strange(void);
/* With --json prints the answer R and sets *RET to NULL, else parses it; the caller decrefs. */
MUST_CHECK enum ctl_exit ctl_document(struct ctl *c, const struct ctl_reply *r, json_t **ret);
/* "longwirectl: " and the text on standard error. Text from elsewhere is escaped by the caller. */
void ctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- Text and output (ctl_text.c, ctl_out.c, ctl_table.c) ---- */

/* Appends TEXT made harmless for a terminal: control, bidi and line-separating characters and what
 * is no UTF-8 become \n, \t, \r, \xNN or \uNNNN, and a backslash becomes two. */
void ctl_text_put(struct buf *out, const char *text, size_t n);
/* Appends a JSON value on one line, harmless for a terminal and still the same value. */
void ctl_text_put_json(struct buf *out, const char *json, size_t n);
/* Appends TEXT as a JSON string. */
void ctl_text_put_json_string(struct buf *out, const char *text, size_t n);
/* Columns that harmless text takes: one for each code point. */
size_t ctl_text_width(const char *text, size_t n);
/* Bytes of the first WIDTH columns. */
size_t ctl_text_clip(const char *text, size_t n, size_t width);
/* Appends a number of bytes as 512, 1.5K, 20M, ... */
void ctl_text_put_size(struct buf *out, uint64_t bytes);
/* Appends seconds as 42s, 3m10s, 4h05m, 2d03h. */
void ctl_text_put_age(struct buf *out, uint64_t seconds);

enum ctl_style {
    CTL_STYLE_PLAIN,
    CTL_STYLE_HEAD,
    CTL_STYLE_NAME,
    CTL_STYLE_PLACE, /* cursors */
    CTL_STYLE_DIM,
    CTL_STYLE_EVENT,
    CTL_STYLE_WARN,
};

/* Whether standard output is a terminal that may be coloured (NO_COLOR, TERM=dumb). */
bool ctl_out_colour(void);
/* Appends the escape sequence of STYLE, or nothing without COLOUR. */
void ctl_out_style(struct buf *out, bool colour, enum ctl_style style);
/* Writes B to standard output and empties it. When nobody reads any more the program ends here, by
 * SIGPIPE. CTL_FAILED (told) when it cannot be written or memory was out. */
MUST_CHECK enum ctl_exit ctl_out_write(struct buf *b);
/* Whether the reader of standard output has gone; ends the program as ctl_out_write does. */
void ctl_out_check(void);
/* Writes N bytes to FD, a file; ERR_IO with errno set. */
MUST_CHECK enum err ctl_out_write_file(int fd, const char *data, size_t n);
/* On a terminal, shows now and then on one line of standard error how many WHAT are done. */
void ctl_progress(uint64_t count, const char *what);
/* Takes that line away; ctl_say does so by itself. */
void ctl_progress_end(void);

struct ctl_column {
    const char *title;
    bool right; /* numbers */
    enum ctl_style style;
};

/* Cells are added row by row, printed with each column as wide as its widest cell. */
struct ctl_table {
    const struct ctl_column *columns; /* borrowed */
    size_t column_count;              /* <= CTL_COLUMNS_MAX */
    struct buf cells;                 /* NUL-terminated strings */
    size_t cell_count;
    size_t widths[16];
};

enum { CTL_COLUMNS_MAX = 16 };

void ctl_table_init(struct ctl_table *t, const struct ctl_column *columns, size_t count);
void ctl_table_finish(struct ctl_table *t);
/* One cell each. Text may be NULL ("-") and is escaped. */
void ctl_table_text(struct ctl_table *t, const char *text);
void ctl_table_number(struct ctl_table *t, uint64_t n);
void ctl_table_size(struct ctl_table *t, uint64_t bytes);
void ctl_table_age(struct ctl_table *t, uint64_t seconds);
void ctl_table_rate(struct ctl_table *t, double per_second);
/* Appends title and rows. WIDTH: cut lines at so many columns (0 = never); ROWS: at most so many
 * rows (0 = all); EOL ends each line. */
void ctl_table_put(const struct ctl_table *t, struct buf *out, bool colour, size_t width,
                   size_t rows, const char *eol);

/* Fields of a hub's document; 0, "" or NULL when absent or of another type. */
uint64_t ctl_json_u64(const json_t *object, const char *name);
double ctl_json_real(const json_t *object, const char *name);
const char *ctl_json_text(const json_t *object, const char *name);

/* ---- JSON kept as it was written (ctl_span.c) ---- */

/* A JSON value inside a larger text. Messages are handled so, since a parser would change or refuse
 * what publishers wrote: 1.10, 18446744073709551616, 1e400. */
struct ctl_span {
    const char *text;
    size_t n;
};

/* The value of a member; false when OBJECT is no object, is cut off, or has none. */
MUST_CHECK bool ctl_span_member(struct ctl_span object, const char *name, struct ctl_span *ret);
/* Steps through an array: *REST begins as the array and is advanced. False at its end. */
MUST_CHECK bool ctl_span_item(struct ctl_span *rest, struct ctl_span *ret);
bool ctl_span_is(struct ctl_span value, const char *literal);
/* Appends the characters of a JSON string; false when VALUE is none. */
MUST_CHECK bool ctl_span_string(struct ctl_span value, struct buf *out);

/* Steps through the members of an object: *REST begins as the object and is advanced. False when
 * there are no more: then rest->text is NULL if the object ended as it should, with nothing behind
 * it. */
MUST_CHECK bool ctl_span_next(struct ctl_span *rest, struct ctl_span *ret_name,
                              struct ctl_span *ret_value);

/* ---- Places and signals (ctl_read.c, ctl_stop.c) ---- */

/* Tells the gap of an answer. */
void ctl_tell_gap(struct ctl_span gap);
/* The hub's head. */
MUST_CHECK enum ctl_exit ctl_head(struct ctl *c, char ret[CTL_CURSOR_SIZE]);
/* For who asks again for what has to come soon: waits a moment; false when that was often enough.
 */
bool ctl_wait_a_moment(unsigned *times);
/* The member `cursor` of an answer; false when it has none that is fit. */
MUST_CHECK bool ctl_take_cursor(struct ctl_span answer, char ret[CTL_CURSOR_SIZE]);
/* From now on the first SIGINT or SIGTERM only shows in ctl_stopped, so that what is under way can
 * be brought to an end; a second one ends the program. */
void ctl_stop_catch(void);
bool ctl_stopped(void);
/* Ends the program by that signal, as if it had never been caught. */
_Noreturn void ctl_stop_now(void);

/* ---- Closed logs (ctl_log.c) ---- */

/* Checks the closed log in directory PATH. On CTL_OK *RET is a report as HUB VERIFY gives it, the
 * caller's to decref. */
MUST_CHECK enum ctl_exit ctl_log_verify(const char *path, json_t **ret);
/* Checks the closed log in FROM and copies it to the directory TO, which does not exist or is
 * empty; with FORCE also when it is damaged. On CTL_OK *RET tells of the copy as HUB BACKUP … JSON
 * does, with `damaged` besides. */
MUST_CHECK enum ctl_exit ctl_log_restore(const char *from, const char *to, bool force,
                                         json_t **ret);
/* Runs WORK, which reads the log in directory PATH, in a process of its own: damaged pages can lead
 * a library astray that trusts them. */
enum ctl_exit ctl_log_apart(struct ctl *c, const char *path, enum ctl_exit work(struct ctl *c));

/* ---- What a check has found (ctl_damage.c) ---- */

/* Appends a report as HUB VERIFY gives it, for people. */
void ctl_damage_put(struct buf *out, const json_t *report);

/* ---- Lines of NDJSON (ctl_line.c) ---- */

/* A message, as a line of an export says it. */
struct ctl_line {
    struct buf topic, event, key, data; /* key and event empty = none */
    struct buf id;    /* NUL-terminated text, shorter than CTL_CURSOR_SIZE; "" = none */
    const char *kind; /* "json", "text", "binary" */
};

/* Reads a line into L, which is all zero at first and is used again. Returns NULL, or what is wrong
 * with it; "out of memory" too. What only a hub can tell is not looked at: whether names are valid,
 * and JSON in `data`. */
MUST_CHECK const char *ctl_line_parse(struct ctl_line *l, const char *text, size_t n);
void ctl_line_finish(struct ctl_line *l);
/* Appends what N characters of base64 (RFC 4648 section 4) stand for; ERR_INVALID. */
MUST_CHECK enum err ctl_base64(struct buf *out, const char *text, size_t n);

/* ---- Samples and the screen (ctl_sample.c, ctl_screen.c) ---- */

/* The hub's counters that `top` shows by themselves. */
#define CTL_COUNTER_PUBLISHED "publishes"
#define CTL_COUNTER_DELIVERED "deliveries"

/* ctl_top.c's view of the hub at one moment. Any document may be NULL. */
struct ctl_sample {
    json_t *stats, *topics, *clients;
    double at; /* monotonic, seconds */
};

/* Asks the hub; silent. ERR_CLOSED: connection lost; ERR_FORMAT: the hub answered something else.
 * *RET is finished by the caller in both cases. */
MUST_CHECK enum err ctl_sample_take(struct ctl_hub *h, struct ctl_sample *ret);
void ctl_sample_finish(struct ctl_sample *s);
/* All connections, whatever their transport. */
uint64_t ctl_sample_connections(const struct ctl_sample *s);
/* How much COUNTER grew a second; 0 while there is no sample before. */
double ctl_sample_rate(const struct ctl_sample *before, const struct ctl_sample *now,
                       const char *counter);

struct ctl_screen {
    size_t rows, columns;
};

enum ctl_key { CTL_KEY_NONE, CTL_KEY_QUIT, CTL_KEY_REDRAW };

/* Takes over the terminal (standard input and output); ERR_IO when it is none. The terminal is
 * given back by ctl_screen_finish, and by the signals that end or stop the program. */
MUST_CHECK enum err ctl_screen_init(struct ctl_screen *s);
void ctl_screen_finish(struct ctl_screen *s);
/* Waits for a key, a signal or a change of size, at most MS. */
enum ctl_key ctl_screen_wait(struct ctl_screen *s, int ms);

/* ---- Commands ---- */

enum ctl_exit ctl_topics(struct ctl *c);
enum ctl_exit ctl_topic(struct ctl *c);
enum ctl_exit ctl_tail(struct ctl *c);
enum ctl_exit ctl_history(struct ctl *c);
enum ctl_exit ctl_publish_check(const struct ctl *c);
enum ctl_exit ctl_publish(struct ctl *c);
enum ctl_exit ctl_clients_check(const struct ctl *c);
enum ctl_exit ctl_clients(struct ctl *c);
enum ctl_exit ctl_stats(struct ctl *c);
enum ctl_exit ctl_kick_check(const struct ctl *c);
enum ctl_exit ctl_kick(struct ctl *c);
enum ctl_exit ctl_purge_check(const struct ctl *c);
enum ctl_exit ctl_purge(struct ctl *c);
enum ctl_exit ctl_trim(struct ctl *c);
enum ctl_exit ctl_backup(struct ctl *c);
bool ctl_restore_offline(const struct ctl *c);
enum ctl_exit ctl_restore(struct ctl *c);
bool ctl_verify_offline(const struct ctl *c);
enum ctl_exit ctl_verify(struct ctl *c);
enum ctl_exit ctl_export_check(const struct ctl *c);
enum ctl_exit ctl_export(struct ctl *c);
enum ctl_exit ctl_import(struct ctl *c);
enum ctl_exit ctl_doctor_check(const struct ctl *c);
bool ctl_doctor_offline(const struct ctl *c);
enum ctl_exit ctl_doctor(struct ctl *c);
enum ctl_exit ctl_ping(struct ctl *c);
enum ctl_exit ctl_top_check(const struct ctl *c);
enum ctl_exit ctl_top(struct ctl *c);

#endif
