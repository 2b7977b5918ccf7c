#!/usr/bin/env python3
"""What attacks cost: memory of piton before, while and after each, and how an honest client fares beside it.

Everything is on loopback, started here, bounded in count and time, and ended here. One table, in Markdown.
"""

import argparse
import multiprocessing
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

HOST = "127.0.0.1"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
# GET / http a.test, by the static table of RFC 7541.
FIELDS = bytes([0x82, 0x84, 0x86, 0x41, 6]) + b"a.test"
POST = bytes([0x83]) + FIELDS[1:]


def origin(port_pipe, seconds):
    """Answers everything; /big with 20 MiB."""
    listener = socket.create_server((HOST, 0), backlog=1024)
    port_pipe.send(listener.getsockname()[1])
    big = b"x" * (20 << 20)

    def serve(stream):
        seen = b""
        try:
            while True:
                while b"\r\n\r\n" not in seen:
                    part = stream.recv(65536)
                    if not part:
                        return
                    seen += part
                head, seen = seen.split(b"\r\n\r\n", 1)
                body = big if head.startswith(b"GET /big") else b"ok"
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            pass
        finally:
            stream.close()

    end = time.monotonic() + seconds
    listener.settimeout(1)
    while time.monotonic() < end:
        try:
            stream, _ = listener.accept()
        except TimeoutError:
            continue
        threading.Thread(target=serve, args=(stream,), daemon=True).start()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def connect(port, source=None):
    stream = socket.create_connection((HOST, port), timeout=5, source_address=(source, 0) if source else None)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def h2(port):
    stream = connect(port)
    stream.sendall(PREFACE + frame(4, 0, 0))
    return stream


class Crowd:
    """Connections that are opened again when piton closes them."""

    def __init__(self, count, opened):
        self.count, self.opened, self.streams, self.closed = count, opened, [], 0

    def fill(self, most=500):
        for _ in range(min(most, self.count - len(self.streams))):
            try:
                self.streams.append(self.opened())
            except OSError:
                return

    def tell(self, words):
        """Says a few bytes on each; those that were closed are counted and dropped."""
        alive = []
        for stream in self.streams:
            try:
                stream.setblocking(False)
                try:
                    if stream.recv(4096) == b"":
                        raise OSError
                except BlockingIOError:
                    pass
                if words:
                    stream.send(words)
                alive.append(stream)
            except BlockingIOError:
                alive.append(stream)
            except OSError:
                self.closed += 1
                stream.close()
        self.streams = alive


def dripping(first, drip, count):
    def attack(port, end):
        def opened():
            stream = connect(port)
            stream.sendall(first)
            return stream

        crowd = Crowd(count, opened)
        while time.monotonic() < end:
            crowd.fill()
            crowd.tell(drip)
            time.sleep(0.2)
        return f"{len(crowd.streams)} held, {crowd.closed} closed by piton"

    return attack


def endless_headers(port, end):
    closed = 0
    line = b"X-Fill: " + b"f" * 8000 + b"\r\n"
    while time.monotonic() < end:
        for stream in [connect(port) for _ in range(100)]:
            try:
                stream.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
                for _ in range(400):
                    stream.sendall(line)
            except OSError:
                closed += 1
            stream.close()
            if time.monotonic() > end:
                break
    return f"{closed} closed by piton, each after at most 1 MiB"


def come_and_go(port, end):
    count = 0
    while time.monotonic() < end:
        stream = connect(port)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
        count += 1
    return f"{count} connections"


def from_one_address(port, end):
    let_in = refused = 0
    held = []
    while time.monotonic() < end:
        try:
            stream = connect(port, "127.0.0.9")
            stream.sendall(GET)
            stream.settimeout(1)
            if stream.recv(100):
                let_in += 1
                held.append(stream)
            else:
                refused += 1
        except OSError:
            refused += 1
        if len(held) > 5000:
            break
    return f"{let_in} let in, {refused} refused"


