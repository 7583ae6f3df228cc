# Unit tests of what the workers run; included by tests/local.mk.
frontends_tests = \
	tests/unit/test_beats \
	tests/unit/test_conns \
	tests/unit/test_conns_ring \
	tests/unit/test_documents \
	tests/unit/test_ends \
	tests/unit/test_exchange \
	tests/unit/test_exchange_publish \
	tests/unit/test_exchange_subscribe \
	tests/unit/test_fanout \
	tests/unit/test_fanout_late \
	tests/unit/test_fanout_ring \
	tests/unit/test_fan \
	tests/unit/test_full_hub \
	tests/unit/test_h2 \
	tests/unit/test_h2_rules \
	tests/unit/test_holding \
	tests/unit/test_joiner \
	tests/unit/test_lagging \
	tests/unit/test_links \
	tests/unit/test_links_h2 \
	tests/unit/test_links_tls \
	tests/unit/test_crypto_threads \
	tests/unit/test_auth_request \
	tests/unit/test_http_client \
	tests/unit/test_loop \
	tests/unit/test_poll_body \
	tests/unit/test_poll_shared \
	tests/unit/test_requests \
	tests/unit/test_resp \
	tests/unit/test_secure \
	tests/unit/test_bearer \
	tests/unit/test_webhook_text \
	tests/unit/test_tokens \
	tests/unit/test_session_work \
	tests/unit/test_tls_handshake \
	tests/unit/test_tls_link \
	tests/unit/test_turns
check_PROGRAMS += $(frontends_tests)
TESTS += $(frontends_tests)

frontends_test_libs = $(hub_libs) libwscodec.a libhttpcodec.a $(broker_test_libs) \
	$(LIBEVENT_LIBS) $(MBEDTLS_LIBS) $(JANSSON_LIBS) $(ZLIB_LIBS) -lm
# A worker that the test runs, by a clock of its own.
desk = tests/unit/desk.c tests/unit/desk.h tests/unit/roaming_link.c tests/unit/roaming_link.h \
	$(broker_fixture)
desk_ldflags = $(AM_LDFLAGS) -Wl,--wrap=now_monotonic_ms

tests_unit_test_beats_SOURCES = tests/unit/test_beats.c $(desk)
tests_unit_test_beats_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_beats_LDFLAGS = $(desk_ldflags)
tests_unit_test_beats_LDADD = $(frontends_test_libs)

tests_unit_test_conns_SOURCES = tests/unit/test_conns.c $(desk)
tests_unit_test_conns_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conns_LDFLAGS = $(desk_ldflags)
tests_unit_test_conns_LDADD = $(frontends_test_libs)

# The same by io_uring, where there is one.
tests_unit_test_conns_ring_SOURCES = $(tests_unit_test_conns_SOURCES)
tests_unit_test_conns_ring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DDESK_IO_URING
tests_unit_test_conns_ring_LDFLAGS = $(desk_ldflags)
tests_unit_test_conns_ring_LDADD = $(frontends_test_libs)

tests_unit_test_documents_SOURCES = tests/unit/test_documents.c $(desk)
tests_unit_test_documents_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_documents_LDFLAGS = $(desk_ldflags)
tests_unit_test_documents_LDADD = $(frontends_test_libs)

tests_unit_test_ends_SOURCES = tests/unit/test_ends.c $(desk)
tests_unit_test_ends_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ends_LDFLAGS = $(desk_ldflags)
tests_unit_test_ends_LDADD = $(frontends_test_libs)

fanout_ldflags = $(desk_ldflags) -Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=catchup_create
tests_unit_test_fanout_SOURCES = tests/unit/test_fanout.c $(desk)
tests_unit_test_fanout_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fanout_LDFLAGS = $(fanout_ldflags)
tests_unit_test_fanout_LDADD = $(frontends_test_libs)

# The same with another net/fan.c.
tests_unit_test_fanout_late_SOURCES = tests/unit/test_fanout.c tests/unit/late_fan.c $(desk)
tests_unit_test_fanout_late_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fanout_late_LDFLAGS = $(fanout_ldflags)
tests_unit_test_fanout_late_LDADD = $(frontends_test_libs)

# The same by io_uring, where there is one.
tests_unit_test_fanout_ring_SOURCES = $(tests_unit_test_fanout_SOURCES)
tests_unit_test_fanout_ring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DDESK_IO_URING
tests_unit_test_fanout_ring_LDFLAGS = $(fanout_ldflags)
tests_unit_test_fanout_ring_LDADD = $(frontends_test_libs)

tests_unit_test_fan_SOURCES = tests/unit/test_fan.c
tests_unit_test_fan_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fan_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=send -Wl,--wrap=io_uring_submit \
	-Wl,--wrap=io_uring_queue_init
