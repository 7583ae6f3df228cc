# What the end-to-end tests need besides Node.js; included by tests/local.mk. They run by
# `./dev test`, not by `make check`: they start the built programs and real clients.
check_PROGRAMS += tests/e2e/hiredis_client
tests_e2e_hiredis_client_SOURCES = tests/e2e/hiredis_client.c
tests_e2e_hiredis_client_LDADD = $(HIREDIS_LIBS)

check_PROGRAMS += tests/e2e/without_io_uring
tests_e2e_without_io_uring_SOURCES = tests/e2e/without_io_uring.c

# Preloaded into the daemon; sanitizers have to be loaded before it, so it has none itself.
check_PROGRAMS += tests/e2e/crash_points.so
tests_e2e_crash_points_so_SOURCES = tests/e2e/crash_points.c
tests_e2e_crash_points_so_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -fPIC
tests_e2e_crash_points_so_LDFLAGS = -shared
tests_e2e_crash_points_so_LDADD = -ldl

check_PROGRAMS += tests/e2e/no_memory.so
tests_e2e_no_memory_so_SOURCES = tests/e2e/no_memory.c
tests_e2e_no_memory_so_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -fPIC
tests_e2e_no_memory_so_LDFLAGS = -shared
tests_e2e_no_memory_so_LDADD = -ldl

check_PROGRAMS += tests/e2e/cut_send.so
tests_e2e_cut_send_so_SOURCES = tests/e2e/cut_send.c
tests_e2e_cut_send_so_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -fPIC
tests_e2e_cut_send_so_LDFLAGS = -shared
tests_e2e_cut_send_so_LDADD = -ldl

check_PROGRAMS += tests/e2e/set_clock.so
tests_e2e_set_clock_so_SOURCES = tests/e2e/set_clock.c
tests_e2e_set_clock_so_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -fPIC
tests_e2e_set_clock_so_LDFLAGS = -shared
tests_e2e_set_clock_so_LDADD = -ldl

check_PROGRAMS += tests/e2e/slow_log.so
tests_e2e_slow_log_so_SOURCES = tests/e2e/slow_log.c
tests_e2e_slow_log_so_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -fPIC
tests_e2e_slow_log_so_LDFLAGS = -shared
tests_e2e_slow_log_so_LDADD = -ldl

