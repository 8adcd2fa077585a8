#!/usr/bin/env python3
"""screen.py - what the screen costs while training has every core: time to the first frame, from a key to its
bytes, bytes to the terminal, the screen's own CPU, and what it takes from the training. Not a test: it takes
a few minutes and wants the machine to itself.

    tests/bench/screen.py [--thaw PROGRAM] [--size 80x24] [--seconds 20] [--watchers N]

The run is configs/medical.yaml; the screen is `thaw attach` on a pseudo-terminal. The key is Z typed into the
command line: its echo is the first Z among the bytes."""
import argparse, fcntl, json, os, pty, select, shutil, signal, statistics, struct, subprocess, tempfile
import termios, time

root = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
parser = argparse.ArgumentParser()
parser.add_argument("--thaw", default=os.path.join(root, "build", "release", "thaw"))
parser.add_argument("--size", default="80x24")
parser.add_argument("--seconds", type=float, default=20)
parser.add_argument("--watchers", type=int, default=0)
options = parser.parse_args()
width, height = map(int, options.size.split("x"))
folder = tempfile.mkdtemp()
runs = ["--runs-dir", folder]


class Screen:
    def __init__(self, word):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            os.execv(options.thaw, [options.thaw, word, "medical", *runs])

    def read(self, seconds):
        """What comes within `seconds`, with the time of each piece."""
        pieces, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    pieces.append((time.monotonic(), os.read(self.fd, 65536)))
                except OSError:
                    break
        return pieces

    def key_time(self, key):
        """Seconds from a key to the first bytes that hold it; None: not within a second."""
        start = time.monotonic()
        os.write(self.fd, key)
        while (left := start + 1 - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0] and key in os.read(self.fd, 65536):
                return time.monotonic() - start
        return None

    def cpu(self):
        """Seconds of CPU so far."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        os.kill(self.pid, signal.SIGHUP)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def size_of(pieces):
    return sum(len(piece) for _, piece in pieces)


def steps():
    """Seconds of each step so far."""
    lines = open(os.path.join(folder, "medical", "events.jsonl")).read().splitlines()
    events = [json.loads(line) for line in lines if '"type":"step"' in line and line.endswith("}")]
    return [event["seconds"]["total"] for event in events]


def thaw(verb, *words):
    subprocess.run([options.thaw, verb, *runs, *words], check=True, stdout=subprocess.DEVNULL)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def with_and_without(pairs, seconds, open_screens):
    """Median share by which a step is longer with screens, over pairs of stretches in turn."""
    shares = []
    for _ in range(pairs):
        before = len(steps())
        time.sleep(seconds)
        middle = len(steps())
        screens = open_screens()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for screen in screens:
                screen.read(0.01)
        now = steps()
        for screen in screens:
            screen.end()
        alone, seen = statistics.median(now[before:middle]), statistics.median(now[middle:])
        shares.append(seen / alone - 1)
    return statistics.median(shares)


def main():
    thaw("run", "medical", "--detach", "--set", "stages.0.steps=100000")
    while len(steps()) < 10:
        time.sleep(0.5)
    screen = Screen("attach")
    while not screen.read(0.005):
        pass
    print(f"first bytes       {1e3 * (time.monotonic() - screen.started):7.1f} ms")
    screen.read(3)
    before, start = screen.cpu(), time.monotonic()
    sent = size_of(screen.read(options.seconds))
    lasted = time.monotonic() - start
    print(f"steady            {sent / lasted / 1e3:7.2f} kB/s")
    print(f"the screen's CPU  {100 * (screen.cpu() - before) / lasted:7.2f} % of a core")
    os.write(screen.fd, b":")
    screen.read(0.5)
    times = []
    for i in range(200):
        times.append(screen.key_time(b"Z"))
        os.write(screen.fd, b"\x7f")
        screen.read(0.05 + 0.001 * (i % 37))
    lost = times.count(None)
    times = [t for t in times if t is not None]
    print(f"key to bytes      {1e3 * statistics.median(times):7.1f} ms median, "
          f"{1e3 * percentile(times, 0.99):.1f} ms 99th percentile, {lost} of 200 not within a second")
    os.write(screen.fd, b"\x1b")
    screen.read(0.5)
    thaw("send", "medical", "pause")
    screen.read(15) # what the message row says goes by
    idle = screen.read(5)
    print(f"paused            {size_of(idle) / 5:7.1f} bytes/s", *(piece for _, piece in idle[:3]))
    thaw("send", "medical", "resume")
    screen.end()
    share = with_and_without(5, options.seconds / 2, lambda: [Screen("attach")])
    print(f"training slowed   {100 * share:7.2f} % by a screen (median of 5 stretches beside one without)")
    if options.watchers:
        share = with_and_without(3, options.seconds / 2,
                                 lambda: [Screen("watch") for _ in range(options.watchers)])
        print(f"                  {100 * share:7.2f} % by {options.watchers} watchers")


try:
    main()
finally:
    subprocess.run([options.thaw, "send", *runs, "medical", "stop"], stdout=subprocess.DEVNULL)
    time.sleep(3)
    shutil.rmtree(folder, ignore_errors=True)
