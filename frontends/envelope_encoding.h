/* Messages as envelopes and nothing else. */
#ifndef FRONTENDS_ENVELOPE_ENCODING_H
#define FRONTENDS_ENVELOPE_ENCODING_H

#include "broker/message.h"

/* One element of a long-poll answer's `messages`. */
extern const struct encoding envelope_encoding;

#endif
