/*
 * One message as the value of the log database (doc/storage-format.md, "log"); the offset is the
 * key. Pure: bytes in, struct out.
 *
 *     0         4          8         16     17          18        19     20
 *     +---------+----------+---------+------+-----------+---------+------+-------+-----+---------+
 *     | check32 | topic32  | time64  | kind | event len | key len | zero | event | key | payload |
 *     +---------+----------+---------+------+-----------+---------+------+-------+-----+---------+
 *
 * Integers are in the machine's byte order, as LMDB's own. The payload ends where the value ends.
 */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store_types.h"

enum { RECORD_HEADER_SIZE = 20 };

/* Bytes that record_encode writes. */
size_t record_size(const struct store_record *r);
void record_encode(void *out, const struct store_record *r);
/* Reads a value stored under OFFSET without trusting it: *RET borrows from DATA. ERR_CORRUPT when
 * the lengths do not fit or the checksum is wrong. */
MUST_CHECK enum err record_decode(uint64_t offset, const void *data, size_t n,
                                  struct store_record *ret);
/* What a damaged value says of itself: its topic, and its payload's length if its parts fit. */
MUST_CHECK bool record_claims(const void *data, size_t n, uint32_t *ret_topic,
                              uint32_t *ret_payload_len);
/* The topic id of a value that may be damaged; 0 when it is too short to have one. */
uint32_t record_topic(const void *data, size_t n);

#endif
