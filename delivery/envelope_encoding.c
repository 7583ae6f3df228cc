#include "delivery/envelope_encoding.h"

#include "delivery/envelope.h"

struct encoding envelope_encoding = {.name = "poll", .encode = envelope_append};
