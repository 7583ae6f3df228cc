# Slips that tests have to notice; included by ../local.mk. `./dev mutate` tries them.
EXTRA_DIST += \
	tests/mutate/mutate.py \
	tests/mutate/access.toml \
	tests/mutate/base.toml \
	tests/mutate/broker.toml \
	tests/mutate/client.toml \
	tests/mutate/daemon.toml \
	tests/mutate/demo.toml \
	tests/mutate/frontends.toml \
	tests/mutate/http.toml \
	tests/mutate/journal.toml \
	tests/mutate/records.toml \
	tests/mutate/resp.toml \
	tests/mutate/storage.toml \
	tests/mutate/tools.toml \
	tests/mutate/ws.toml
