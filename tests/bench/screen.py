#!/usr/bin/env python3
"""screen.py - what the screen costs, beside its goals: frames by the length of a run, attaching to long logs, and, while
training has every core, time to the first frame, from a key to its bytes, bytes to the terminal, the screen's own CPU, and
what it takes from the training. Not a test: it takes a few minutes and wants the machine to itself.

    tests/bench/screen.py [--thaw PROGRAM] [--frames PROGRAM] [--size 80x24] [--seconds 20] [--watchers 30] [--pairs 300] [PART...]

PART: frames, attach, live, slowed, watchers; all of them without one. The first two need build/test/tests/bench_screen
(cmake --preset test && ninja -C build/test bench_screen). The run is configs/medical.yaml; the screen is `thaw attach` on
a pseudo-terminal. The key is Z typed into the command line: its echo is the first Z among the bytes. One of the
watchers is stopped, as by Ctrl-S: its terminal is full, and nobody may wait for it."""
import argparse, fcntl, json, os, pty, resource, select, shutil, signal, statistics, struct, subprocess, sys, tempfile
import termios, time

root = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
parser = argparse.ArgumentParser()
parser.add_argument("--thaw", default=os.path.join(root, "build", "release", "thaw"))
parser.add_argument("--frames", default=os.path.join(root, "build", "test", "tests", "bench_screen"))
parser.add_argument("--size", default="80x24")
parser.add_argument("--seconds", type=float, default=20)
parser.add_argument("--watchers", type=int, default=30)
parser.add_argument("--pairs", type=int, default=300)
parser.add_argument("--set", default="stages.0.batch=4", help="of configs/medical.yaml: short steps by default")
parser.add_argument("parts", nargs="*", metavar="PART")
options = parser.parse_args()
width, height = map(int, options.size.split("x"))
folder = tempfile.mkdtemp()
runs = ["--runs-dir", folder]
large = width * height > 80 * 24


def tell(what, value, goal):
    print(f"{what:<26}{value:<64}goal {goal}", flush=True)


class Screen:
    def __init__(self, word):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            os.execv(options.thaw, [options.thaw, word, "medical", *runs])
        os.set_inheritable(self.fd, False)  # else the next screen holds this one's terminal open

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)

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
        return int(open(f"/proc/{self.pid}/schedstat").read().split()[0]) / 1e9

    def end(self):
        """Seconds until it is gone after its terminal is."""
        os.kill(self.pid, signal.SIGCONT)
        start = time.monotonic()
        os.close(self.fd)
        os.waitpid(self.pid, 0)
        return time.monotonic() - start


def size_of(pieces):
    return sum(len(piece) for _, piece in pieces)


class Steps:
    """Seconds of each step so far; the log is read once."""
    seconds, log, rest = [], None, ""

    @classmethod
    def read(cls):
        cls.log = cls.log or open(os.path.join(folder, "medical", "events.jsonl"))
        *lines, cls.rest = (cls.rest + cls.log.read()).split("\n")
        cls.seconds += [json.loads(line)["seconds"]["total"] for line in lines if '"type":"step"' in line]
        return cls.seconds


def thaw(verb, *words):
    subprocess.run([options.thaw, verb, *runs, *words], check=True, stdout=subprocess.DEVNULL)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def drain(screens):
    """What they have written by now, or within a tenth of a second."""
    for fd in select.select([screen.fd for screen in screens], [], [], 0.1)[0]:
        os.read(fd, 65536)


def stretch(seconds, screens):
    """Median seconds of the steps made meanwhile; a stretch lasts until there are some."""
    before, end = len(Steps.read()), time.monotonic() + seconds
    while time.monotonic() < end or len(Steps.read()) < before + 5:
        if screens:
            drain(screens)
        time.sleep(0.05)
    return statistics.median(Steps.read()[before:])


def with_and_without(pairs, seconds, open_screens):
    """Median share by which a step is longer with screens, over pairs of stretches in turn."""
    shares = []
    for _ in range(pairs):
        alone = stretch(seconds, [])
        screens = open_screens()
        shares.append(stretch(seconds, screens) / alone - 1)
        for screen in screens:
            screen.end()
    return statistics.median(shares)


def frames():
    """CPU time of a frame; `shown`: sent to a terminal as well."""
    for line in subprocess.run([options.frames], check=True, capture_output=True, text=True).stdout.splitlines():
        tell(line[:23], line[23:].strip() + " ", "1 ms" if line.lstrip().startswith("80x24") else "4 ms")


def attach():
    """A snapshot reads, folds and draws as a screen does that comes to a log."""
    for steps, goal in (100_000, "200 ms"), (1_000_000, "1000 ms"):
        name = f"long-{steps}"
        os.mkdir(os.path.join(folder, name))
        subprocess.run([options.frames, str(steps), os.path.join(folder, name, "events.jsonl")], check=True)
        walls, cpus = [], []
        for _ in range(5):
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            thaw("watch", name, "--snapshot", options.size)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            walls.append(time.monotonic() - start)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        tell(f"attach, {steps} steps", f"{1e3 * statistics.median(walls):.0f} ms, CPU "
             f"{1e3 * statistics.median(cpus):.0f} ms (medians of 5)", goal)
        shutil.rmtree(os.path.join(folder, name))


