# `pyro tree --interactive` in a terminal of the kernel's: keys in, what is drawn out, and the terminal afterwards as it was before.
#
# usage: check_interactive.py PYRO PROFILE, the rideshare's golden one
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

pyro, profile = sys.argv[1:3]
failed = False
PATIENCE = 30  # seconds


def check(good, what, text=""):
    global failed
    if not good:
        failed = True
        print("FAIL tree --interactive:", what, repr(text))


class Terminal:
    def __init__(self, *arguments, lines=24, columns=100, stdin=None, **environment):
        self.ours, self.its = pty.openpty()
        self.resize(lines, columns)
        self.before = termios.tcgetattr(self.its)
        self.all = b""
        self.process = subprocess.Popen(
            [pyro, "tree", *arguments], stdin=stdin or self.its, stdout=self.its, stderr=self.its, env={**os.environ, "TERM": "xterm", **environment},
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0))

    def resize(self, lines, columns):
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, wait):
        if not select.select([self.ours], [], [], wait)[0]:
            return b""
        part = os.read(self.ours, 65536)
        self.all += part
        return part

    def shows(self, last_line):
        """What is drawn from the last time on that the whole screen is; its last line comes last."""
        out, end = b"", time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            out += self.read(0.1)
            self.raw = out[out.rfind(b"\x1b[2J"):].decode(errors="replace") if b"\x1b[2J" in out else ""
            text = re.sub(r"\x1b[^a-zA-Z]*[a-zA-Z]", " ", self.raw)
            if last_line in text:
                return text
        check(False, "does not come to show " + last_line, out)
        return ""

    def after(self, keys, last_line):
        os.write(self.ours, keys.encode() + b"\x0c")  # Ctrl-L: all is drawn anew
        return self.shows(last_line)

    def ended(self):
        """Its exit code and what it has said, the terminal checked."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            check(False, "does not end", self.all[-300:])
            self.process.kill()
            self.process.wait()
        while self.read(0):
            pass
        check(termios.tcgetattr(self.its) == self.before, "leaves the terminal in another mode")
        check(self.all.count(b"\x1b[?1049h") == self.all.count(b"\x1b[?1049l"), "leaves the other screen of the terminal on", self.all[-300:])
        check(self.all.count(b"\x1b[?25l") <= self.all.count(b"\x1b[?25h"), "leaves the cursor hidden", self.all[-300:])
        os.close(self.ours)
        os.close(self.its)
        return self.process.returncode, self.all.decode(errors="replace")


# Keys.
t = Terminal("-i", profile)
text = t.shows("1 of 2 rows")
check("▸ main" in text and "[no scope]" in text and "order_car" not in text, "the first screen", text)
text = t.after("l", "1 of 5 rows")
check("▾ main" in text and "▸ order_car" in text and "12,034" in text and "53.4" in text, "Right opens", text)
t.after("\x1bOB", "2 of 5 rows")  # Down, as xterm sends it
text = t.after(" ", "2 of 6 rows")
check("find nearest vehicle" in text, "Space opens", text)
text = t.after("\r", "2 of 5 rows")
check("find nearest vehicle" not in text, "Enter closes", text)
t.after("h", "1 of 5 rows")
t.after("\x1bOD", "1 of 2 rows")  # Left
text = t.after("*", "3 of 6 rows")
check("find nearest vehicle" in text and "\x1b[31m" in t.raw, "the hot path, and where the time is spent in red", t.raw)
t.after("G", "6 of 6 rows")
t.after("\x1bOH", "1 of 6 rows")  # Home
t.after("\x1b[6~", "6 of 6 rows")  # PageDown
t.after("g/order\r", "2 of 6 rows")
t.after("n", "4 of 6 rows")
t.after("N", "2 of 6 rows")
check("/bike " in t.after("/bikex\x7f", "/bike "), "the line of a search")
t.after("\x1b", "2 of 6 rows")  # given up
t.after("/nosuch\r", "no function's name contains nosuch")
check("opens the hot path" in t.after("?", "2 of 6 rows"), "the help")
text = t.after("/driver\r", "of 7 rows")
check("check_driver_availability" in text, "a search opens what is closed", text)
# Size.
t.resize(9, 50)
t.after("", "of 7 rows")  # by parts, as the change comes
text = t.after("", "of 7 rows")
check(re.search(r"\x1b\[9(;1H|d)", t.raw) and not re.search(r"\x1b\[1\d(;|d)", t.raw), "the last line is not that of the smaller terminal", t.raw)
check(re.search(r"check_\w*…\w*lability  5.08 s", text) and "calls" not in text and "check_driver_availability" in text, "a long name is not cut in its middle, with the whole one below", text)
t.resize(3, 20)
t.after("", " of 7 rows")
os.write(t.ours, b"q")
check(t.ended()[0] == 0, "q")

# Ways out.
t = Terminal("-i", profile)
t.shows("1 of 2 rows")
os.write(t.ours, b"\x1b")
check(t.ended()[0] == 0, "Esc")
t = Terminal("-i", profile)
t.shows("1 of 2 rows")
os.write(t.ours, b"/some\x03")
check(t.ended()[0] == -signal.SIGINT, "Ctrl-C does not end it by SIGINT", t.process.returncode)
t = Terminal("-i", profile)
t.shows("1 of 2 rows")
t.process.terminate()
check(t.ended()[0] != 0, "SIGTERM")

# Other input, other looks.
with open(profile, "rb") as file:
    t = Terminal("-i", "-", "--from", "order_bike", "--ascii", stdin=file, NO_COLOR="1", LC_ALL="C")
    text = t.shows("4 of 5 rows")
    check("- main" in text and "+ order_bike" in text and text.isascii(), "--ascii", text)
    check(not re.search(r"\x1b\[[34]\d", t.raw), "colours against NO_COLOR", t.raw)
    os.write(t.ours, b"q")
    check(t.ended()[0] == 0, "with a profile as standard input")

# Where it cannot be.
for arguments, environment, words in (((), {"TERM": "dumb"}, "leave -i away"), ((), {"TERM": "nosuch"}, 'does not know the terminal "nosuch"'),
                                      (("--from", "nosuch"), {}, "no function's name contains this"), (("--depth", "3"), {}, "--depth excludes --interactive")):
    code, text = Terminal("-i", profile, *arguments, **environment).ended()
    check(code == 2 and words in text.replace("\r\n", " "), f"{arguments} {environment}: does not fail with '{words}'", (code, text))

sys.exit(failed)
