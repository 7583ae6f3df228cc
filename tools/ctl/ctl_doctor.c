/* `doctor`: what the way to a hub, through all that is in between, lets pass. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/doctor/doctor.h"

bool ctl_doctor_offline(const struct ctl *c)
{
    (void)c;
    return true; /* it has a connection of its own */
}

enum ctl_exit ctl_doctor_check(const struct ctl *c)
{
    struct doctor_url url;
    const char *wrong = doctor_url_parse(c->args.words[0], &url);
    if (!wrong)
        return CTL_OK;
    ctl_say("%s", wrong);
    return CTL_USAGE;
}

/* A topic stays as long as its messages, so all runs publish to the same one, and tell their
 * messages apart. */
static void choose_names(struct doctor *d)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (uint64_t)time(NULL);
    snprintf(d->run, sizeof(d->run), "%016llx", (unsigned long long)random);
    snprintf(d->quiet_topic, sizeof(d->quiet_topic), DOCTOR_TOPIC "/%s", d->run);
}

/* Whether anything answers there; *RET_GO_ON: whether it may be spoken to. */
static enum ctl_exit connect_first(struct doctor *d, bool *ret_go_on)
{
    struct doctor_link l;
    double start = doctor_now();
    enum err e = doctor_open(d, &l, start + d->patience);
    if (l.state != LINK_OPEN && !l.tls) {
        ctl_say("cannot connect to %s port %s: %s", d->url.host, d->url.port, doctor_link_why(&l));
        doctor_link_finish(&l);
        return CTL_LOST;
    }
    doctor_report_begin(d);
    doctor_report(d, "connection", DOCTOR_OK, (l.opened_at - start) * 1e3, "to %s port %s",
                  d->url.host, d->url.port);
    *ret_go_on = !d->tls || doctor_check_tls(d, e, &l);
    doctor_link_finish(&l);
    return CTL_OK;
}

static void check_all(struct doctor *d)
{
    if (d->tls)
        doctor_check_http2(d);
    if (!doctor_check_hub(d))
        return;
    doctor_check_publish(d);
    doctor_check_poll(d);
    doctor_check_stream(d);
    doctor_check_compression(d);
    doctor_check_websocket(d);
    doctor_check_headers(d);
    doctor_check_holds(d);
}

/* Whether the hub at the socket is the one that was examined: their logs have the same epoch. */
static bool is_same_hub(struct ctl *c, const struct doctor *d)
{
    struct ctl_reply reply;
    const char *epoch = strrchr(d->cursor, '-');
    if (!epoch || ctl_call(c, CTL_WORDS("HUB", "STATS"), &reply))
        return false;
    json_t *stats = json_loadb(reply.text, reply.len, 0, NULL);
    json_int_t theirs = json_integer_value(json_object_get(stats, "epoch"));
    json_decref(stats);
    ctl_reply_finish(&reply);
    return theirs > 0 && theirs == atoll(epoch + 1);
}

/* With --socket, what was published is taken away again. */
static enum ctl_exit clean_up(struct ctl *c, const struct doctor *d)
{
    struct ctl_reply reply;
    if (!ctl_given(c, CTL_OPT_SOCKET) || !d->can_publish)
        return CTL_OK;
    enum ctl_exit status = ctl_connect(c);
    if (status)
        return status;
    if (!is_same_hub(c, d)) {
        ctl_say("the hub at %s is another one: what was published stays", c->hub.path);
        return CTL_FAILED;
    }
    status = ctl_call(c, CTL_WORDS("HUB", "PURGE", DOCTOR_TOPIC), &reply);
    if (status == CTL_OK)
        ctl_reply_finish(&reply);
    return status;
}

static enum ctl_exit examine(struct ctl *c, struct doctor *d)
{
    bool go_on = false;
    enum ctl_exit status = connect_first(d, &go_on);
    if (status)
        return status;
    if (go_on)
        check_all(d);
    status = clean_up(c, d);
    doctor_report_end(d, c->args.words[0]);
    return d->failed || d->out_failed ? CTL_FAILED : status;
}

enum ctl_exit ctl_doctor(struct ctl *c)
{
    struct doctor d = {
        .json = c->json,
        .colour = c->colour,
        .patience = ctl_given(c, CTL_OPT_TIMEOUT) ? c->args.timeout_s : DOCTOR_TIMEOUT_S,
        .insecure = ctl_given(c, CTL_OPT_INSECURE),
        .hold_s = ctl_given(c, CTL_OPT_HOLD) ? c->args.hold_s : DOCTOR_HOLD_S,
    };
    if (d.patience == 0)
        d.patience = CTL_TIMEOUT_MAX_S;
    if (doctor_url_parse(c->args.words[0], &d.url))
        return CTL_USAGE; /* ctl_doctor_check() has said so */
    const char *wrong = d.url.tls ? doctor_tls_begin(&d, c->args.cacert) : NULL;
    if (wrong) {
        ctl_say("%s", wrong);
        return CTL_FAILED;
    }
    choose_names(&d);
    enum ctl_exit status = examine(c, &d);
    tls_client_destroy(d.tls);
    return status;
}
