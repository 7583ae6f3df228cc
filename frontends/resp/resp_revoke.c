#include "frontends/resp/resp_revoke.h"

#include <string.h>

#include "admin/admin_revoke.h"
#include "base/now.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_job.h"
#include "frontends/resp/resp_reply.h"

/* Until then a Unix time in ms fits, too. */
#define TIME_MAX ((uint64_t)1 << 40)

/* A name with its NUL, as the log keeps it. */
struct name {
    char text[REVOCATION_NAME_MAX + 1];
};

/* --- what is asked --- */

/* JTI name, or SUB name. NULL, or the error. */
static const char *read_name(const struct resp_request *q, struct revocation *ret,
                             struct name *name)
{
    const struct resp_arg *kind = &q->argv[2], *text = &q->argv[3];
    if (!resp_arg_is(kind, "JTI") && !resp_arg_is(kind, "SUB"))
        return "ERR syntax error: JTI or SUB is expected";
    if (text->len == 0 || text->len > REVOCATION_NAME_MAX || memchr(text->data, '\0', text->len) ||
        !utf8_valid(text->data, text->len))
        return "ERR a jti or sub has 1 to 255 bytes of UTF-8";
    memcpy(name->text, text->data, text->len);
    name->text[text->len] = '\0';
    ret->kind = resp_arg_is(kind, "JTI") ? REVOKE_JTI : REVOKE_SUB;
    ret->name = name->text;
    return NULL;
}

/* Unix seconds, or RFC 3339. */
static bool read_time(const struct resp_arg *a, int64_t *ret)
{
    uint64_t n;
    if (resp_arg_u64(a, TIME_MAX, &n) == ERR_OK)
        *ret = (int64_t)n;
    else if (rfc3339_parse(a->data, a->len, &n) == ERR_OK)
        *ret = (int64_t)(n / 1000);
    else
        return false;
    return *ret > 0;
}

/* BEFORE: what was issued at that moment is not meant. */
static const char *read_options(const struct resp_request *q, struct revocation *ret)
{
    ret->upto_s = (int64_t)(now_unix_ms() / 1000);
    for (size_t i = 4; i < q->argc; i += 2) {
        bool before = resp_arg_is(&q->argv[i], "BEFORE"), until = resp_arg_is(&q->argv[i], "UNTIL");
        if (i + 1 == q->argc || (!before && !until))
            return "ERR syntax error: BEFORE time and UNTIL time may follow";
        if (before && ret->kind == REVOKE_JTI)
            return "ERR BEFORE is for a SUB: a jti names one token";
        if (!read_time(&q->argv[i + 1], before ? &ret->upto_s : &ret->until_s))
            return "ERR a time is in Unix seconds or as in RFC 3339";
        ret->upto_s -= before;
    }
    return NULL;
}

/* --- the answers --- */

static void put_number(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    resp_reply_integer(out, (int64_t)a->number);
}

static void put_ok(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)a;
    (void)v;
    resp_reply_simple(out, "OK");
}

static const char *explain(enum err e)
{
    if (e == ERR_LIMIT)
        return "there are 65536 revocations, as many as the hub keeps: give them an UNTIL, or set "
               "access.max_lifetime";
    return e == ERR_NOT_FOUND ? "this is not revoked" : NULL;
}

void resp_hub_revoke(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job job = {put_number, explain};
    struct revocation v = {0};
    struct name name;
    const char *error = read_name(q, &v, &name);
    (void)out;
    if (!error)
        error = read_options(q, &v);
    if (error) {
        resp_error(r, error);
        return;
    }
    struct admin *a = resp_job_begin(r, &job);
    if (a)
        admin_revoke(a, &v);
}

void resp_hub_unrevoke(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job job = {put_ok, explain};
    struct revocation v = {0};
    struct name name;
    const char *error = read_name(q, &v, &name);
    (void)out;
    if (error) {
        resp_error(r, error);
        return;
    }
    struct admin *a = resp_job_begin(r, &job);
    if (a)
        admin_unrevoke(a, &v);
}

void resp_hub_revoked(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct buf text = {0};
    (void)q;
    enum err e = admin_revoked(worker_of(r->conn), &text);
    if (e == ERR_OK)
        resp_reply_bulk(out, text.data, text.len);
    else
        resp_error_of(r, e, NULL);
    buf_finish(&text);
}
