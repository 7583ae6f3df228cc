#include "http/webhook/webhook_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/rfc3339.h"
#include "broker/roll.h"
#include "delivery/envelope.h"

enum webhook_event webhook_event_of(const struct roll_change *c)
{
    if (c->member)
        return c->going ? WEBHOOK_LEAVE : WEBHOOK_JOIN;
    return c->going ? WEBHOOK_VACATED : WEBHOOK_OCCUPIED;
}

const char *webhook_event_name(enum webhook_event e)
{
    static const char *const names[] = {"occupied", "vacated", "join", "leave"};
    return names[e];
}

void webhook_put_event(struct buf *out, const struct webhook_id *id, uint64_t unix_ms,
                       const struct roll_change *c)
{
    char time[RFC3339_TEXT_SIZE];
    rfc3339_format(time, unix_ms);
    buf_printf(out, "{\"id\":\"%" PRIu64 "-%016" PRIx64 "\",\"time\":\"%s\",\"event\":\"%s\",",
               id->seq, id->run, time, webhook_event_name(webhook_event_of(c)));
    if (c->member) {
        buf_append(out, c->name, c->len);
        buf_append(out, c->more, c->more_len);
    } else {
        buf_puts(out, "\"topic\":");
        envelope_json_string(out, c->name, c->len);
    }
    buf_putc(out, '}');
}

uint64_t webhook_seq_of(const char *event, size_t n)
{
    static const char begin[] = "{\"id\":\"";
    char digits[24];
    if (n < sizeof(begin) || memcmp(event, begin, sizeof(begin) - 1) != 0)
        return 0;
    snprintf(digits, sizeof(digits), "%.*s", (int)(n - sizeof(begin) + 1),
             event + sizeof(begin) - 1);
    return strtoull(digits, NULL, 10);
}

/* In it there is no such text within a string: its quotes would be escaped. */
static const char *find_since(const char *payload, size_t n)
{
    static const char since[] = ",\"since\":";
    return memmem(payload, n, since, sizeof(since) - 1);
}

bool webhook_put_member(struct buf *out, const char *topic, size_t topic_len, const char *payload,
                        size_t n, size_t *ret_rest)
{
    const char *since = n > 2 ? find_since(payload, n - 1) : NULL;
    if (!since)
        return false;
    buf_puts(out, "\"topic\":");
    envelope_json_string(out, topic, topic_len);
    buf_putc(out, ',');
    buf_append(out, payload + 1, (size_t)(since - payload) - 1);
    *ret_rest = (size_t)(since - payload);
    return true;
}

void webhook_put_batch(struct buf *out, const char *events, size_t n, uint64_t missing)
{
    buf_putc(out, '{');
    if (missing)
        buf_printf(out, "\"gap\":{\"missing\":%" PRIu64 "},", missing);
    buf_puts(out, "\"events\":[");
    buf_append(out, events, n);
    buf_puts(out, "]}");
}

enum err webhook_put_signature(struct buf *out, const char *secret, size_t secret_len,
                               uint64_t unix_s, const char *body, size_t n)
{
    unsigned char mac[CRYPTO_SHA256_SIZE];
    struct buf text = {0};
    buf_printf(&text, "%" PRIu64 ".", unix_s);
    buf_append(&text, body, n);
    enum err e =
        text.failed ? ERR_NOMEM : crypto_hmac_sha256(secret, secret_len, text.data, text.len, mac);
    buf_finish(&text);
    if (e != ERR_OK)
        return e;
    buf_printf(out, "Longwire-Signature: t=%" PRIu64 ",v1=", unix_s);
    for (size_t i = 0; i < sizeof(mac); i++)
        buf_printf(out, "%02x", mac[i]);
    buf_puts(out, "\r\n");
    return out->failed ? ERR_NOMEM : ERR_OK;
}

uint64_t webhook_retry_ms(unsigned failures, uint32_t chance)
{
    uint64_t most = WEBHOOK_RETRY_MS;
    while (--failures && most < WEBHOOK_RETRY_MAX_MS)
        most *= 2;
    if (most > WEBHOOK_RETRY_MAX_MS)
        most = WEBHOOK_RETRY_MAX_MS;
    return most / 2 + chance % (most / 2 + 1);
}