tests_unit_test_fan_LDADD = $(frontends_test_libs)

tests_unit_test_full_hub_SOURCES = tests/unit/test_full_hub.c $(desk)
tests_unit_test_full_hub_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_full_hub_LDFLAGS = $(desk_ldflags) -Wl,--wrap=hub_is_full
tests_unit_test_full_hub_LDADD = $(frontends_test_libs)

# The second version of HTTP.
fake_exchange = tests/unit/fake_exchange.c tests/unit/fake_exchange.h $(desk)

tests_unit_test_exchange_SOURCES = tests/unit/test_exchange.c $(fake_exchange)
tests_unit_test_exchange_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_exchange_LDFLAGS = $(desk_ldflags)
tests_unit_test_exchange_LDADD = $(frontends_test_libs)

tests_unit_test_exchange_publish_SOURCES = tests/unit/test_exchange_publish.c $(fake_exchange)
tests_unit_test_exchange_publish_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_exchange_publish_LDFLAGS = $(desk_ldflags)
tests_unit_test_exchange_publish_LDADD = $(frontends_test_libs)

tests_unit_test_exchange_subscribe_SOURCES = tests/unit/test_exchange_subscribe.c $(fake_exchange)
tests_unit_test_exchange_subscribe_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_exchange_subscribe_LDFLAGS = $(desk_ldflags)
tests_unit_test_exchange_subscribe_LDADD = $(frontends_test_libs)

tests_unit_test_secure_SOURCES = tests/unit/test_secure.c $(fake_exchange)
tests_unit_test_secure_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_secure_LDFLAGS = $(desk_ldflags)
tests_unit_test_secure_LDADD = $(frontends_test_libs)

tests_unit_test_holding_SOURCES = tests/unit/test_holding.c $(desk)
tests_unit_test_holding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_holding_LDFLAGS = $(desk_ldflags)
tests_unit_test_holding_LDADD = $(frontends_test_libs)

tests_unit_test_joiner_SOURCES = tests/unit/test_joiner.c
tests_unit_test_joiner_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_joiner_LDADD = $(frontends_test_libs)

tests_unit_test_lagging_SOURCES = tests/unit/test_lagging.c $(desk)
tests_unit_test_lagging_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_lagging_LDFLAGS = $(desk_ldflags)
tests_unit_test_lagging_LDADD = $(frontends_test_libs)

# A link that does what it likes, and nothing that differs from one run to the next.
links_ldflags = $(desk_ldflags) -Wl,--wrap=now_unix_ms -Wl,--wrap=now_boottime_ms \
	-Wl,--wrap=store_draw_epoch
tests_unit_test_links_SOURCES = tests/unit/test_links.c tests/unit/plain_wire.c tests/unit/wire.h \
	$(desk)
tests_unit_test_links_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_links_LDFLAGS = $(links_ldflags)
tests_unit_test_links_LDADD = $(frontends_test_libs)

# The same conversations in TLS records.
tests_unit_test_links_tls_SOURCES = tests/unit/test_links.c tests/unit/tls_wire.c tests/unit/wire.h \
	$(tls_peer) $(desk)
tests_unit_test_links_tls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_links_tls_LDFLAGS = $(links_ldflags)
tests_unit_test_links_tls_LDADD = $(frontends_test_libs)

# Whatever speaks HTTP/2.
h2_peer = tests/unit/h2_peer.c tests/unit/h2_peer.h
h2_test_libs = libh2.a $(frontends_test_libs) $(NGHTTP2_LIBS)

tests_unit_test_h2_SOURCES = tests/unit/test_h2.c $(h2_peer) $(desk)
tests_unit_test_h2_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(NGHTTP2_CFLAGS)
tests_unit_test_h2_LDFLAGS = $(desk_ldflags) -Wl,--wrap=send -Wl,--wrap=http_fields_take \
	-Wl,--wrap=http_fields_give_back
tests_unit_test_h2_LDADD = $(h2_test_libs)

tests_unit_test_h2_rules_SOURCES = tests/unit/test_h2_rules.c $(h2_peer) $(desk)
tests_unit_test_h2_rules_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(NGHTTP2_CFLAGS)
tests_unit_test_h2_rules_LDFLAGS = $(desk_ldflags)
tests_unit_test_h2_rules_LDADD = $(h2_test_libs)

tests_unit_test_crypto_threads_SOURCES = tests/unit/test_crypto_threads.c
tests_unit_test_crypto_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_crypto_threads_LDADD = $(frontends_test_libs)

# The conversations of test_links on a stream of HTTP/2.
tests_unit_test_links_h2_SOURCES = tests/unit/test_links.c tests/unit/h2_wire.c tests/unit/wire.h \
	$(h2_peer) $(desk)
