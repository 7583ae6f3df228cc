#include "net/counters.h"

#define COUNTER_NAME(name, help) #name,
#define COUNTER_HELP(name, help) help,

const char *const counter_names[COUNTER_COUNT] = {COUNTER_TABLE(COUNTER_NAME)};
const char *const counter_helps[COUNTER_COUNT] = {COUNTER_TABLE(COUNTER_HELP)};
