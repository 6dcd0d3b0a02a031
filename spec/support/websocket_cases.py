"""A real client against an echo service: one line for each case, "ok NAME" or "FAILED NAME: why".

    python3 websocket_cases.py ws://127.0.0.1:8080/echo ws://127.0.0.1:8080/deflate

The sections are those of Autobahn's list: 1 framing, 2 pings, 3 reserved bits, 4 opcodes,
5 fragments, 6 UTF-8, 7 closing, 9 large messages, 10 messages in pieces, 12 and 13 compression.
"""
import asyncio
import struct
import sys

import websockets
from websockets.extensions import permessage_deflate

TIMEOUT_S = 20
MASK = b"\x11\x22\x33\x44"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10


def frame(first, payload=b"", mask=MASK):
    size = len(payload)
    bit = 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + (mask or b"") + payload


def echoes(message):
    async def case(socket):
        await socket.send(message)
        answer = await socket.recv()
        assert answer == message, f"got {len(answer)} of {len(message)}"
    return case


def echoes_frames(frames, *expected):
    async def case(socket):
        socket.transport.write(b"".join(frames))
        for message in expected:
            answer = await socket.recv()
            assert answer == message, f"got {answer!r}"
    return case


def fails(code, *frames):
    """The host closes with this code, after whatever it echoes before."""
    async def case(socket):
        socket.transport.write(b"".join(frames))
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed:
            pass
        assert socket.close_code == code, f"closed with {socket.close_code}"
    return case


def closes(payload, code):
    return fails(code, frame(FINAL | CLOSE, payload))


async def pings(socket):
    for payload in (b"", b"Hello", b"\xff\xfe", b"x" * 125):
        await asyncio.wait_for(await socket.ping(payload), TIMEOUT_S)


async def many_pings(socket):
    for waiter in [await socket.ping(b"%d" % i) for i in range(10)]:
        await asyncio.wait_for(waiter, TIMEOUT_S)


async def messages_in_pieces(socket):
    await socket.send(["x" * 1300] * 50)
    answer = await socket.recv()
    assert answer == "x" * 65000


async def in_order(socket):
    for i in range(200):
        await socket.send(f"message {i}")
    for i in range(200):
        assert await socket.recv() == f"message {i}"


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


GREETING = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!"
TEXT_SIZES = (0, 125, 126, 127, 128, 65535, 65536)


def framing_cases():
    for size in TEXT_SIZES:
        yield f"1.1 text of {size}", echoes("*" * size)
        yield f"1.2 bytes of {size}", echoes(b"\xfe" * size)


def control_cases():
    yield "2 pings with payloads", pings
    yield "2 ten pings at once", many_pings
    yield "2 a ping of 126 bytes", fails(1002, frame(FINAL | PING, b"x" * 126))
    yield "2 a pong nobody asked for", echoes_frames(
        [frame(FINAL | PONG, b"x"), frame(FINAL | TEXT, b"after")], "after")
    for bit in (RSV1, RSV2, RSV3):
        for opcode in (TEXT, PING, CLOSE):
            yield f"3 reserved bit {bit:#x} of opcode {opcode}", fails(
                1002, frame(FINAL | TEXT, b"before"), frame(FINAL | bit | opcode))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"4 opcode {opcode}", fails(1002, frame(FINAL | opcode, b"x"))
    yield "4 a frame without mask", fails(1002, frame(FINAL | TEXT, b"x", None))


def fragment_cases():
    begin, middle, end = (frame(TEXT, b"one "), frame(CONTINUATION, b"two "),
                          frame(FINAL, b"three"))
    ping = frame(FINAL | PING, b"between")
    yield "5 a ping in fragments", fails(1002, frame(PING, b"x"), frame(FINAL, b"y"))
    yield "5 three fragments", echoes_frames([begin, middle, end], "one two three")
    yield "5 pings between fragments", echoes_frames([begin, ping, middle, ping, end],
                                                     "one two three")
    yield "5 empty fragments", echoes_frames(
        [frame(TEXT), frame(CONTINUATION), frame(FINAL)], "")
    yield "5 a continuation of nothing", fails(1002, middle)
    yield "5 an end of nothing", fails(1002, end)
    yield "5 a text within a message", fails(1002, begin, frame(FINAL | TEXT, b"x"))
    yield "5 an end after the end", fails(1002, begin, end, end)