tests_unit_test_links_h2_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(NGHTTP2_CFLAGS)
tests_unit_test_links_h2_LDFLAGS = $(links_ldflags)
tests_unit_test_links_h2_LDADD = $(h2_test_libs)

tests_unit_test_auth_request_SOURCES = tests/unit/test_auth_request.c tests/unit/far_server.c \
	tests/unit/far_server.h $(desk)
tests_unit_test_auth_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_auth_request_LDFLAGS = $(desk_ldflags)
tests_unit_test_auth_request_LDADD = $(frontends_test_libs)

tests_unit_test_http_client_SOURCES = tests/unit/test_http_client.c tests/unit/far_server.c \
	tests/unit/far_server.h
tests_unit_test_http_client_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_client_LDFLAGS = $(desk_ldflags)
tests_unit_test_http_client_LDADD = $(frontends_test_libs)

tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_loop_LDADD = $(frontends_test_libs)

tests_unit_test_poll_body_SOURCES = tests/unit/test_poll_body.c $(broker_fixture)
tests_unit_test_poll_body_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_poll_body_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=envelope_append
tests_unit_test_poll_body_LDADD = $(frontends_test_libs)

tests_unit_test_poll_shared_SOURCES = tests/unit/test_poll_shared.c $(broker_fixture)
tests_unit_test_poll_shared_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_poll_shared_LDADD = $(frontends_test_libs)

tests_unit_test_requests_SOURCES = tests/unit/test_requests.c $(desk)
tests_unit_test_requests_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_requests_LDFLAGS = $(desk_ldflags)
tests_unit_test_requests_LDADD = $(frontends_test_libs)

# The stand-ins for a connection and its worker.
tests_unit_test_resp_SOURCES = tests/unit/test_resp.c
tests_unit_test_resp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=conn_out -Wl,--wrap=conn_is_open \
	-Wl,--wrap=conn_close -Wl,--wrap=conn_finish_after_output -Wl,--wrap=conn_pause \
	-Wl,--wrap=conn_resume -Wl,--wrap=conn_is_congested -Wl,--wrap=conn_may_go_on \
	-Wl,--wrap=conn_set_deadline -Wl,--wrap=worker_publish -Wl,--wrap=worker_must_wait \
	-Wl,--wrap=h1_adopt -Wl,--wrap=hub_log -Wl,--wrap=feed_leave \
	-Wl,--wrap=resp_xread
tests_unit_test_resp_LDADD = $(frontends_test_libs)

tests_unit_test_tokens_SOURCES = tests/unit/test_tokens.c tests/unit/token_maker.c \
	tests/unit/token_maker.h $(desk)
tests_unit_test_tokens_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tokens_LDFLAGS = $(desk_ldflags) -Wl,--wrap=token_is_costly -Wl,--wrap=token_verify
tests_unit_test_tokens_LDADD = $(frontends_test_libs)

tests_unit_test_webhook_text_SOURCES = tests/unit/test_webhook_text.c
tests_unit_test_webhook_text_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_webhook_text_LDADD = $(frontends_test_libs)

tests_unit_test_bearer_SOURCES = tests/unit/test_bearer.c $(desk)
tests_unit_test_bearer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bearer_LDFLAGS = $(desk_ldflags) -Wl,--wrap=now_unix_ms
tests_unit_test_bearer_LDADD = $(frontends_test_libs)

tests_unit_test_session_work_SOURCES = tests/unit/test_session_work.c $(desk)
tests_unit_test_session_work_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_session_work_LDFLAGS = $(desk_ldflags)
tests_unit_test_session_work_LDADD = $(frontends_test_libs)

tests_unit_test_turns_SOURCES = tests/unit/test_turns.c
tests_unit_test_turns_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_turns_LDADD = $(frontends_test_libs)

tests_unit_test_tls_handshake_SOURCES = tests/unit/test_tls_handshake.c $(tls_guest) $(desk)
tests_unit_test_tls_handshake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_handshake_LDFLAGS = $(desk_ldflags)
tests_unit_test_tls_handshake_LDADD = $(frontends_test_libs) $(MBEDTLS_LIBS)

tests_unit_test_tls_link_SOURCES = tests/unit/test_tls_link.c $(tls_peer) $(desk)
tests_unit_test_tls_link_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_link_LDFLAGS = $(desk_ldflags) -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc
tests_unit_test_tls_link_LDADD = $(frontends_test_libs)

# A protocol of the tests' own, on the floors of the hub as they are.
check_PROGRAMS += tests/protocol/test_lines
TESTS += tests/protocol/test_lines
tests_protocol_test_lines_SOURCES = tests/protocol/test_lines.c tests/protocol/lines.c \
	tests/protocol/lines.h $(broker_fixture)
tests_protocol_test_lines_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_protocol_test_lines_LDADD = $(frontends_test_libs)
