/* Commands about the connection and the server: what client libraries ask before anything else. */
#ifndef FRONTENDS_RESP_RESP_CONNECTION_H
#define FRONTENDS_RESP_RESP_CONNECTION_H

#include "frontends/resp/resp_command.h"

resp_run resp_connection_hello, resp_connection_auth, resp_connection_select;
resp_run resp_connection_ping, resp_connection_echo;
resp_run resp_connection_reset, resp_connection_quit;
resp_run resp_connection_info, resp_connection_config_get;

#endif
