/* What a refused request leaves behind: counters, and a line of the log. */
#include <string.h>

#include "base/log.h"
#include "frontends/http/http.h"
#include "frontends/worker.h"

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
static void show_path(const struct http *h, char out[PATH_SHOWN])
{
    size_t n = h->url.path_len, session = sizeof(session_path) - 1;
    if (n > session && memcmp(h->url.path, session_path, session) == 0)
        n = session;
    log_escape(out, PATH_SHOWN, n ? h->url.path : "-", n ? n : 1);
}

static void write_line(struct conn *c, unsigned status, const char *detail)
{
    const struct http *h = http_of(c);
    const char *name = h->request.method ? h->request.method : "-";
    char address[ADDRESS_SHOWN], path[PATH_SHOWN], method[METHOD_SHOWN], why[PATH_SHOWN];
    conn_address(c, address, sizeof(address));
    show_path(h, path);
    log_escape(method, sizeof(method), name, strlen(name));
    log_escape(why, sizeof(why), detail, strlen(detail));
    log_info("refused %s: %s %s: %u %s", address, method, path, status, why);
}

void http_refusal_note(struct conn *c, unsigned status, const char *detail)
{
    struct worker *w = c->worker;
    if (!is_refusal(status))
        return;
    count(&w->counters, status);
    if (refusals_may_log(&w->refusals, w->now_ms))
        write_line(c, status, detail);
}
