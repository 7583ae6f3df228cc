#include "frontends/envelope_encoding.h"

#include "frontends/encoding_slots.h"
#include "frontends/envelope.h"

const struct encoding envelope_encoding = {"poll", SLOT_POLL, envelope_append, false};
