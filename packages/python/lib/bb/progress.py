"""How far a task is, told to the engine: readers of a program's output, and stages with weights."""

import io
import re
import time

import bb.build
import bb.event
from tsbake import absent

# Seconds between two reports.
_PAUSE = 0.5
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\(B|[\x08\x0f]")


def filter_color(string):
    """Without the control sequences of a terminal."""
    return _COLOUR.sub("", string)


def filter_color_n(string):
    """The same, and how many of them there were."""
    return _COLOUR.subn("", string)


class ProgressHandler:
    """Stands where a file for output would, passes all of it on to `outfile`, and finds the progress in it."""

    def __init__(self, d, outfile=None):
        self._progress = None
        self._data = d
        self._outfile = outfile or io.StringIO()
        self._told = 0

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        close = getattr(self._outfile, "close", None)
        if close:
            close()

    def _fire_progress(self, taskprogress, rate=None):
        bb.event.fire(bb.build.TaskProgress(taskprogress, rate), self._data)

    def write(self, string):
        self._outfile.write(string)

    def flush(self):
        self._outfile.flush()

    def update(self, progress, rate=None):
        now = time.monotonic()
        if progress == self._progress or (now - self._told < _PAUSE and progress != 100):
            return
        self._fire_progress(progress, rate)
        self._progress, self._told = progress, now


class LineFilterProgressHandler(ProgressHandler):
    """`writeline` of a class below gets each line; one for which it answers False is kept out of the output."""

    def __init__(self, d, outfile=None):
        super().__init__(d, outfile)
        self._rest = ""

    def write(self, string):
        *lines, self._rest = (self._rest + string).split("\n")
        for line in lines:
            # A carriage return begins a line again: what stood there before is progress only.
            *before, last = filter_color(line).rstrip("\r").split("\r")
            for one in before:
                self.writeline(one)
            if self.writeline(last) is not False:
                super().write(last + "\n")

    def writeline(self, line):
        return True


class BasicProgressHandler(ProgressHandler):
    """The last percentage of what was written."""

    def __init__(self, d, regex=r"(\d+)%", outfile=None):
        super().__init__(d, outfile)
        self._regex = re.compile(regex)
        self._fire_progress(0)

    def write(self, string):
        found = self._regex.findall(filter_color(string))
        if found:
            self.update(int(found[-1]))
        super().write(string)


class OutOfProgressHandler(ProgressHandler):
    """So many of so many."""

    def __init__(self, d, regex, outfile=None):
        super().__init__(d, outfile)
        self._regex = re.compile(regex)
        self._fire_progress(0)

    def write(self, string):
        found = self._regex.findall(filter_color(string))
        if found and float(found[-1][1]):
            self.update(int(float(found[-1][0]) / float(found[-1][1]) * 100))
        super().write(string)


class MultiStageProgressReporter:
    """
    Stages one after the other, each with its share of the whole. `next_stage` begins the first and each that follows;
    `update` says how much of a stage is done, in percent or of the total that `next_stage` was given.
    """

    def __init__(self, d, stage_weights, debug=False):
        whole = sum(stage_weights)
        self._weights = [weight / whole for weight in stage_weights]
        self._data = d
        self._stage = -1
        self._total = None
        self._progress = 0
        self._debug = debug
        self._times = []
        self._fire_progress(0)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        pass

    def _fire_progress(self, taskprogress):
        bb.event.fire(bb.build.TaskProgress(taskprogress), self._data)

    def _show(self, progress):
        if progress > self._progress:
            self._progress = progress
            self._fire_progress(progress)

    def next_stage(self, stage_total=None):
        self._stage += 1
        self._total = stage_total
        self._times.append(time.time())
        if self._stage >= len(self._weights):
            bb.warn("progress: there are more stages than the %d that were announced" % len(self._weights))
            return
        self._show(int(100 * sum(self._weights[: self._stage])))

    def update(self, stage_progress):
        if not 0 <= self._stage < len(self._weights):
            return
        done = stage_progress / self._total if self._total else stage_progress / 100
        self._show(int(100 * (sum(self._weights[: self._stage]) + self._weights[self._stage] * min(1, done))))

    def finish(self):
        if not self._debug:
            return
        ends = [*self._times[1:], time.time()]
        spent = [end - begin for begin, end in zip(self._times, ends)]
        whole = sum(spent) or 1
        bb.warn(
            "progress: measured weights of the stages: %s"
            % ", ".join("%.2f" % (one / whole) for one in spent)
        )


class MultiStageProcessProgressReporter(MultiStageProgressReporter):
    """The same for what is no task: it has a name."""

    def __init__(self, d, processname, stage_weights, debug=False):
        self._processname = processname
        self._started = False
        super().__init__(d, stage_weights, debug)

    def start(self):
        if not self._started:
            self._started = True
            bb.event.fire(bb.event.ProcessStarted(self._processname, 100), self._data)

    def _fire_progress(self, taskprogress):
        if taskprogress or self._started:
            self.start()
            bb.event.fire(bb.event.ProcessProgress(self._processname, taskprogress), self._data)

    def finish(self):
        super().finish()
        self.start()
        bb.event.fire(bb.event.ProcessFinished(self._processname), self._data)


class DummyMultiStageProcessProgressReporter(MultiStageProgressReporter):
    """Tells nobody."""

    def __init__(self):
        super().__init__(None, [1])

    def _fire_progress(self, taskprogress, rate=None):
        pass

    def start(self):
        pass

    def next_stage(self, stage_total=None):
        pass

    def update(self, stage_progress):
        pass

    def finish(self):
        pass


__getattr__ = absent.names(__name__)
