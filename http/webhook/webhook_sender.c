#include "http/webhook/webhook_sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/now.h"
#include "broker/roll.h"
#include "broker/topic.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "delivery/envelope.h"
#include "delivery/errand.h"
#include "delivery/worker.h"
#include "http/client/http_client.h"
#include "http/webhook/webhook_text.h"

enum {
    SCAN = 4096,           /* index entries looked at in one turn */
    TOLD_APART_MS = 60000, /* between two lines of the log about the same trouble */
    WHY_MAX = 80,
};

static const struct http_reply_limits limits = {.head_bytes = 16 << 10, .body_bytes = 64 << 10};

/* Events as they were read. */
struct told_batch {
    struct buf events;
    uint64_t first, last; /* their numbers */
    uint64_t offset;      /* of the last one */
    uint32_t count;
};

/* The clerk's alone. */
static struct sender {
    struct worker *worker; /* NULL: there is none */
    struct http_client *client;
    struct remote *remote; /* the client's; borrowed from it */
    struct http_call call;
    struct told_batch batch; /* without its events, once they are sent */
    struct errand note;      /* its answer is being noted */
    char place[48];          /* in that note */
    bool busy;               /* sending, or noting */
    bool more;               /* there may be events behind `from` */
    uint64_t cursor;         /* the offset of the last event that was answered */
    uint64_t from;           /* there is none between it and this one */
    uint64_t seq, known;     /* the number of that event, and of the last one there is */
    unsigned failures;       /* in a row */
    uint64_t retry_ms;       /* not before that */
    uint64_t told_ms;        /* when the log was last told of trouble; 0 = not since it worked */
    char why[WHY_MAX];       /* of the last failure */
} sender;

static uint64_t now(void)
{
    return loop_now(&sender.worker->loop);
}

static const struct settings *settings(void)
{
    return sender.worker->settings;
}

static void count(enum counter which, uint64_t n)
{
    counter_add(&sender.worker->loop.counters, which, n);
}

void webhook_sender_begin(struct worker *w)
{
    const struct roll_start *start = roll_start_of(hub_roll(w->hub));
    sender = (struct sender){
        .worker = w,
        .more = true,
        .cursor = start->cursor,
        .from = start->cursor,
        .seq = start->seq,
        .known = start->next - 1,
    };
}

/* --- events of the log --- */

/* 0: there are none, and never were, as far as is known. */
static uint32_t topic_id(struct worker *w)
{
    const struct topic *t =
        topic_table_find(hub_topics(w->hub), TOPIC_HOOKS_EVENTS, sizeof(TOPIC_HOOKS_EVENTS) - 1);
    return t ? t->id : 0;
}

static bool take_seq(void *ctx, const struct store_record *r)
{
    *(uint64_t *)ctx = webhook_seq_of(r->payload, r->payload_len);
    return true;
}

enum err webhook_sender_last(struct worker *w, uint64_t *ret_seq)
{
    uint32_t id = topic_id(w);
    uint64_t reached;
    struct store_query q = {
        .until = hub_head(w->hub),
        .topics = &id,
        .topic_count = 1,
        .reverse = true,
        .max_records = 1,
    };
    *ret_seq = 0;
    return id ? store_read(w->replay.store, &q, take_seq, ret_seq, &reached) : ERR_OK;
}

static bool take_event(void *ctx, const struct store_record *r)
{
    struct told_batch *b = ctx;
    uint64_t seq = webhook_seq_of(r->payload, r->payload_len);
    if (b->count && b->events.len + r->payload_len > WEBHOOK_BATCH_BYTES)
        return false;
    if (!seq)
        return true;
    if (b->count++)
        buf_putc(&b->events, ',');
    else
        b->first = seq;
    buf_append(&b->events, r->payload, r->payload_len);
    b->last = seq;
    b->offset = r->offset;
    return true;
}

/* The events behind `from`, if there are some not far behind. */
static enum err read_batch(struct told_batch *b)
{
    struct worker *w = sender.worker;
    uint32_t id = topic_id(w);
    struct store_query q = {
        .after = sender.from,
        .until = hub_head(w->hub),
        .topics = &id,
        .topic_count = 1,
        .max_records = WEBHOOK_BATCH_EVENTS,
        .max_scan = SCAN,
    };
    uint64_t reached = q.until;
    *b = (struct told_batch){0};
    enum err e = ERR_OK;
    if (id && q.after < q.until)
        e = store_read(w->replay.store, &q, take_event, b, &reached);
    if (e == ERR_OK && b->events.failed)
        e = ERR_NOMEM;
    if (e == ERR_OK && !b->count && reached > sender.from)
        sender.from = reached;
    if (e == ERR_OK && !b->count)
        sender.more = reached < q.until;
    return e;
}

/* --- what came of it --- */

static void fail(const char *why)
{
    uint32_t chance = 0;
    (void)!getrandom(&chance, sizeof(chance), 0);
    sender.failures++;
    sender.retry_ms = now() + webhook_retry_ms(sender.failures, chance);
    snprintf(sender.why, sizeof(sender.why), "%s", why);
    count(COUNTER_hooks_failed, 1);
    if (sender.told_ms && now() - sender.told_ms < TOLD_APART_MS)
        return;
    sender.told_ms = now();
    log_warn("hooks.url: events are not taken, and sent again: %s", why);
}

