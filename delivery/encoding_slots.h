/*
 * The encodings whose bytes all receivers of one kind share: each has a slot of its own in every
 * message, which keeps what it wrote (message_encoded).
 */
#ifndef DELIVERY_ENCODING_SLOTS_H
#define DELIVERY_ENCODING_SLOTS_H

#include "broker/message.h"

enum encoding_slot {
    SLOT_SSE_RAW,
    SLOT_SSE_ENVELOPE,
    SLOT_WS_ENVELOPE,
    SLOT_WS_RAW,
    SLOT_POLL,
    SLOT_RESP,
    SLOT_RESP3,
    SLOT_WS_ENVELOPE_DEFLATE,
    SLOT_WS_RAW_DEFLATE,
    ENCODING_SLOTS,
};

_Static_assert((unsigned)ENCODING_SLOTS <= MESSAGE_ENCODINGS,
               "a message has a slot for each encoding");

#endif
