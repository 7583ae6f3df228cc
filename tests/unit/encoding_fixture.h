/* What the tests of encodings share: one message, and what was written of it. */
#ifndef TESTS_UNIT_ENCODING_FIXTURE_H
#define TESTS_UNIT_ENCODING_FIXTURE_H

#include <stddef.h>

#include "base/buf.h"
#include "broker/message.h"

/* Message 7 of the log 9, in the topic a/b, and what its envelope begins with. */
extern struct message m;
#define ENVELOPE_HEAD "{\"id\":\"7-9\",\"topic\":\"a/b\",\"time\":\"1970-01-01T00:00:00.000Z\","
extern struct buf out;

/* Before and after each test. */
void encoding_setup(void);
void encoding_teardown(void);
/* Gives it a payload or an event, borrowed. */
void payload(enum message_kind kind, const char *data, size_t n);
void event(const char *name, size_t n);
/* What is in `out` has to be that; it is empty afterwards. */
void expect(const char *text, size_t n);
/* What E writes has to be TEXT. */
void expect_encoded(const struct encoding *e, const char *text);

#endif
