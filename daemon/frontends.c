#include "daemon/frontends.h"

#include <stddef.h>

#include "frontends/http/http.h"
#include "frontends/worker.h"
#include "frontends/ws/ws.h"

const struct worker_part *const frontends_parts[] = {&http_part, &ws_part, NULL};