def h2_flood(begin, make):
    def attack(port, end):
        connections = sent = 0
        while time.monotonic() < end:
            connections += 1
            try:
                stream = h2(port)
                stream.sendall(begin)
                number = 1
                while time.monotonic() < end:
                    batch = []
                    for _ in range(200):
                        batch.append(make(number))
                        number += 2
                    stream.sendall(b"".join(batch))
                    sent += 200
            except OSError:
                pass
        return f"{sent} frames on {connections} connections, each ended by piton"

    return attack


def big_fields(port, end):
    """Streams of 60 KiB of fields each, never finished, as many as a connection may have."""
    literal = bytes([0x00, 1]) + b"x" + bytes([0x7F, 0xE1, 0xD3, 0x03])  # a value of 60,000 bytes
    block = FIELDS + literal + b"v" * 60000
    parts = [block[at : at + 16000] for at in range(0, len(block), 16000)]
    held = []
    while time.monotonic() < end and len(held) < 20:
        try:
            stream = h2(port)
            for number in range(1, 501, 2):
                stream.sendall(frame(1, 0, number, parts[0]))
                for part in parts[1:-1]:
                    stream.sendall(frame(9, 0, number, part))
                stream.sendall(frame(9, 4, number, parts[-1]))
            held.append(stream)
        except OSError:
            pass
    time.sleep(max(0, end - time.monotonic()))
    return f"{len(held)} connections with 250 open streams each"


