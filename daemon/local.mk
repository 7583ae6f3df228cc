

include daemon/config.mk
