"""The independent checker (checker.mjs), in a process of its own that stays for the whole run."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


class Checker:
    """Reads only the stage and what clients received; told what must have arrived by now."""

    def __init__(self, run):
        self.errors = open(run / "log/checker.log", "ab")
        self.child = subprocess.Popen(
            ["nice", "-n", "5", "node", str(HERE / "checker.mjs"), str(run), "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.rows = self.alerts = 0
        self.seconds = 0.0

    def _ask(self, **question):
        try:
            self.child.stdin.write(json.dumps(question) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return ["the checker ended by itself; see log/checker.log"]
        answer = json.loads(line)
        if "cannot" in answer:
            return [f"the checker cannot check: {answer['cannot']}"]
        self.rows, self.alerts = answer["rows"], answer["alerts"]
        self.seconds += answer["seconds"]
        return answer["violations"]

    def check(self, settled_us):
        return self._ask(check=settled_us)

    def final(self):
        return self._ask(final=True)

    def close(self):
        if self.child.stdin.closed:
            return
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self.errors.close()
