/*
 * The records of one TLS connection behind its handshake, on the server's side: TLS 1.2 (RFC 5246
 * section 6, RFC 5288, RFC 7905) and 1.3 (RFC 8446 section 5).
 *
 * Pure: data in, records out; records in, data out. What is no data is dealt with here: alerts,
 * KeyUpdate (RFC 8446 section 4.6.3; an answer that is owed goes before the next data), attempts to
 * renegotiate (RFC 5246 section 7.2.1: refused by a warning), padding, and the limits of each.
 *
 * Links keep one for each connection, so it has its secrets only as long as they are.
 */
#ifndef NET_TLS_TLS_RECORD_H
#define NET_TLS_TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/tls/tls_alert.h"
#include "net/tls/tls_keys.h"

enum tls_type {
    TLS_TYPE_CHANGE_CIPHER_SPEC = 20,
    TLS_TYPE_ALERT = 21,
    TLS_TYPE_HANDSHAKE = 22,
    TLS_TYPE_DATA = 23,
};

enum {
    TLS_HEADER_SIZE = 5,
    TLS_TEXT_MAX = 1 << 14, /* data of a record */
    /* A record from the peer with its header. (More than that is allowed to 1.2 only where records
     * are compressed.) */
    TLS_RECORD_MAX = TLS_HEADER_SIZE + TLS_TEXT_MAX + 256,
    /* One of ours takes so much more than its data at most; and what may come before it. */
    TLS_OVERHEAD_MAX = TLS_HEADER_SIZE + 8 + 16,
    TLS_KEY_UPDATE_SIZE = TLS_HEADER_SIZE + 4 + 1 + 1 + 16,
    TLS_SEALED_MAX = TLS_KEY_UPDATE_SIZE + TLS_TEXT_MAX + TLS_OVERHEAD_MAX,
    TLS_SEALED_ALERT_MAX = TLS_ALERT_SIZE + TLS_OVERHEAD_MAX,
    /* Records in a row, from the peer, that bring no data: empty ones, warnings, KeyUpdates, parts
     * of handshake messages. Data that goes to the peer begins a new row: who only listens may
     * update its keys now and then for ever. */
    TLS_IDLE_MAX = 32,
    /* What a key of AES-GCM may seal: 2^24.5 records are safe (RFC 8446 section 5.5). */
    TLS_GCM_RECORDS_MAX = 1 << 24,
};

enum tls_way { TLS_IN, TLS_OUT };

struct tls_record {
    uint64_t seq[2]; /* of the next record, by enum tls_way */
    uint8_t suite;
    uint8_t secret_len;  /* 0: TLS 1.2 */
    uint8_t idle;        /* records in a row that brought nothing */
    bool owes_update;    /* the peer has asked for a KeyUpdate */
    uint8_t part_len;    /* of a handshake message that is not complete: bytes in `part`, */
    uint8_t part[4 + 1]; /* its beginning, */
    uint16_t skip;       /* and how many come that nobody looks at */
    uint8_t secrets[];   /* of each way: iv, key, and secret under 1.3 */
};

/* What a record was. */
enum tls_what {
    TLS_NOTHING, /* none of whose business it is above */
    TLS_DATA,    /* data, 1 byte at least */
    TLS_REPLIES, /* it goes on, and the alert is to be sent */
    TLS_ENDS,    /* the peer sends no more: close_notify */
    TLS_FAILED,  /* the peer ends the connection, with that alert */
    TLS_REFUSED, /* the peer broke the rules: the alert is to be sent, and then it is over */
};

struct tls_opened {
    enum tls_alert alert; /* of REPLIES, FAILED, REFUSED */
    uint8_t *data;        /* of DATA; in the record */
    size_t n;
};

/* Bytes of a struct tls_record that has these keys. */
size_t tls_record_size(const struct tls_keys *k);
/* In place; K is copied. */
void tls_record_init(struct tls_record *r, const struct tls_keys *k);
/* Wipes it. */
void tls_record_finish(struct tls_record *r);

/* How long the record is, header included, whose header (TLS_HEADER_SIZE bytes) is at HEAD. Else
 * the alert that is to be sent. */
enum tls_alert tls_record_measure(const struct tls_record *r, const uint8_t *head, size_t *ret_len);
/* Opens a whole record of N bytes, as measured, in place. */
enum tls_what tls_record_open(struct tls_record *r, uint8_t *record, size_t n,
                              struct tls_opened *ret);

/* Writes N bytes (1 to TLS_TEXT_MAX) as a record to OUT (N + TLS_SEALED_MAX - TLS_TEXT_MAX bytes of
 * room), behind a KeyUpdate if one is owed or due. ERR_LIMIT: nothing more may be sealed but an
 * alert; ERR_NOMEM: nothing can be sent any more. */
MUST_CHECK enum err tls_record_seal(struct tls_record *r, const void *data, size_t n, uint8_t *out,
                                    size_t *ret_len);
/* The same for an alert: TLS_SEALED_ALERT_MAX bytes of room. ERR_NOMEM. */
MUST_CHECK enum err tls_record_seal_alert(struct tls_record *r, enum tls_alert a, uint8_t *out,
                                          size_t *ret_len);

#endif
