/* Messages as pushes of RESP. */
#ifndef FRONTENDS_RESP_RESP_ENCODING_H
#define FRONTENDS_RESP_RESP_ENCODING_H

#include "broker/message.h"

/* A `message` push in RESP2 and RESP3. `pmessage` depends on the pattern and is not shared. */
extern struct encoding resp_encoding_message;
extern struct encoding resp_encoding_message3;
/* Both. */
extern struct encoding *const resp_encodings[];

#endif