EXTRA_DIST += \
	tests/e2e/package.json \
	tests/e2e/package-lock.json \
	tests/e2e/run.mjs \
	tests/e2e/renewals.mjs \
	tests/e2e/soak.mjs \
	tests/e2e/vanish.py \
	tests/e2e/pyjwt_tokens.py \
	tests/e2e/redis_py_client.py \
	tests/e2e/websockets_client.py \
	tests/e2e/lib/browser.mjs \
	tests/e2e/lib/certificates.mjs \
	tests/e2e/lib/chunks.mjs \
	tests/e2e/lib/clients.mjs \
	tests/e2e/lib/clock.mjs \
	tests/e2e/lib/crashpoints.mjs \
	tests/e2e/lib/counters.mjs \
	tests/e2e/lib/cursor.mjs \
	tests/e2e/lib/expecting.mjs \
	tests/e2e/lib/doors.mjs \
	tests/e2e/lib/firefox.mjs \
	tests/e2e/lib/h2.mjs \
	tests/e2e/lib/h2_raw.mjs \
	tests/e2e/lib/h2rules.mjs \
	tests/e2e/lib/hpack.mjs \
	tests/e2e/lib/hooks.mjs \
	tests/e2e/lib/http.mjs \
	tests/e2e/lib/decider.mjs \
	tests/e2e/lib/disk.mjs \
	tests/e2e/lib/hub.mjs \
	tests/e2e/lib/issuers.mjs \
	tests/e2e/lib/ledger.mjs \
	tests/e2e/lib/load.mjs \
	tests/e2e/lib/logtools.mjs \
	tests/e2e/lib/memory.mjs \
	tests/e2e/lib/messages.mjs \
	tests/e2e/lib/nginx.mjs \
	tests/e2e/lib/ports.mjs \
	tests/e2e/lib/presence.mjs \
	tests/e2e/lib/publishers.mjs \
	tests/e2e/lib/random.mjs \
	tests/e2e/lib/raw.mjs \
	tests/e2e/lib/readers.mjs \
	tests/e2e/lib/relay.mjs \
	tests/e2e/lib/resp.mjs \
	tests/e2e/lib/roaming.mjs \
	tests/e2e/lib/secure_transports.mjs \
	tests/e2e/lib/session.mjs \
	tests/e2e/lib/slowlog.mjs \
	tests/e2e/lib/sse.mjs \
	tests/e2e/lib/tls.mjs \
	tests/e2e/lib/tls_raw.mjs \
	tests/e2e/lib/tlsrules.mjs \
	tests/e2e/lib/token_transports.mjs \
	tests/e2e/lib/tokens.mjs \
	tests/e2e/lib/transports.mjs \
	tests/e2e/lib/wait.mjs \
	tests/e2e/lib/ws.mjs \
	tests/e2e/lib/wscases.mjs \
	tests/e2e/lib/wsecho.mjs \
	tests/e2e/lib/wsframe.mjs \
	tests/e2e/10-publish.test.mjs \
	tests/e2e/11-batch.test.mjs \
	tests/e2e/12-idempotency.test.mjs \
	tests/e2e/13-expect.test.mjs \
	tests/e2e/14-append.test.mjs \
	tests/e2e/15-pipelined-publish.test.mjs \
	tests/e2e/20-poll.test.mjs \
	tests/e2e/30-sse.test.mjs \
	tests/e2e/31-sse-session.test.mjs \
	tests/e2e/32-sse-letter.test.mjs \
	tests/e2e/33-gzip-clients.test.mjs \
	tests/e2e/33-sse-browser.test.mjs \
	tests/e2e/34-sse-chunks.test.mjs \
	tests/e2e/35-gzip.test.mjs \
	tests/e2e/40-websocket.test.mjs \
	tests/e2e/41-websocket-raw.test.mjs \
	tests/e2e/42-websocket-protocol.test.mjs \
	tests/e2e/43-websocket-conformance.test.mjs \
	tests/e2e/44-websocket-deflate.test.mjs \
	tests/e2e/45-overlap.test.mjs \
	tests/e2e/46-farewell.test.mjs \
	tests/e2e/47-http2-paused.test.mjs \
	tests/e2e/47-http2-rules.test.mjs \
	tests/e2e/47-http2-tokens.test.mjs \
	tests/e2e/47-http2-windows.test.mjs \
	tests/e2e/47-http2.test.mjs \
	tests/e2e/48-cut.test.mjs \
	tests/e2e/48-io-uring.test.mjs \
	tests/e2e/49-presence-subs.test.mjs \
	tests/e2e/49-presence.test.mjs \
	tests/e2e/50-cursors.test.mjs \
	tests/e2e/51-patterns.test.mjs \
	tests/e2e/52-hosts.test.mjs \
	tests/e2e/52-https.test.mjs \
	tests/e2e/52-origins.test.mjs \
	tests/e2e/49-auth-request.test.mjs \
	tests/e2e/49-hooks.test.mjs \
	tests/e2e/52-keys.test.mjs \
	tests/e2e/52-tokens.test.mjs \
	tests/e2e/52-tokens-client.test.mjs \
	tests/e2e/52-tokens-end.test.mjs \
	tests/e2e/53-answers.test.mjs \
	tests/e2e/53-http.test.mjs \
	tests/e2e/54-audit.test.mjs \
	tests/e2e/54-files.test.mjs \
	tests/e2e/54-refusals.test.mjs \
	tests/e2e/54-status.test.mjs \
	tests/e2e/55-figures.test.mjs \
	tests/e2e/55-paused.test.mjs \
	tests/e2e/55-slow.test.mjs \
	tests/e2e/55-stalled.test.mjs \
	tests/e2e/56-retention.test.mjs \
	tests/e2e/56-topics.test.mjs \
	tests/e2e/56-together.test.mjs \
	tests/e2e/57-lag-limits.test.mjs \
	tests/e2e/57-pause.test.mjs \
	tests/e2e/57-stuck.test.mjs \
	tests/e2e/58-budget.test.mjs \
	tests/e2e/58-charges.test.mjs \
	tests/e2e/58-fairness.test.mjs \
	tests/e2e/58-newcomers.test.mjs \
	tests/e2e/58-quotas-tokens.test.mjs \
	tests/e2e/58-quotas.test.mjs \
	tests/e2e/59-revoked.test.mjs \
	tests/e2e/59-storm.test.mjs \
	tests/e2e/60-resp.test.mjs \
	tests/e2e/60-resp-multi.test.mjs \
	tests/e2e/60-resp3.test.mjs \
	tests/e2e/61-redis-cli.test.mjs \
	tests/e2e/62-ioredis.test.mjs \
	tests/e2e/62-redis-clients.test.mjs \
	tests/e2e/62-redis-py.test.mjs \
	tests/e2e/63-hiredis.test.mjs \
	tests/e2e/64-curl.test.mjs \
	tests/e2e/65-longwirectl.test.mjs \
	tests/e2e/66-ctl.test.mjs \
	tests/e2e/66-resp-globs.test.mjs \
	tests/e2e/66-resp-order.test.mjs \
	tests/e2e/67-backup.test.mjs \
	tests/e2e/67-log-tools.test.mjs \
	tests/e2e/68-clock.test.mjs \
	tests/e2e/68-damage.test.mjs \
	tests/e2e/69-log-file.test.mjs \
	tests/e2e/70-noise.test.mjs \
	tests/e2e/71-descriptors.test.mjs \
	tests/e2e/72-daemon.test.mjs \
	tests/e2e/72-surroundings.test.mjs \
	tests/e2e/73-peers.test.mjs \
	tests/e2e/74-proxies.test.mjs \
	tests/e2e/75-trickle.test.mjs \
	tests/e2e/76-readers.test.mjs \
	tests/e2e/77-memory.test.mjs \
	tests/e2e/78-peer-memory.test.mjs \
	tests/e2e/78-subscriptions.test.mjs \
	tests/e2e/79-tls-rules.test.mjs \
	tests/e2e/79-tls.test.mjs \
	tests/e2e/79-tls-admin.test.mjs \
	tests/e2e/79-tls-files.test.mjs \
	tests/e2e/79-tls-strangers.test.mjs \
	tests/e2e/80-one-line.test.mjs \
	tests/e2e/80-roam-secure.test.mjs \
	tests/e2e/80-roam-tokens.test.mjs \
	tests/e2e/80-roam.test.mjs \
	tests/e2e/81-crash.test.mjs \
	tests/e2e/82-browser-tokens.test.mjs \
	tests/e2e/82-browser.test.mjs \
	tests/e2e/82-secure-browsers.test.mjs \
	tests/e2e/83-crash-rounds.test.mjs \
	tests/e2e/84-crash-points.test.mjs \
	tests/e2e/85-edges.test.mjs \
	tests/e2e/86-disk-errors.test.mjs \
	tests/e2e/87-full-disk.test.mjs \
	tests/e2e/88-power.test.mjs \
	tests/e2e/90-bench.test.mjs \
	tests/e2e/91-beacon.test.mjs \
	tests/e2e/92-clients.test.mjs \
	tests/e2e/92-tokens.test.mjs \
	tests/e2e/93-proxies.test.mjs \
	tests/e2e/94-browser-rules.test.mjs \
	tests/e2e/94-shared.test.mjs \
	tests/e2e/95-doctor.test.mjs \
	tests/e2e/96-access.test.mjs \
	tests/e2e/96-deployment.test.mjs \
	tests/e2e/96-readme.test.mjs
