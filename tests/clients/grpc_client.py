"""A gRPC client that says what it sees, a line for each thing. Argument: the address. A line on standard input is
waited for while a call stays open."""

import queue
import sys

import grpc


def say(*words):
    print(*words, flush=True)


def main(address):
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        answer, call = unary.with_call(b"hello", timeout=10)
        cookie = dict(call.initial_metadata())["set-cookie"].split(";")[0]
        say("unary", answer.decode(), cookie.split("=")[0], call.code().name)
        session = [("cookie", cookie)]

        stream = channel.unary_stream("/test.Echo/Stream")(b"1000", metadata=session, timeout=10)
        messages = [message.decode() for message in stream]
        say("stream", len(messages), messages[0], messages[-1], stream.code().name)

        try:
            unary(b"refuse", metadata=session, timeout=10)
        except grpc.RpcError as error:
            say("refused", error.code().name, error.details(), dict(error.trailing_metadata()).get("why"))

        to_say = queue.SimpleQueue()
        chat = channel.stream_stream("/test.Echo/Chat")(iter(to_say.get, None), metadata=session, timeout=20)
        to_say.put(b"before")
        say("chat", next(chat).decode())
        sys.stdin.readline()
        to_say.put(b"after")
        say("chat", next(chat).decode())
        to_say.put(None)
        say("chat", len(list(chat)), chat.code().name)

        # Another call, and another connection: the same session.
        say("unary", unary(b"again", metadata=session, timeout=10).decode())
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]) as channel:
        say("unary", channel.unary_unary("/test.Echo/Unary")(b"anew", metadata=session, timeout=10).decode())


main(sys.argv[1])
