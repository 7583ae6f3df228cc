/* Reading a topic as if it were a stream: XRANGE, XREVRANGE and XLEN. */
#ifndef FRONTENDS_RESP_RESP_READ_H
#define FRONTENDS_RESP_RESP_READ_H

#include "frontends/resp/resp_command.h"

resp_run resp_read_range, resp_read_reverse, resp_read_length;

#endif
