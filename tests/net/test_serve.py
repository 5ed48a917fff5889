#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve http, echo and print, as programs of the Linux kernel's TCP find them: curl, python, nc,
socat, wrk."""

import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

ESTAB = os.environ.get("ESTAB", "build/estab")
ROOT = pathlib.Path(os.environ.get("ESTAB_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
PATIENCE = 200
MEGABYTES = 50


def run(*words, **options):
    return subprocess.run([ESTAB, *words], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, **options)


def forbidden():
    """A sentence, if there can be no kernel peer here."""
    done = run("serve", "print", "--", "true")
    return done.stderr.strip() if done.returncode == 4 else None


def in_use(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def need(case, *programs):
    for program in programs:
        if not shutil.which(program):
            case.skipTest(f"no {program} here")


class Case(unittest.TestCase):
    ip, client = (), "10.11.0.101"

    def serve(self, *words, code=0):
        """One run whose command must succeed; its output, and its lines of the log."""
        done = run("serve", *self.ip, *words)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertNotIn("has ended with exit code", done.stderr)
        return done

    def python(self, service, script, *words):
        """The same for a script of python at the kernel's end; the log as objects."""
        prelude = "import socket, struct, sys, threading, time\n"
        done = self.serve(service, "--json", *words, "--", "python3", "-c", prelude + script)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertTrue(all(row["schema"] == "estab.serve/1" for row in rows))
        return rows


# ---- http ---------------------------------------------------------------------------------------

# What curl is given beside the address, and what it writes: body, then status and content type.
CURLS = [
    ("http://server:8080/hello", "Hello World!|200"),
    ("http://server:8080/info?name=N&age=7", "hello, I'm N and 7 years old.|200"),
    ("-G http://server:8080/info --data-urlencode name=张三 --data-urlencode age=7%",
     "hello, I'm 张三 and 7% years old.|200"),
    ("http://server:8080/form -d username=U -d password=P", "I'm U and my password is P.|200"),
    ("http://server:8080/form --data-urlencode username=a&b=c+d -d password=",
     "I'm a&b=c+d and my password is .|200"),
    ("http://server:8080/form -H Transfer-Encoding:chunked -d username=U -d password=P",
     "I'm U and my password is P.|200"),
    ("http://server:8080/form -H Expect:100-continue -d username=U -d password=P",
     "I'm U and my password is P.|200"),
    ("--http1.0 http://server:8080/hello", "Hello World!|200"),
    ("--http2 http://server:8080/hello", "Hello World!|200"),
    ("http://server:8080/info?age=7",
     "name is missing in the query; expected GET /info?name=N&age=A\n|400"),
    ("http://server:8080/form -d username=U",
     "password is missing in the form; expected POST /form with the body "
     "username=U&password=P\n|400"),
    ("http://server:8080/form -F username=U -F password=P",
     "the Content-Type of the body must be application/x-www-form-urlencoded\n|415"),
    ("http://server:8080/hello -d x", "/hello does not take POST; expected GET /hello\n|405"),
    ("http://server:8080/hello -X BREW",
     "the methods known here are GET, HEAD, OPTIONS and POST\n|501"),
]

WGET_LIKE = """
import http.client
c = http.client.HTTPConnection("server", 8080, timeout=60)
for i in range(3):
    c.request("GET", "/info?name=a%20b&age=3")
    a = c.getresponse()
    assert (a.status, a.read()) == (200, b"hello, I'm a b and 3 years old."), a.status
c.request("HEAD", "/hello")
a = c.getresponse()
assert (a.status, a.getheader("Content-Length"), a.read()) == (200, "12", b"")
c.request("DELETE", "/form")
a = c.getresponse()
assert (a.status, a.getheader("Allow")) == (405, "POST, OPTIONS"), a.getheaders()
a.read()
c.request("GET", "/nowhere")
a = c.getresponse()
assert a.status == 404 and b"there is no page '/nowhere' here" in a.read()
"""

IN_SEGMENTS = """
s = socket.create_connection(("server", 8080), 60)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for piece in (b"POST /form HTTP/1.1\\r\\nHost: s\\r\\nContent-Length: 21\\r\\n", b"\\r\\nuser",
              b"name=U&passw", b"ord=P"):
    s.sendall(piece)
    time.sleep(0.05)
assert s.recv(1000).endswith(b"\\r\\n\\r\\nI'm U and my password is P.")
"""

