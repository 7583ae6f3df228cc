/* Messages as envelopes and nothing else. */
#ifndef DELIVERY_ENVELOPE_ENCODING_H
#define DELIVERY_ENVELOPE_ENCODING_H

#include "broker/message.h"

/* One element of a long-poll answer's `messages`. */
extern struct encoding envelope_encoding;

#endif
