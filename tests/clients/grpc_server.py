"""A gRPC server without generated code: messages are bytes. Prints its port. Argument: its name."""

import sys
from concurrent import futures

import grpc


def main(name):
    def unary(message, context):
        if message == b"refuse":
            context.set_trailing_metadata([("why", "told-to")])
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")
        return name + b":" + message

    def stream(message, _):
        for number in range(int(message)):
            yield name + b":%d" % number

    def chat(messages, _):
        for message in messages:
            yield name + b":" + message

    methods = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", methods)])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    # Until nobody needs it any more.
    sys.stdin.read()
    server.stop(None)


main(sys.argv[1].encode())