TOO_LARGE = """
s = socket.create_connection(("server", 8080), 60)
s.sendall(b"POST /form HTTP/1.1\\r\\nHost: s\\r\\nContent-Length: 3000000\\r\\n\\r\\n")
s.sendall(bytes(1000000))
s.shutdown(socket.SHUT_WR)
got = b""
while piece := s.recv(65536):
    got += piece
assert got.startswith(b"HTTP/1.1 413 ") and got.count(b"HTTP/1.1") == 1, got
s = socket.create_connection(("server", 8080), 60)
s.sendall(b"GET /hello HTTP/1.1\\r\\nHost: s\\r\\nX: " + b"x" * 20000)
assert s.recv(1000).startswith(b"HTTP/1.1 431 ")
"""


class Http(Case):
    def test_curl(self):
        need(self, "curl")
        script = "".join(
            "curl -sS --noproxy '*' --max-time 60 -w '|%{http_code}@@' " +
            " ".join(f"'{word}'" for word in words.split()) + " || exit\n" for words, _ in CURLS)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "answers"
            done = self.serve("http", "--", "sh", "-c", f"{{ {script} }} > {path}")
            answers = path.read_text().split("@@")[:-1]
        self.assertEqual(answers, [answer for _, answer in CURLS])
        self.assertEqual(done.stdout.count("\n"), len(CURLS))
        self.assertRegex(done.stdout, rf'(?m)^\d+\.\d{{6}} worker-1 {re.escape(self.client)}:\d+ '
                                      r'GET "/hello": 200 OK, 12 bytes$')

    def test_curl_keeps_a_connection(self):
        need(self, "curl")
        done = self.serve("http", "--", "curl", "-sS", "--noproxy", "*", "--max-time", "60",
                          *["http://server:8080/hello"] * 5)
        self.assertEqual(done.stdout.count("Hello World!"), 5)
        self.assertEqual(done.stdout.count(" worker-1 "), 5)

    def test_what_is_no_request(self):
        need(self, "nc")
        done = self.serve("http", "--", "sh", "-c", r"printf '\026\003\001' | nc -N server 8080")
        self.assertRegex(done.stdout, r" no request line: 400 Bad Request, \d+ bytes\n")

    def test_python_client(self):
        rows = self.python("http", WGET_LIKE)
        self.assertEqual([row["status"] for row in rows], [200] * 4 + [405, 404])
        self.assertEqual({row["worker"] for row in rows}, {"worker-1"})
        self.assertEqual([row["method"] for row in rows], ["GET"] * 3 + ["HEAD", "DELETE", "GET"])

    def test_a_body_in_segments(self):
        rows = self.python("http", IN_SEGMENTS)
        self.assertEqual([(row["target"], row["status"]) for row in rows], [("/form", 200)])

    def test_what_is_too_large(self):
        rows = self.python("http", TOO_LARGE)
        self.assertEqual([row["status"] for row in rows], [413, 431])

    def test_wrk_with_100_connections(self):
        need(self, "wrk")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "wrk"
            done = self.serve("http", "--json", "--", "sh", "-c",
                              "wrk -t 2 -c 100 -d 2s --timeout 60s http://server:8080/hello"
                              f" > {path}")
            said = path.read_text()
        self.assertNotIn("Socket errors", said)
        self.assertNotIn("Non-2xx", said)
        requests = int(re.search(r"(\d+) requests in", said)[1])
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        answered = [row for row in rows if row["event"] == "request"]
        self.assertGreaterEqual(len(answered), requests)
        self.assertEqual({row["status"] for row in answered}, {200})
        self.assertEqual(len({row["worker"] for row in answered}), 100)


# ---- echo ---------------------------------------------------------------------------------------

HALF_CLOSE = """
import hashlib, os
text = os.urandom(1 << 20)
s = socket.create_connection(("server", 7777), 120)
def give():
    for i in range(%d):
        s.sendall(text)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=give)
t.start()
got, n = hashlib.sha256(), 0
while piece := s.recv(1 << 18):
    got.update(piece)
    n += len(piece)
t.join()
assert n == %d << 20, n
assert got.digest() == hashlib.sha256(text * %d).digest()
"""


