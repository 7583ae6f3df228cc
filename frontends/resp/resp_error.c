#include "frontends/resp/resp_error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fault.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_reply.h"

enum { ERROR_TEXT_MAX = 512 };

void resp_error(struct resp *r, const char *text)
{
    struct buf *out = resp_out(r);
    counter_add(&r->conn->loop->counters, COUNTER_resp_errors, 1);
    if (out)
        resp_reply_error(out, text);
}

void resp_errorf(struct resp *r, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    resp_error(r, text);
}

void resp_error_of(struct resp *r, enum err e, const char *text)
{
    static const struct {
        enum err err;
        const char *code;
    } codes[] = {
        {ERR_NOSPACE, "NOSPACE"}, {ERR_LIMIT, "LIMIT"},        {ERR_IO, "IOERR"},
        {ERR_CORRUPT, "IOERR"},   {ERR_NOT_FOUND, "NOTFOUND"}, {ERR_TOO_LARGE, "TOOLARGE"},
        {ERR_LOCKED, "BUSY"},     {ERR_GONE, "IOERR"},         {ERR_FULL, "LIMIT"},
    };
    const char *code = "ERR";
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        code = codes[i].err == e ? codes[i].code : code;
    resp_errorf(r, "%s %s", code, text ? text : err_text(e));
}

void resp_error_fault(struct resp *r, const struct fault *f)
{
    char code[32];
    size_t n = 0;
    for (const char *p = f->code; *p && n < sizeof(code) - 1; p++)
        if (*p != '_')
            code[n++] = (char)toupper((unsigned char)*p);
    code[n] = '\0';
    resp_errorf(r, "%s %s", code, f->message);
}

void resp_error_gap(struct resp *r, const struct gap *g)
{
    char requested[CURSOR_TEXT_SIZE], resumed[CURSOR_TEXT_SIZE];
    cursor_format(requested, g->requested.offset, g->requested.epoch);
    cursor_format(resumed, g->resumed, hub_log(worker_of(r->conn)->hub)->epoch);
    resp_errorf(r, "GAP reason=%s requested=%s resumed=%s", gap_reason_name(g->reason), requested,
                resumed);
}
