/* HUB REVOKE, UNREVOKE and REVOKED. */
#ifndef FRONTENDS_RESP_RESP_REVOKE_H
#define FRONTENDS_RESP_RESP_REVOKE_H

#include "frontends/resp/resp_command.h"

resp_run resp_hub_revoke, resp_hub_unrevoke, resp_hub_revoked;

#endif