class Echo(Case):
    def test_netcat_and_socat(self):
        need(self, "nc", "socat")
        text = "".join(f"line {i}\n" for i in range(20000))
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "in").write_text(text)
            done = self.serve("echo", "--", "sh", "-ec", f"cd {folder}\n"
                              "nc -N server 7777 <in >nc\n"
                              "socat -t 60 - TCP:server:7777 <in >socat")
            self.assertEqual((folder / "nc").read_text(), text)
            self.assertEqual((folder / "socat").read_text(), text)
        self.assertEqual(done.stdout.count("closed after the peer; "
                                           f"{len(text)} bytes came and went back"), 2)

    def test_much_and_a_half_close(self):
        rows = self.python("echo", HALF_CLOSE % ((MEGABYTES,) * 3))
        self.assertEqual([row["bytes"] for row in rows], [MEGABYTES << 20])

    def test_a_bad_wire(self):
        rows = self.python("echo", HALF_CLOSE % (1, 1, 1), "--seed", "1", "--impair",
                           "delay 1ms loss 0.2% reorder 1% 3ms duplicate 0.2%")
        self.assertEqual([(row["event"], row["bytes"]) for row in rows], [("closed", 1 << 20)])

    def test_more_than_there_are_workers(self):
        rows = self.python("echo", """
all = [socket.create_connection(("server", 7777), 120) for i in range(300)]
for i, s in enumerate(all):
    s.sendall(b"%d" % i)
for i, s in enumerate(all):
    assert s.recv(100) == b"%d" % i, i
    s.close()
""")
        self.assertEqual([(row["workers"], row["backlog"]) for row in rows
                          if row["event"] == "full"][:1], [(256, 128)])
        self.assertEqual(len([row for row in rows if row["event"] == "closed"]), 300)


# ---- print --------------------------------------------------------------------------------------

class Print(Case):
    def test_a_worker_for_each_connection(self):
        rows = self.python("print", """
two = [socket.create_connection(("server", 8888), 60) for i in range(2)]
for i, s in enumerate(two):
    s.sendall(b"I am %d" % i)
for s in two:
    s.shutdown(socket.SHUT_WR)
    assert s.recv(1) == b""
""")
        for i in range(2):
            mine = [row for row in rows if row["worker"] == f"worker-{i + 1}"]
            self.assertEqual([row["event"] for row in mine], ["opened", "received", "closed"])
            self.assertEqual(mine[1]["text"], f"I am {i}")

    def test_a_reset(self):
        rows = self.python("print", """
s = socket.create_connection(("server", 8888), 60)
s.sendall(b"x")
time.sleep(0.2)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
""")
        self.assertEqual((rows[-1]["event"], rows[-1]["how"]),
                         ("closed", "Connection reset by peer"))

    def test_leave_open(self):
        """The kernel's own list says FIN-WAIT-2, ours CLOSE-WAIT, until Ctrl-C."""
        script = ("import socket, subprocess, sys\n"
                  "s = socket.create_connection(('server', 8888), 60)\n"
                  "s.shutdown(socket.SHUT_WR)\n"
                  "while 'FIN-WAIT-2' not in subprocess.check_output(['ss', '-Htan'], text=True):\n"
                  "    pass\n"
                  "print('the kernel: FIN-WAIT-2', flush=True)\n"
                  "assert s.recv(1) == b''\n"
                  "print('closed', flush=True)\n")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder.name}
        process = Interrupts.start(self, "print", "--leave-open", "-v", "--", "python3", "-c",
                                   script, env=environment)
        seen = Interrupts.read_until(self, process, "the kernel: FIN-WAIT-2")
        if "left open, in CLOSE-WAIT" not in seen:
            seen += Interrupts.read_until(self, process, "left open, in CLOSE-WAIT")
        rows = map(json.loads, run("netstat", "--json", env=environment).stdout.splitlines())
        self.assertEqual({(row["stack"], row["state"]) for row in rows
                          if ":8888" in row.get("local", "") + row.get("remote", "")},
                         {("estab", "CLOSE-WAIT"), ("kernel", "FIN-WAIT-2")})
        self.assertIn("ESTABLISHED -> CLOSE-WAIT (by rcv FIN", seen)
        self.assertNotIn("LAST-ACK", seen)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("closing with FIN", err)
        self.assertIn("CLOSE-WAIT -> LAST-ACK (by CLOSE", out)