INVALID_TEXTS = (b"\x80", b"\xbf", b"\xc0\xaf", b"\xc3", b"\xe0\x80\xaf", b"\xed\xa0\x80",
                 b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"ok\xce\xba\xe1")
VALID_TEXTS = (GREETING, "\u0000", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000",
               "\U0010ffff")


def text_cases():
    for text in VALID_TEXTS:
        yield f"6 text {text!a}", echoes(text)
        pieces = [bytes([byte]) for byte in text.encode()]
        frames = ([frame(TEXT)] + [frame(CONTINUATION, piece) for piece in pieces]
                  + [frame(FINAL)])
        yield f"6 text {text!a}, byte by byte", echoes_frames(frames, text)
    for bytes_ in INVALID_TEXTS:
        yield f"6 no text {bytes_!r}", fails(1007, frame(FINAL | TEXT, bytes_))
        yield f"6 no text {bytes_!r} in fragments", fails(
            1007, frame(TEXT, b"begin "), frame(FINAL, bytes_))
    yield "6 no text, told before its end", fails(1007, frame(TEXT, b"\xff"))


def close_cases():
    yield "7 without a code", closes(b"", 1005)
    yield "7 half a code", closes(b"\x03", 1002)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield f"7 code {code}", closes(close_payload(code, b"reason"), code)
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f"7 no code {code}", closes(close_payload(code), 1002)
    yield "7 the longest reason", closes(close_payload(1000, b"x" * 123), 1000)
    yield "7 too long a reason", closes(close_payload(1000, b"x" * 124), 1002)
    yield "7 a reason that is no text", closes(close_payload(1000, b"\xff"), 1007)
    yield "7 a message after the close", fails(
        1000, frame(FINAL | CLOSE, close_payload(1000)), frame(FINAL | TEXT, b"late"))
    yield "7 a ping after the close", fails(
        1000, frame(FINAL | CLOSE, close_payload(1000)), frame(FINAL | PING, b"late"))


def large_cases():
    for size in (256 * 1024, 1024 * 1024):
        yield f"9 text of {size}", echoes("*" * size)
        yield f"9 bytes of {size}", echoes(b"\0\xff" * (size // 2))
    yield "9 fragments of 64 bytes", echoes_frames(
        [frame(TEXT)] + [frame(CONTINUATION, b"x" * 64)] * 1000 + [frame(FINAL)], "x" * 64000)
    yield "9 more than the limit", fails(1009, frame(FINAL | BINARY, b"x" * (1024 * 1024 + 1)))
    yield "9 many in a row", in_order
    yield "10 pieces of 1300 bytes", messages_in_pieces


def compressed_cases():
    for size in (0, 16, 64, 1024, 65536, 131072):
        yield f"12 text of {size}", echoes((GREETING * (size // 10 + 1))[:size])
        yield f"12 bytes of {size}", echoes(bytes(i * 7 % 256 for i in range(size)))
    yield "12 pieces", messages_in_pieces
    yield "12 many in a row", in_order
    yield "12 what cannot be inflated", fails(1007, frame(FINAL | RSV1 | TEXT, b"\xff\xff\xff"))
    yield "12 a compressed continuation", fails(
        1002, frame(TEXT, b"x"), frame(FINAL | RSV1, b"y"))


OFFERS = {
    "13 as it comes": {},
    "13 neither keeps its window": {"server_no_context_takeover": True,
                                    "client_no_context_takeover": True},
    "13 the host's window of 9": {"server_max_window_bits": 9},
    "13 a client's window": {"client_max_window_bits": 10},
}


async def run(name, case, url, extensions):
    try:
        async with websockets.connect(url, compression=None, extensions=extensions, max_size=None,
                                      ping_interval=None, close_timeout=TIMEOUT_S) as socket:
            if extensions:
                assert socket.extensions, "no compression was agreed on"
            await asyncio.wait_for(case(socket), TIMEOUT_S)
    except Exception as failure:  # whatever it is, the case has failed
        print(f"FAILED {name}: {type(failure).__name__}: {failure}", flush=True)
    else:
        print(f"ok {name}", flush=True)


async def main(plain, compressed):
    for cases in (framing_cases, control_cases, fragment_cases, text_cases, close_cases,
                  large_cases):
        for name, case in cases():
            await run(name, case, plain, None)
    for offer, parameters in OFFERS.items():
        for name, case in compressed_cases():
            await run(f"{offer}: {name}", case, compressed,
                      [permessage_deflate.ClientPerMessageDeflateFactory(**parameters)])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