def live():
    screen = Screen("attach")
    while not screen.read(0.005):
        pass
    tell("first bytes", f"{1e3 * (time.monotonic() - screen.started):.1f} ms", "100 ms")
    screen.read(3)
    before, start = screen.cpu(), time.monotonic()
    sent = size_of(screen.read(options.seconds))
    lasted = time.monotonic() - start
    tell("steady", f"{sent / lasted / 1e3:.2f} kB/s", "10 kB/s" if large else "3 kB/s")
    tell("the screen's CPU", f"{100 * (screen.cpu() - before) / lasted:.2f} % of a core", "2 %")
    keys(screen)
    thaw("send", "medical", "pause")
    screen.read(15) # what the message row says goes by
    idle = screen.read(5)
    tell("paused", f"{size_of(idle) / 5:.1f} bytes/s", "0")
    thaw("send", "medical", "resume")
    tell("gone with its terminal", f"{1e3 * screen.end():.0f} ms", "1000 ms")


def slowed():
    """One screen stopped and going on in turn, so often that what the machine drifts by meanwhile is in both. What it
    does not read while stopped it reads afterwards: it has several times the work of a screen that is never stopped."""
    screen = Screen("attach")
    screen.read(12)  # past its start, and who is not touched for 10 s looks less often
    shares, cpu, lasted = [], 0, 0
    for pair in range(options.pairs):
        medians = {}
        for word in ("stop", "go on") if pair % 2 else ("go on", "stop"):
            os.kill(screen.pid, signal.SIGSTOP if word == "stop" else signal.SIGCONT)
            before, start = screen.cpu(), time.monotonic()
            medians[word] = stretch(0.5, [screen])
            if word == "go on":
                cpu, lasted = cpu + screen.cpu() - before, lasted + time.monotonic() - start
        shares.append(medians["go on"] / medians["stop"] - 1)
    screen.end()
    middle = statistics.median(shares)
    scatter = 1.4826 * statistics.median(abs(share - middle) for share in shares)
    error = 1.2533 * scatter / len(shares) ** 0.5  # of a median, of normal deviates
    tell("training slowed", f"{100 * middle:.2f} +- {100 * error:.2f} % (median of {len(shares)} pairs, its standard error)", "0.5 %")
    tell("what the screen takes", f"{100 * cpu / lasted / os.cpu_count():.2f} % of {os.cpu_count()} cores' time", "0.5 %")


def keys(screen):
    os.write(screen.fd, b":")
    screen.read(0.5)
    times = []
    for i in range(200):
        times.append(screen.key_time(b"Z"))
        os.write(screen.fd, b"\x7f")
        screen.read(0.05 + 0.001 * (i % 37))
    lost = times.count(None)
    times = [t for t in times if t is not None]
    tell("key to bytes, median", f"{1e3 * statistics.median(times):.1f} ms", "10 ms")
    tell("key to bytes, 99 %", f"{1e3 * percentile(times, 0.99):.1f} ms, {lost} of 200 not within a second", "50 ms")
    os.write(screen.fd, b"\x1b")
    screen.read(0.5)


def open_watchers():
    """They are past their start, and who is not touched for 10 s looks less often."""
    screens = [Screen("watch") for _ in range(options.watchers)]
    end = time.monotonic() + 12
    while time.monotonic() < end:
        drain(screens)
    screens[0].stop()
    return screens


def watchers_cpu():
    """CPU time of watchers that nobody touches: unlike a step's time it is the same beside other programs."""
    screens = open_watchers()
    before, start = sum(screen.cpu() for screen in screens), time.monotonic()
    while time.monotonic() < start + options.seconds:
        drain(screens)
    used = sum(screen.cpu() for screen in screens) - before
    share = used / (time.monotonic() - start) / os.cpu_count()
    for screen in screens:
        screen.end()
    tell(f"{options.watchers} watchers' CPU", f"{100 * share:.2f} % of {os.cpu_count()} cores' time", "1 %")


def watchers():
    watchers_cpu()
    share = with_and_without(5, options.seconds / 2, open_watchers)
    tell(f"{options.watchers} watchers", f"training slowed {100 * share:.2f} %, one of them stopped "
         "(median of 5)", "1 %")


def main():
    parts = {"frames": frames, "attach": attach, "live": live, "slowed": slowed, "watchers": watchers}
    wanted = options.parts or list(parts)
    for part in wanted:
        if part not in parts:
            sys.exit(f"screen.py: there is no part {part}: {', '.join(parts)}")
    for part in wanted:
        if part in ("live", "slowed", "watchers") and not os.path.exists(os.path.join(folder, "medical")):
            thaw("run", "medical", "--detach", "--set", "stages.0.steps=100000", "--set", options.set)
            while len(Steps.read()) < 10:
                time.sleep(0.5)
        parts[part]()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # the run is stopped then, too
try:
    main()
finally:
    if os.path.exists(os.path.join(folder, "medical")):
        subprocess.run([options.thaw, "send", *runs, "medical", "stop"], stdout=subprocess.DEVNULL)
        time.sleep(3)
    shutil.rmtree(folder, ignore_errors=True)
