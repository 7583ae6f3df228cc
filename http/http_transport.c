#include "http/http_transport.h"

struct transport http_transport = {.name = "http"};
