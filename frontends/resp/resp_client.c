#include "frontends/resp/resp_client.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_clients.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_job.h"
#include "frontends/resp/resp_reply.h"

void resp_client_id(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    resp_reply_integer(out, (int64_t)conn_number(r->conn));
}

/* --- names --- */

static bool is_plain(const struct resp_arg *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] < '!' || text->data[i] > '~')
            return false;
    return true;
}

/* Puts TEXT into *TO, NULL for an empty one; returns NULL, or the error to reply with. */
static const char *change_text(char **to, const struct resp_arg *text)
{
    char *copy = text->len ? malloc(text->len + 1) : NULL;
    if (text->len && !copy)
        return "ERR out of memory";
    if (copy) {
        memcpy(copy, text->data, text->len);
        copy[text->len] = '\0';
    }
    free(*to);
    *to = copy;
    return NULL;
}

const char *resp_client_rename(struct resp *r, const struct resp_arg *name)
{
    if (name->len > RESP_NAME_MAX)
        return "ERR a client's name is at most 255 bytes long";
    if (!is_plain(name))
        return "ERR Client names cannot contain spaces, newlines or special characters.";
    return change_text(&r->name, name);
}

void resp_client_setname(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const char *error = resp_client_rename(r, &q->argv[2]);
    if (error)
        resp_error(r, error);
    else
        resp_reply_simple(out, "OK");
}

void resp_client_getname(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    if (r->name)
        resp_reply_bulk(out, r->name, strlen(r->name));
    else
        resp_reply_null_bulk(out, r->version);
}

void resp_client_setinfo(struct resp *r, const struct resp_request *q, struct buf *out)
{
    bool is_name = resp_arg_is(&q->argv[2], "LIB-NAME");
    const struct resp_arg *text = &q->argv[3];
    const char *error = NULL;
    if (!is_name && !resp_arg_is(&q->argv[2], "LIB-VER"))
        error = "ERR unknown attribute: it has to be LIB-NAME or LIB-VER";
    else if (text->len > RESP_NAME_MAX || !is_plain(text))
        error =
            "ERR LIB-NAME and LIB-VER are at most 255 printable ASCII characters without spaces";
    else
        error = change_text(is_name ? &r->lib_name : &r->lib_version, text);
    if (error)
        resp_error(r, error);
    else
        resp_reply_simple(out, "OK");
}

/* NO-EVICT and NO-TOUCH are as they are. */
void resp_client_switch(struct resp *r, const struct resp_request *q, struct buf *out)
{
    if (resp_arg_is(&q->argv[2], "ON") || resp_arg_is(&q->argv[2], "OFF"))
        resp_reply_simple(out, "OK");
    else
        resp_error(r, "ERR syntax error");
}

/* What a client says that it could do with; there is nothing of the kind. */
void resp_client_capa(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_reply_simple(out, "OK");
}

void resp_client_reply(struct resp *r, const struct resp_request *q, struct buf *out)
{
    if (resp_arg_is(&q->argv[2], "ON"))
        resp_reply_simple(out, "OK");
    else
        resp_error(r, "ERR CLIENT REPLY is ON: every command is answered");
}

void resp_client_tracking(struct resp *r, const struct resp_request *q, struct buf *out)
{
    if (resp_arg_is(&q->argv[2], "OFF"))
        resp_reply_simple(out, "OK");
    else
        resp_error(r, "ERR CLIENT TRACKING is OFF: the hub has no keys that a client could cache");
}

void resp_client_getredir(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_reply_integer(out, -1);
}

/* --- listings --- */

static void put_lines(const struct admin *a, enum resp_version v, struct buf *out)
{
    resp_reply_text(out, v, a->text.data, a->text.len);
}

void resp_client_list(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job lines = {.put = put_lines};
    struct admin *a = resp_job_begin(r, &lines);
    (void)q;
    (void)out;
    if (a)
        admin_client_lines(a);
}

void resp_client_info(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct buf line = {0};
    (void)q;
    admin_client_line(r->conn, &line);
    resp_reply_text(out, r->version, line.data, line.len);
    out->failed |= line.failed;
    buf_finish(&line);
}

/* --- KILL --- */

static void put_count(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    resp_reply_integer(out, (int64_t)a->number);
}

/* The answer to the old form, an address alone. */
static void put_ok(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    if (a->number)
        resp_reply_simple(out, "OK");
    else
        resp_reply_error(out, "ERR No such client");
}

static const struct resp_job kill_counted = {.put = put_count};
static const struct resp_job kill_plain = {.put = put_ok};

/* All connections of the local socket have the same address, so that it names none of them. */
static void kill_address(struct resp *r, const struct resp_arg *address,
                         const struct resp_job *kind)
{
    struct admin *a = resp_job_begin(r, kind);
    if (a)
        admin_kick_address(a, address->data, resp_arg_is(address, "unix") ? 0 : address->len);
}

static void kill_number(struct resp *r, const struct resp_arg *word, struct buf *out)
{
    uint64_t number;
    if (resp_arg_u64(word, UINT64_MAX, &number) != ERR_OK) {
        resp_error(r, "ERR client-id should be greater than 0");
        return;
    }
    if (number == conn_number(r->conn)) {
        resp_reply_integer(out, 1);
        resp_end(r);
        return;
    }
    struct admin *a = resp_job_begin(r, &kill_counted);
    if (a)
        admin_kick(a, number);
}

void resp_client_kill(struct resp *r, const struct resp_request *q, struct buf *out)
{
    if (q->argc == 3)
        kill_address(r, &q->argv[2], &kill_plain);
    else if (resp_arg_is(&q->argv[2], "ADDR") && q->argc == 4)
        kill_address(r, &q->argv[3], &kill_counted);
    else if (resp_arg_is(&q->argv[2], "ID") && q->argc == 4)
        kill_number(r, &q->argv[3], out);
    else
        resp_error(r, "ERR syntax error: CLIENT KILL takes an address, or ID or ADDR");
}
