#include "net/transport.h"

const char *const transport_names[TRANSPORT_COUNT] = {"sse", "ws", "poll", "resp", "http"};
