/*
 * Bytes that are written once and shared by whoever sends them: immutable, reference-counted.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    _Atomic uint32_t refs;
    _Atomic uint32_t pins; /* connections that keep it beyond their turn, whoever counts them */
    uint32_t len;
    char data[];
};

/* Copies N bytes, less than 4 GiB; one reference; NULL when out of memory. */
struct blob *blob_create(const void *data, size_t n);
/* The same of two texts, one behind the other. */
struct blob *blob_join(const void *a, size_t a_len, const void *b, size_t b_len);
/* Takes and drops a reference, on any thread; NULL may be dropped. */
struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob *b);

#endif
