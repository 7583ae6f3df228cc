/* CLIENT ...: connections, this one and all others. */
#ifndef FRONTENDS_RESP_RESP_CLIENT_H
#define FRONTENDS_RESP_RESP_CLIENT_H

#include "frontends/resp/resp_command.h"

enum {
    RESP_NAME_MAX = 255, /* bytes of a CLIENT SETNAME */
};

/* What this one is called. */
resp_run resp_client_id, resp_client_info, resp_client_getname, resp_client_setname,
    resp_client_setinfo;
/* All connections, and ending some. */
resp_run resp_client_list, resp_client_kill;
/* What client libraries ask for, and there is nothing of here. */
resp_run resp_client_switch, resp_client_capa, resp_client_reply, resp_client_tracking,
    resp_client_getredir;

/* Gives the client a name, an empty one takes it away; NULL, or the error to reply with. */
const char *resp_client_rename(struct resp *r, const struct resp_arg *name);

#endif
