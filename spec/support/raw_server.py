"""A server that answers with the bytes its client asks for: /say/HEX, and closes behind /end/HEX. /second answers
the first request of a connection, and closes without a word at the second. Prints its port."""
import socketserver


class Handler(socketserver.StreamRequestHandler):
    connections = 0

    def handle(self):
        Handler.connections += 1
        is_first = True
        while True:
            line = self.rfile.readline().decode("latin-1")
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            if not line:
                return
            verb, _, rest = line.split(" ")[1][1:].partition("/")
            if verb == "second" and not is_first:
                return
            is_first = False
            body = b"%d" % Handler.connections
            plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            self.wfile.write(bytes.fromhex(rest) if rest else plain)
            if verb == "end":
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
