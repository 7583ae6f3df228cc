"""A program with Debian's redis-py, as somebody would write one; prints what it got as JSON.

usage: redis_py_client.py SOCKET
"""
import json
import sys

import redis


def connect():
    return redis.Redis(unix_socket_path=sys.argv[1], client_name="the-client", decode_responses=True)


def publish_and_read(hub):
    hub.publish("py/a", "one")
    second = hub.xadd("py/a", {"data": "two", "event": "e"})
    return {
        "second": second,
        "range": hub.xrange("py/a"),
        "read": hub.xread({"py/a": "0"}, count=10, block=1000),
        "nothing": hub.xread({"py/a": second}, block=1),
    }


def pipelines(hub):
    """Its pipelines are transactions, unless they are asked not to be."""
    with hub.pipeline() as pipe:
        transaction = pipe.publish("py/pipe", "1").xadd("py/pipe", {"data": "2"}).xlen("py/pipe").execute()
    with hub.pipeline(transaction=False) as pipe:
        for number in range(200):
            pipe.publish("py/plain", number)
        plain = pipe.execute()
    try:
        with hub.pipeline() as pipe:
            pipe.publish("py/bad", "1").publish("py/#", "2").execute()
        bad = "no error"
    except redis.ResponseError as error:
        bad = str(error)
    return {"transaction": transaction, "plain": plain, "bad": bad, "left": hub.xlen("py/bad")}


def take(subscription, count):
    """The next COUNT messages and confirmations."""
    taken = []
    while len(taken) < count:
        message = subscription.get_message(timeout=20)
        if message is None:
            raise SystemExit(f"no message in time, after {taken}")
        taken.append([message[field] for field in ("type", "pattern", "channel", "data")])
    return taken


def subscriptions(hub):
    subscription = hub.pubsub()
    subscription.subscribe("py/s")
    subscription.psubscribe("py/p/*")
    confirmed = take(subscription, 2)
    hub.publish("py/s", "a")
    hub.publish("py/p/x", "b")
    messages = take(subscription, 2)
    subscription.close()
    return {"confirmed": confirmed, "messages": messages}


def main():
    hub = connect()
    info = hub.client_info()
    print(json.dumps({
        "ping": hub.ping(),
        "name": info["name"],
        "omem": info["omem"],
        "role": hub.info()["role"],
        "listed": len(hub.client_list()),
        **publish_and_read(hub),
        **pipelines(hub),
        **subscriptions(hub),
    }))


main()
