/* HUB ...: administration, reading with the answer of a long-poll, and exporting. */
#ifndef FRONTENDS_RESP_RESP_HUB_H
#define FRONTENDS_RESP_RESP_HUB_H

#include "frontends/resp/resp_command.h"

/* Documents. */
resp_run resp_hub_presence, resp_hub_topics, resp_hub_topic, resp_hub_stats, resp_hub_tls,
    resp_hub_clients, resp_hub_hooks;
resp_run resp_hub_access;
/* What changes something, or takes long. */
resp_run resp_hub_kick, resp_hub_purge, resp_hub_trim, resp_hub_backup, resp_hub_verify;
/* Messages. */
resp_run resp_hub_read, resp_hub_export;

#endif
