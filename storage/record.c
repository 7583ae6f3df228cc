#include "storage/record.h"

#include <string.h>
#include <xxhash.h>

/* Places of the fields. */
enum { AT_CHECK = 0, AT_TOPIC = 4, AT_TIME = 8, AT_KIND = 16, AT_EVENT_LEN, AT_KEY_LEN, AT_ZERO };

size_t record_size(const struct store_record *r)
{
    return RECORD_HEADER_SIZE + (size_t)r->event_len + r->key_len + r->payload_len;
}

/* Everything behind the checksum, and the offset as the seed: a record that turns up under another
 * offset is as damaged as one with a flipped bit. */
static uint32_t checksum(uint64_t offset, const uint8_t *data, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(data + AT_TOPIC, n - AT_TOPIC, offset);
}

static uint8_t *put(uint8_t *to, const char *bytes, size_t n)
{
    if (n)
        memcpy(to, bytes, n);
    return to + n;
}

void record_encode(void *out, const struct store_record *r)
{
    uint8_t *head = out;
    memcpy(head + AT_TOPIC, &r->topic_id, sizeof(r->topic_id));
    memcpy(head + AT_TIME, &r->time_ms, sizeof(r->time_ms));
    head[AT_KIND] = r->kind;
    head[AT_EVENT_LEN] = r->event_len;
    head[AT_KEY_LEN] = r->key_len;
    head[AT_ZERO] = 0;
    uint8_t *end = put(head + RECORD_HEADER_SIZE, r->event, r->event_len);
    end = put(end, r->key, r->key_len);
    end = put(end, r->payload, r->payload_len);
    uint32_t check = checksum(r->offset, head, (size_t)(end - head));
    memcpy(head + AT_CHECK, &check, sizeof(check));
}

/* Whether the lengths fit. */
static bool fits(const uint8_t *head, size_t n)
{
    if (n < RECORD_HEADER_SIZE)
        return false;
    size_t names = (size_t)head[AT_EVENT_LEN] + head[AT_KEY_LEN];
    return n - RECORD_HEADER_SIZE >= names && n - RECORD_HEADER_SIZE - names <= STORE_PAYLOAD_MAX;
}

/* Of a value whose lengths fit. */
static uint32_t payload_len(const uint8_t *head, size_t n)
{
    return (uint32_t)(n - RECORD_HEADER_SIZE - head[AT_EVENT_LEN] - head[AT_KEY_LEN]);
}

enum err record_decode(uint64_t offset, const void *data, size_t n, struct store_record *ret)
{
    const uint8_t *head = data;
    uint32_t check;
    if (!fits(head, n))
        return ERR_CORRUPT;
    memcpy(&check, head + AT_CHECK, sizeof(check));
    if (check != checksum(offset, head, n))
        return ERR_CORRUPT;
    ret->offset = offset;
    memcpy(&ret->topic_id, head + AT_TOPIC, sizeof(ret->topic_id));
    memcpy(&ret->time_ms, head + AT_TIME, sizeof(ret->time_ms));
    ret->kind = head[AT_KIND];
    ret->event_len = head[AT_EVENT_LEN];
    ret->key_len = head[AT_KEY_LEN];
    ret->event = (const char *)head + RECORD_HEADER_SIZE;
    ret->key = ret->event + ret->event_len;
    ret->payload = ret->key + ret->key_len;
    ret->payload_len = payload_len(head, n);
    return ERR_OK;
}

bool record_claims(const void *data, size_t n, uint32_t *ret_topic, uint32_t *ret_payload_len)
{
    if (!fits(data, n))
        return false;
    *ret_topic = record_topic(data, n);
    *ret_payload_len = payload_len(data, n);
    return true;
}

uint32_t record_topic(const void *data, size_t n)
{
    uint32_t id = 0;
    if (n >= RECORD_HEADER_SIZE)
        memcpy(&id, (const uint8_t *)data + AT_TOPIC, sizeof(id));
    return id;
}
