#include "frontends/envelope_encoding.h"

#include "frontends/encoding_slots.h"
#include "frontends/envelope.h"

const struct encoding envelope_encoding = {
    .name = "poll", .slot = SLOT_POLL, .encode = envelope_append};
