"""The independent checker (checker.mjs), in a process of its own that stays for the whole run.

It is asked after every fault, and answers while the next ones are made: the pipeline shall wait for
nobody. What it finds is put down to the fault after which it was asked; an alert that a subscriber
lacks, to the one after which it was lacked first, though it is called lost only when he has read the
alert log since.
"""

import json
import pathlib
import queue
import subprocess
import threading

import record

HERE = pathlib.Path(__file__).resolve().parent
MARGIN_US = 3_000_000  # an alert may still be on its way to the alert log for so long


class Checker:
    """tell(fault, text) is called, from a thread, for each violation."""

    def __init__(self, run, tell):
        self.tell = tell
        self.errors = open(run / "log/checker.log", "ab")
        self.child = subprocess.Popen(
            ["node", str(HERE / "checker.mjs"), str(run), "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.rows = self.alerts = 0
        self.seconds = 0.0
        self.recovered_us = [0, 0]
        self.failed = False
        self.questions = queue.Queue()
        self.asker = threading.Thread(target=self._ask_all, daemon=True)
        self.asker.start()

    def after(self, fault):
        """The pipeline has recovered from it. What was received before the last recovery but one is
        published and in the alert log by now; younger alerts may still be on their way there."""
        now_us = record.now_us()
        settled_us = min(self.recovered_us.pop(0), now_us - MARGIN_US)
        self.recovered_us.append(now_us)
        if settled_us > 0:
            self.questions.put({"check": settled_us, "now": now_us, "after": fault})

    def idle(self):
        """True: it reads nothing just now."""
        return self.questions.unfinished_tasks == 0

    def final(self):
        """All is calm, everything has arrived; waits for the answer."""
        self.questions.put({"final": True, "after": "at the end"})
        self.close()
        self.asker.join()

    def close(self):
        """After the questions that it has got."""
        self.questions.put(None)

    def summary(self):
        return f"{self.rows} rows and {self.alerts} alerts checked in {self.seconds:.0f} s"

    def _ask_all(self):
        for question in iter(self.questions.get, None):
            if not self.failed:
                self._ask(question)
            self.questions.task_done()
        self.child.stdin.close()
        self.child.wait()
        self.errors.close()

    def _ask(self, question):
        try:
            self.child.stdin.write(json.dumps(question) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"cannot": "it ended by itself; see log/checker.log"}
        if "cannot" in answer:
            self.failed = True
            self.tell(question["after"], f"the checker cannot check: {answer['cannot']}")
            return
        self.rows, self.alerts = answer["rows"], answer["alerts"]
        self.seconds += answer["seconds"]
        for found in answer["violations"]:
            self.tell(found["after"], found["text"])
