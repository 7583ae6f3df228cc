#include "delivery/envelope_encoding.h"

#include "delivery/encoding_slots.h"
#include "delivery/envelope.h"

const struct encoding envelope_encoding = {
    .name = "poll", .slot = SLOT_POLL, .encode = envelope_append};
