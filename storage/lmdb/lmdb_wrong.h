/* What was wrong with a log, in words, for the sentence that refuses it: store_wrong. */
#ifndef STORAGE_LMDB_LMDB_WRONG_H
#define STORAGE_LMDB_LMDB_WRONG_H

enum { LMDB_WRONG_SIZE = 160 }; /* bytes of the longest, with its NUL */

/* Keeps what is wrong, for store_wrong. */
__attribute__((format(printf, 1, 2))) void lmdb_wrong(const char *format, ...);

#endif
