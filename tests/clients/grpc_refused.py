"""A gRPC client that says with which status its call fails. Argument: the address."""

import sys

import grpc

with grpc.insecure_channel(sys.argv[1], [("grpc.enable_http_proxy", 0)]) as channel:
    try:
        channel.unary_unary("/test.Echo/Unary")(b"hello", timeout=10)
        print("OK", flush=True)
    except grpc.RpcError as error:
        print(error.code().name, flush=True)
    sys.stdin.readline()