def slow_readers(port, end):
    held = []
    for _ in range(200):
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.connect((HOST, port))
        stream.sendall(b"GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
        held.append(stream)
    time.sleep(max(0, end - time.monotonic()))
    return f"{len(held)} answers of 20 MiB that nobody reads"


def half_handshakes(port, end):
    """ClientHellos of TLS, and then silence."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = outgoing.read()

    def opened():
        stream = connect(port)
        stream.sendall(first)
        return stream

    crowd = Crowd(2000, opened)
    while time.monotonic() < end:
        crowd.fill()
        crowd.tell(b"")
        time.sleep(0.2)
    return f"{len(crowd.streams)} held, {crowd.closed} closed by piton"


def handshakes(port, end):
    """Handshakes of TLS from beginning to end, one after the other."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    count = 0
    while time.monotonic() < end:
        with context.wrap_socket(connect(port), server_hostname="a.test"):
            count += 1
    return f"{count} handshakes by one client"


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
ATTACKS = [
    ("slow headers", "`readTimeout` 3 s", dripping(HEAD, b"X: y\r\n", 2000)),
    ("slow bodies", "`readTimeout` 3 s + 1 s", dripping(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"b", 1000)),
    ("idle connections", "`idleTimeout` 5 s", dripping(GET, b"", 4000)),
    ("endless headers", "1 MiB, then 431", endless_headers),
    ("connections that come and go", "-", come_and_go),
    ("all from one address", "`maxConnectionsPerAddress` 4100", from_one_address),
    ("answers that nobody reads", "buffers of the sockets", slow_readers),
    ("HTTP/2: rapid reset", "20 resets that wait", h2_flood(b"", lambda n: frame(1, 5, n, FIELDS) + frame(3, 0, n, struct.pack(">I", 8)))),
    ("HTTP/2: CONTINUATION without end", "header list 64 KiB", h2_flood(frame(1, 0, 1, FIELDS), lambda _: frame(9, 0, 1))),
    ("HTTP/2: empty DATA", "budget of frames", h2_flood(frame(1, 4, 1, POST), lambda _: frame(0, 0, 1))),
    ("HTTP/2: pings", "one answer at a time", h2_flood(b"", lambda _: frame(6, 0, 0, b"12345678"))),
    ("HTTP/2: settings", "one answer at a time", h2_flood(b"", lambda _: frame(4, 0, 0))),
    ("HTTP/2: 60 KiB of fields in 250 streams", "2 MiB together", big_fields),
    ("TLS: half a handshake", "`readTimeout`, at most 10 s", half_handshakes),
    ("TLS: handshakes", "-", handshakes),
]


def memory(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


class Honest(threading.Thread):
    """Four kept connections, each asking every 20 ms."""

    def __init__(self, port, seconds):
        super().__init__()
        self.port, self.end, self.times, self.failed = port, time.monotonic() + seconds, [], 0

    def run(self):
        clients = [threading.Thread(target=self.ask) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def ask(self):
        stream = None
        while time.monotonic() < self.end:
            begin = time.perf_counter()
            try:
                if stream is None:
                    stream = connect(self.port)
                stream.sendall(GET)
                answer = stream.recv(4096)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise OSError
                self.times.append(time.perf_counter() - begin)
                if b"close" in answer:
                    stream = None
            except OSError:
                self.failed += 1
                stream = None
            time.sleep(0.02)

    def told(self):
        times = sorted(self.times)
        if not times:
            return "none answered"
        at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000
        return f"{len(times)} | {self.failed} | {at(0.5):.1f} | {at(0.99):.1f}"


def attacker(attack, port, seconds, pipe):
    pipe.send(attack(port, time.monotonic() + seconds))


def start(binary, directory, origin_port):
    conf = directory / "piton.yaml"
    conf.write_text(f"""
threads: 2
log: {{level: INFO}}
upstream_keepalive_pool_size: 256
entryPoints:
  web:
    address: "{HOST}:0"
    transport:
      maxConnectionsPerAddress: 4100
      respondingTimeouts: {{readTimeout: 3s, idleTimeout: 5s}}
providers: {{file: {{filename: {directory}/dynamic.yaml}}}}
""")
    (directory / "dynamic.yaml").write_text(
        f"http: {{services: {{app: {{loadBalancer: {{sticky: {{cookie: {{name: sid}}}}, servers: [{{url: 'http://{HOST}:{origin_port}'}}]}}}}}}}}\n"
    )
    piton = subprocess.Popen([binary, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in piton.stderr:
        if "entry point listening" in line:
            port = int(line.rsplit(":", 1)[1].split()[0])
            threading.Thread(target=lambda: [None for _ in piton.stderr], daemon=True).start()
            return piton, port
    sys.exit("piton does not start")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--piton", default=os.environ.get("PITON", "target/release/piton"))
    arguments.add_argument("--seconds", type=int, default=8, help="of each attack")
    arguments.add_argument("--only", default="", help="attacks whose name has this in it")
    arguments = arguments.parse_args()
    chosen = [attack for attack in ATTACKS if arguments.only in attack[0]]
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=origin, args=(theirs, 60 + len(chosen) * (arguments.seconds * 2 + 20)), daemon=True)
    server.start()
    origin_port = mine.recv()
    print("| attack | limit | what happened | RSS before, most, after (MiB) | honest: answered | failed | p50 ms | p99 ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name, limit, attack in [("none", "-", lambda _, end: time.sleep(max(0, end - time.monotonic())) or "-")] + chosen:
        with tempfile.TemporaryDirectory() as directory:
            piton, port = start(arguments.piton, pathlib.Path(directory), origin_port)
            try:
                warm_up = Honest(port, 1)
                warm_up.start()
                warm_up.join()
                before = most = memory(piton.pid)
                mine, theirs = multiprocessing.Pipe()
                attacking = multiprocessing.Process(target=attacker, args=(attack, port, arguments.seconds, theirs), daemon=True)
                honest = Honest(port, arguments.seconds)
                attacking.start()
                honest.start()
                while honest.is_alive():
                    most = max(most, memory(piton.pid))
                    time.sleep(0.05)
                happened = mine.recv() if mine.poll(20) else "the attacker hung"
                attacking.terminate()
                attacking.join()
                time.sleep(7)
                after = memory(piton.pid)
                print(f"| {name} | {limit} | {happened} | {before:.0f}, {most:.0f}, {after:.0f} | {honest.told()} |", flush=True)
                if piton.poll() is not None:
                    sys.exit("piton ended")
            finally:
                piton.kill()
                piton.wait()
    server.terminate()


if __name__ == "__main__":
    main()
