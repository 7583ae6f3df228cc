/* XREAD: what several topics have got since their cursors, waited for with BLOCK. */
#ifndef FRONTENDS_RESP_RESP_XREAD_H
#define FRONTENDS_RESP_RESP_XREAD_H

#include "frontends/resp/resp_command.h"

resp_run resp_xread;

#endif
