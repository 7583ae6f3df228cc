#include "http/http_refusal.h"

#include <string.h>

#include "base/log.h"
#include "delivery/worker.h"
#include "http/audit.h"

/* Bytes shown, at most: */
enum { ADDRESS_SHOWN = 64, PATH_SHOWN = 256, METHOD_SHOWN = 64 };

static const char session_path[] = "/session/";

/* Whether STATUS blames the client. A conflict is an answer like others, and 503 blames the hub. */
static bool is_refusal(unsigned status)
{
    return (status >= 400 && status < 500 && status != 409) || status == 501 || status == 505;
}

static void count(struct counters *counters, unsigned status)
{
    if (status == 400)
        counter_add(counters, COUNTER_http_invalid, 1);
    else if (status == 401 || status == 403)
        counter_add(counters, COUNTER_http_denied, 1);
    else if (status == 404)
        counter_add(counters, COUNTER_http_not_found, 1);
}

/* Without the query, which may hold a token, and without the name of a session, which is a right.
 */
static void show_path(const struct url *u, char out[PATH_SHOWN])
{
    size_t n = u->path_len, session = sizeof(session_path) - 1;
    if (n > session && memcmp(u->path, session_path, session) == 0)
        n = session;
    log_escape(out, PATH_SHOWN, n ? u->path : "-", n ? n : 1);
}

/* The target of a publish's request, if it was that of a message; a batch had none but "/t". */
static void show_topic(const struct publish *p, char out[PATH_SHOWN])
{
    struct buf path = {0};
    const struct message *m = p->count ? p->items[0].message : NULL;
    buf_puts(&path, "/t");
    if (m && p->count == 1)
        buf_printf(&path, "/%.*s", (int)m->topic_name_len, m->topic_name);
    log_escape(out, PATH_SHOWN, path.failed ? "-" : path.data, path.failed ? 1 : path.len);
    buf_finish(&path);
}

/* MORE: what the audit has to say of it; "": nothing. */
static void write_line(struct conn *c, const char *method, const char *path, unsigned status,
                       const char *detail, const char *more)
{
    char address[ADDRESS_SHOWN], name[METHOD_SHOWN], why[PATH_SHOWN];
    conn_address(c, address, sizeof(address));
    log_escape(name, sizeof(name), method, strlen(method));
    log_escape(why, sizeof(why), detail, strlen(detail));
    log_info("refused %s: %s %s: %u %s%s%s%s", address, name, path, status, why, *more ? " (" : "",
             more, *more ? ")" : "");
}

/* Whether a line is to be written. */
static bool note(struct worker *w, unsigned status)
{
    if (!is_refusal(status))
        return false;
    count(&w->loop.counters, status);
    return refusals_may_log(&w->refusals, w->loop.now_ms);
}

void http_refusal_note(struct conn *c, const struct http_refusal *r)
{
    char path[PATH_SHOWN];
    const char *more = audit_take(c);
    if (!note(worker_of(c), r->status))
        return;
    show_path(r->url, path);
    write_line(c, r->method ? r->method : "-", path, r->status, r->detail, more);
}

void http_refusal_note_publish(struct conn *c, unsigned status, const char *detail,
                               const struct publish *p)
{
    char path[PATH_SHOWN];
    const char *more = audit_take(c);
    if (!note(worker_of(c), status))
        return;
    show_topic(p, path);
    write_line(c, "POST", path, status, detail, more);
}
