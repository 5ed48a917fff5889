#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A browser, which knows nothing of wires, reaches `serve http --publish` on this machine's loopback:
pages, a link that is followed on the same connection, and a form that is posted."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import _peer

ESTAB = os.environ.get("ESTAB", "build/estab")
PATIENCE = 120
PORT = 8080

QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]

# Posts a form as soon as it is there.
FORM = ("<body onload='f.submit()'><form id=f method=post action='http://127.0.0.1:{port}/form'>"
        "<input name=username value=Ann&amp;Bob><input name=password value='a b'></form>")


class Browser(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.place = pathlib.Path(self.folder.name)
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name,
                            "TMPDIR": self.folder.name, "HOME": self.folder.name}
        self.server = subprocess.Popen(
            [ESTAB, "serve", "http", "--publish", str(PORT)], env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end)
        while "http is served" not in (line := self.server.stderr.readline()):
            self.assertTrue(line, "serve has ended")

    def end(self):
        self.server.send_signal(signal.SIGINT)
        self.server.communicate(timeout=PATIENCE)
        subprocess.run([ESTAB, "wire", "down"], env=self.environment, capture_output=True,
                       timeout=PATIENCE, check=True)

    def page(self, address):
        """What the browser shows."""
        done = subprocess.run(["chromium", *QUIET, f"--user-data-dir={self.place}/profile",
                               "--virtual-time-budget=10000", "--dump-dom", address],
                              env=self.environment, capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_pages(self):
        self.assertIn("Hello World!", self.page(f"http://127.0.0.1:{PORT}/hello"))
        self.assertIn("hello, I'm Ann and 7 years old.",
                      self.page(f"http://127.0.0.1:{PORT}/info?name=Ann&age=7"))
        self.assertIn("age is missing", self.page(f"http://127.0.0.1:{PORT}/info?name=Ann"))

    def test_a_form(self):
        file = self.place / "form.html"
        file.write_text(FORM.format(port=PORT), encoding="utf-8")
        for _ in range(10): # empty, if it was asked between the two pages
            if shown := self.page(f"file://{file}"):
                break
        self.assertIn("I'm Ann&amp;Bob and my password is a b.", shown)


if __name__ == "__main__":
    if not shutil.which("chromium"):
        _peer.skip("skipped: there is no chromium here")
    _peer.enter()
    unittest.main()
