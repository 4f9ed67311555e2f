"""What a hostile program asks of a proxy: ``python requests.py`` reads {name: text}, sends each, prints the answers.

Stands alone: it is copied to where it runs. ``PROXY`` in its input says where.
"""

import json
import socket
import sys

if __name__ == "__main__":
    told = json.load(sys.stdin)
    for name, lines in told["requests"].items():
        try:
            with socket.create_connection(("127.0.0.1", told["proxy"]), 5) as sock:
                sock.settimeout(5)
                sock.sendall(lines[0].encode())
                answer = sock.recv(2000)
                for line in lines[1:]:
                    sock.sendall(line.encode())
                print(name, answer.split(b"\r\n")[0], flush=True)
        except OSError as error:
            print(name, "held:", type(error).__name__, error, flush=True)
    print("tried all", flush=True)