# ---- the end ------------------------------------------------------------------------------------

class Interrupts(Case):
    def start(self, *words, **options):
        return subprocess.Popen([ESTAB, "serve", *words], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def read_until(self, process, what):
        seen = ""
        for line in process.stdout:
            seen += line
            if what in line:
                return seen
        self.fail(seen + process.stderr.read())

    IDLE = ("import socket, struct\n"
            "s = socket.create_connection(('server', 8080), 60)\n"
            "s.sendall(b'GET /hello HTTP/1.1\\r\\nHost: s\\r\\n\\r\\n')\n"
            "while not s.recv(1000).endswith(b'Hello World!'):\n"
            "    pass\n")

    def test_ctrl_c_closes_with_fin(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("http", "--", "python3", "-c", self.IDLE +
                                 "assert s.recv(1) == b''\nprint('FIN')\n")
            self.read_until(process, '"/hello": 200 OK')
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn("FIN", out)

    def test_a_second_one_resets(self):
        process = self.start("http", "-v", "--", "python3", "-c", self.IDLE +
                             "assert s.recv(1) == b''\nprint('FIN', flush=True)\n"
                             "import time; time.sleep(60)\n")
        self.read_until(process, '"/hello": 200 OK')
        process.send_signal(signal.SIGINT)
        self.read_until(process, "FIN-WAIT-1 -> FIN-WAIT-2")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("FIN-WAIT-2 -> CLOSED (by ABORT", out)
        self.assertIn("[RST", out)

    def test_nobody_is_there(self):
        process = self.start("print", "--", "sleep", "60")
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (130, ""))


class Alone(Case):
    """Without a command a built-in client says one thing."""

    def test_each_service(self):
        for service, line in (("http", '"/hello": 200 OK'), ("echo", "6 bytes came and went back"),
                              ("print", 'received 6 bytes: "hello\\n"')):
            done = self.serve(service, "--on", "kernel")
            self.assertIn(line, done.stdout)
            self.assertIn("a built-in client connects", done.stderr)

    def test_a_port_and_an_address(self):
        done = self.serve("echo", "99", "--on", "kernel", "--ip", "192.0.2.9/24")
        self.assertIn("echo is served on 192.0.2.9:99", done.stderr)

    def test_there_is_no_such_program(self):
        done = self.serve("http", "--", "no-such-program", code=2)
        self.assertIn("there is no program 'no-such-program'", done.stderr)


class Wire(Case):
    """On a wire another estab comes; what we leave open there is carried on."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}

    def tearDown(self):
        run("wire", "down", env=self.environment)
        self.folder.cleanup()

    def start(self, *words):
        return subprocess.Popen([ESTAB, *words], stdin=subprocess.DEVNULL, text=True,
                                env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def hosts(self, service, *commands):
        """A server, and commands on a kernel host; what these wrote, and the server's objects."""
        path = pathlib.Path(self.folder.name) / "log"
        with path.open("w") as log:
            server = subprocess.Popen([ESTAB, "serve", service, "--json"], text=True, stdout=log,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      env=self.environment)
            self.assertIn("also known as server, on wire lab", server.stderr.readline())
            done = [run("host", "vm", "--", *words, env=self.environment) for words in commands]
            server.send_signal(signal.SIGINT)
            _, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 130, err)
        self.assertNotIn("inferred", err) # of packets nothing is told
        for one in done:
            self.assertEqual(one.returncode, 0, one.stderr)
        return ([one.stdout for one in done],
                [json.loads(line) for line in path.read_text().splitlines()])

    def test_http_from_a_host(self):
        need(self, "curl")
        said, rows = self.hosts(
            "http", ["curl", "-sS", "--noproxy", "*", "http://server:8080/info?name=N&age=7"],
            ["curl", "-sS", "--noproxy", "*", "http://server:8080/form", "-d", "username=U", "-d",
             "password=P"], ["python3", "-c", WGET_LIKE])
        self.assertEqual(said, ["hello, I'm N and 7 years old.", "I'm U and my password is P.", ""])
        self.assertEqual([row["status"] for row in rows if row["event"] == "request"],
                         [200, 200] + [200] * 4 + [405, 404])

    def test_100_connections_from_a_host(self):
        need(self, "wrk")
        said, rows = self.hosts("http", ["wrk", "-t", "2", "-c", "100", "-d", "2s", "--timeout",
                                         "60s", "http://server:8080/hello"])
        self.assertNotIn("Socket errors", said[0])
        self.assertNotIn("Non-2xx", said[0])
        answered = [row for row in rows if row["event"] == "request"]
        self.assertGreaterEqual(len(answered), int(re.search(r"(\d+) requests in", said[0])[1]))
        self.assertEqual(len({row["worker"] for row in answered}), 100)

    def test_much_from_a_host_over_a_bad_wire(self):
        need(self, "nc", "socat")
        path = pathlib.Path(self.folder.name) / "much"
        text = os.urandom(1 << 20) * MEGABYTES
        path.write_bytes(text)
        digest = hashlib.sha256(text).hexdigest()
        said, rows = self.hosts(
            "echo", ["sh", "-c", f"head -c 1000000 {path} | socat -t 60 - TCP:server:7777 | wc -c"],
            ["sh", "-c", f"exec '{pathlib.Path(ESTAB).absolute()}' wire set "
                         "delay 1ms loss 0.1% reorder 0.1% 2ms duplicate 0.1%"],
            ["sh", "-c", f"nc -N server 7777 <{path} | sha256sum"])
        self.assertEqual(said[0].strip(), "1000000")
        self.assertEqual(said[2].split()[0], digest)
        self.assertEqual([row["bytes"] for row in rows], [1000000, len(text)])

    def test_both_ends_states_and_what_is_left(self):
        server = self.start("serve", "print", "--json", "--msl", "0.5")
        self.assertIn("also known as server, on wire lab", server.stderr.readline())
        client = self.start("connect", "localhost", "8888", "--hold", "never")
        self.assertEqual(json.loads(server.stdout.readline())["event"], "opened")
        while "server: SYN-RECEIVED -> ESTABLISHED" not in client.stdout.readline():
            pass
        server.send_signal(signal.SIGINT)
        while "server: ESTABLISHED -> FIN-WAIT-1 (by CLOSE" not in client.stdout.readline():
            pass
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=PATIENCE)
        self.assertIn("server: FIN-WAIT-2 -> TIME-WAIT", out)
        out, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 130, err)
        self.assertRegex(err, "wire lab carries on what is left: 1 in (TIME-WAIT|FIN-WAIT-2)")
        self.assertEqual(json.loads(out)["how"], "closed, as the server ends")

    def test_a_browser_comes_through_publish(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = self.start("serve", "http", "--publish", str(port))
        self.assertIn(f"127.0.0.1:{port} of this machine reaches server, port 8080",
                      server.stderr.readline())
        server.stderr.readline()
        browser = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(3):
            browser.request("GET", "/info?name=N&age=7")
            answer = browser.getresponse()
            self.assertEqual((answer.status, answer.read()),
                             (200, b"hello, I'm N and 7 years old."))
        browser.close()
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 130, err)
        self.assertEqual(out.count(" worker-1 "), 3)

    def test_the_wire_goes_down(self):
        server = self.start("serve", "http")
        server.stderr.readline()
        run("wire", "down", env=self.environment)
        _, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 1, err)
        self.assertIn("the hub of wire lab has ended", err)


class OverIpv6(Case):
    """The same over IPv6."""
    ip, client = ("--ip", "fd11::1/64"), "[fd11::65]"
    test_curl = Http.test_curl
    test_python_client = Http.test_python_client
    test_a_body_in_segments = Http.test_a_body_in_segments
    test_a_bad_wire = Echo.test_a_bad_wire
    test_a_worker_for_each_connection = Print.test_a_worker_for_each_connection


if __name__ == "__main__":
    REASON = forbidden()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main()
