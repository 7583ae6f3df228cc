/* TLS on the way to a hub: whether it is spoken, whose certificate is shown, what is spoken inside.
 * Nothing is sent to whoever cannot prove who it is, unless --insecure says so. */
#include "tools/doctor/doctor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/err.h"

enum { DAYS_ENOUGH = 14 };

static const char *protocols[] = {"http/1.1", NULL};
static const char *protocols_h2[] = {"h2", "http/1.1", NULL};

/* --- One link --- */

enum err doctor_link_secure(struct doctor_link *l, struct tls_client *client, const char *host,
                            double until)
{
    if (tls_stream_create(client, l->fd, host, &l->tls))
        return ERR_NOMEM;
    for (;;) {
        enum tls_progress p = tls_stream_handshake(l->tls);
        if (p == TLS_DONE)
            return ERR_OK;
        if (p == TLS_FAILED)
            return ERR_CLOSED;
        if (!doctor_link_ready(l, p == TLS_WANTS_READ ? POLLIN : POLLOUT, until))
            return ERR_AGAIN;
    }
}

/* Behind one address there may be several servers, so each link's certificate is looked at. */
static bool is_trusted(const struct doctor *d, const struct doctor_link *l)
{
    struct tls_certificate c;
    return d->insecure || (tls_stream_certificate(l->tls, d->url.host, &c) && !*c.problems);
}

enum err doctor_open(const struct doctor *d, struct doctor_link *l, double until)
{
    doctor_link_init(l);
    enum err e = doctor_link_open(l, &d->url, until);
    if (e || !d->tls)
        return e;
    e = doctor_link_secure(l, d->tls, d->url.host, until);
    if (e == ERR_OK && !is_trusted(d, l)) {
        l->error = EKEYREJECTED;
        e = ERR_ACCESS;
    }
    return e;
}

/* --- Whom to trust --- */

const char *doctor_tls_begin(struct doctor *d, const char *ca_file)
{
    static char text[512];
    struct tls_client_settings settings = {.check = true, .ca_file = ca_file, .alpn = protocols};
    enum err e = tls_client_create(&settings, &d->tls);
    if (e == ERR_OK)
        return NULL;
    snprintf(text, sizeof(text), "%s %s; --cacert is a file of certificates (PEM)",
             ca_file ? ca_file : tls_client_trusted(),
             e == ERR_NOT_FOUND ? "cannot be read" : "has no certificates");
    return e == ERR_NOMEM ? err_text(e) : text;
}

/* --- Checks --- */

static void report_certificate(struct doctor *d, const struct tls_certificate *c)
{
    if (*c->problems)
        doctor_report(d, "certificate", d->insecure ? DOCTOR_NOTE : DOCTOR_FAILED, -1, "it %s%s",
                      c->problems, d->insecure ? "" : " (--insecure goes on in spite of that)");
    else
        doctor_report(d, "certificate", c->days_left < DAYS_ENOUGH ? DOCTOR_NOTE : DOCTOR_OK, -1,
                      "%ld day%s left, issued by %s, for %s", c->days_left,
                      c->days_left == 1 ? "" : "s", c->issuer, c->names);
}

bool doctor_check_tls(struct doctor *d, enum err opened, const struct doctor_link *l)
{
    struct tls_certificate c;
    if (opened && opened != ERR_ACCESS) {
        doctor_report(d, "TLS", DOCTOR_FAILED, -1, "%s",
                      opened == ERR_CLOSED  ? doctor_link_why(l)
                      : opened == ERR_AGAIN ? "the handshake is not answered in time"
                                            : err_text(opened));
        return false;
    }
    doctor_report(d, "TLS", DOCTOR_OK, (doctor_now() - l->opened_at) * 1e3, "%s, %s",
                  tls_stream_version(l->tls), tls_stream_suite(l->tls));
    if (!tls_stream_certificate(l->tls, d->url.host, &c)) {
        doctor_report(d, "certificate", DOCTOR_FAILED, -1, "the server shows none");
        return false;
    }
    report_certificate(d, &c);
    return opened == ERR_OK;
}

void doctor_check_http2(struct doctor *d)
{
    struct tls_client *client;
    struct doctor_link l;
    double until = doctor_now() + d->patience;
    if (tls_client_create(&(struct tls_client_settings){.alpn = protocols_h2}, &client))
        return;
    doctor_link_init(&l);
    const char *agreed = NULL;
    if (doctor_link_open(&l, &d->url, until) == ERR_OK &&
        doctor_link_secure(&l, client, d->url.host, until) == ERR_OK)
        agreed = tls_stream_alpn(l.tls);
    bool spoken = agreed && agreed[0] == 'h' && agreed[1] == '2';
    doctor_report(d, "HTTP/2", spoken ? DOCTOR_OK : DOCTOR_NOTE, -1, "%s",
                  spoken ? "is spoken to who asks for it"
                         : "is not spoken: browsers open no more than six connections");
    doctor_link_finish(&l);
    tls_client_destroy(client);
}