static void noted(struct errand *e)
{
    sender.busy = false;
    if (e->result != ERR_OK)
        log_error("how far hooks.url has been told is not noted, some of it may come again: %s",
                  err_text(e->result));
}

static void note(struct errand *e, void *where)
{
    const struct store_note place = {roll_note_cursor, sender.place, strlen(sender.place)};
    errand_home(e, broker_put_notes(where, &place, 1));
}

static void succeed(void)
{
    const struct told_batch *b = &sender.batch;
    if (sender.failures)
        log_info("hooks.url: events are taken again");
    sender.failures = 0;
    sender.told_ms = sender.retry_ms = 0;
    sender.cursor = sender.from = b->offset;
    sender.seq = b->last;
    count(COUNTER_hooks_delivered, b->count);
    snprintf(sender.place, sizeof(sender.place), "%" PRIu64 " %" PRIu64, sender.cursor, sender.seq);
    errand_init(&sender.note, sender.worker, noted);
    errand_to_broker(&sender.note, note);
}

static void answered(struct http_call *call, const struct http_reply *r, enum err why)
{
    char text[WHY_MAX];
    (void)call;
    if (r && r->status >= 200 && r->status < 300) {
        succeed();
        return;
    }
    sender.busy = false;
    if (sender.worker->loop.draining)
        return; /* it was cut off by that */
    snprintf(text, sizeof(text), "its answer is %d", r ? r->status : 0);
    fail(r ? text : err_text(why));
}

/* --- sending --- */

/* Brings the client, of which there is somebody to be told, up to date with the settings. */
static enum err set_up(void)
{
    const struct http_client_rules rules = {settings()->hooks.timeout_ms, 1, 1, &limits};
    struct remote *r = settings()->hooks.remote;
    if (sender.client && r == sender.remote)
        return ERR_OK;
    if (sender.client)
        http_client_set(sender.client, r, &rules);
    else
        sender.client = http_client_create(&sender.worker->loop, r, &rules);
    sender.remote = r;
    return sender.client ? ERR_OK : ERR_NOMEM;
}

/* Numbers are one after the other: what is not there is not kept any more. */
static uint64_t missing_before(const struct told_batch *b)
{
    return b->first > sender.seq + 1 ? b->first - sender.seq - 1 : 0;
}

static enum err put_request(const struct told_batch *b, struct buf *out)
{
    const struct settings *s = settings();
    struct buf body = {0};
    webhook_put_batch(&body, b->events.data, b->events.len, missing_before(b));
    if (body.failed)
        return ERR_NOMEM;
    http_client_begin(sender.client, out, "POST");
    buf_printf(out,
               "User-Agent: longwire\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n",
               body.len);
    enum err e = webhook_put_signature(out, s->hooks.secret, s->hooks.secret_len,
                                       now_unix_ms() / 1000, body.data, body.len);
    buf_puts(out, "\r\n");
    buf_append(out, body.data, body.len);
    buf_finish(&body);
    return e;
}

static enum err send_batch(const struct told_batch *b)
{
    struct buf request = {0};
    enum err e = put_request(b, &request);
    if (e != ERR_OK) {
        buf_finish(&request);
        return e;
    }
    sender.call.done = answered;
    return http_client_send(sender.client, &sender.call, &request);
}

void webhook_sender_more(uint64_t seq)
{
    sender.more = true;
    sender.known = seq;
}

/* The next batch, if there is one. */
static void go_on(void)
{
    struct told_batch *b = &sender.batch;
    enum err e = set_up();
    if (e == ERR_OK)
        e = read_batch(b);
    sender.busy = e == ERR_OK && b->count;
    if (sender.busy)
        e = send_batch(b);
    buf_finish(&b->events);
    if (e == ERR_OK)
        return;
    sender.busy = false;
    fail(err_text(e));
}

void webhook_sender_check(void)
{
    if (sender.more && !sender.busy && !sender.worker->loop.draining && now() >= sender.retry_ms &&
        settings()->hooks.remote)
        go_on();
}

uint64_t webhook_sender_wait_ms(void)
{
    if (!sender.more || sender.busy || sender.worker->loop.draining || !settings()->hooks.remote)
        return UINT64_MAX;
    return sender.retry_ms > now() ? sender.retry_ms - now() : 0;
}

void webhook_sender_put(struct buf *out)
{
    uint64_t wait = sender.retry_ms > now() ? sender.retry_ms - now() : 0;
    buf_printf(out,
               ",\"backlog\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"cursor\":%" PRIu64
               ",\"failures\":%u,\"error\":",
               sender.known > sender.seq ? sender.known - sender.seq : 0, sender.seq, sender.cursor,
               sender.failures);
    if (sender.failures)
        envelope_json_string(out, sender.why, strlen(sender.why));
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"next_ms\":%" PRIu64, wait);
}

void webhook_sender_finish(void)
{
    http_client_destroy(sender.client);
    sender = (struct sender){0};
}
