"""The simulator is not blind: every mutant of mutants.py is found within 1,000 seeds.

A mutant is found by a seed that fails with it and not without it. The seed that found it last is
tried first; if it does not any more, all of them from 1 on, until one does. Two run at a time. A
mutant that is called harmless must do no more harm than the product in HARMLESS_SEEDS seeds.

    mutants_test.py FOLDER_OF_PROGRAMS [NAME...]
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import mutants  # noqa: E402

SEEDS_MOST = 1000
HARMLESS_SEEDS = 60
AT_A_TIME = 2
SEEN_TEXT = 90  # of what is shown in the table
FAILED = re.compile(r"^seed (\d+): (.*)$", re.M)

# What no mutant does: if it is seen, another seed has to show what is wrong.
BESIDE_THE_POINT = re.compile(r"the quarantine has")


class Simulator:
    def __init__(self, program):
        self.program = program

    def failures(self, *words):
        """Seeds that fail, with what was seen."""
        run = subprocess.run([self.program, *words, "--jobs", "1"], capture_output=True, text=True)
        found = [(int(seed), seen) for seed, seen in FAILED.findall(run.stdout)]
        if run.returncode not in (0, 1) or (run.returncode == 1) != bool(found):
            sys.exit(f"{self.program} {' '.join(words)}: ended with {run.returncode}\n"
                     f"{run.stdout[-2000:]}{run.stderr[-2000:]}")
        return found


def counts(found, product):
    """Is it the mutant that makes this seed fail?"""
    return not BESIDE_THE_POINT.search(found[1]) and not product.failures("--seed", str(found[0]))


def first_found(mutant, product, likely):
    """(seed, what was seen) of a seed that fails only because of the mutant; or None."""
    found = mutant.failures("--seed", str(likely))
    if found and counts(found[0], product):
        return found[0]
    seed = 1
    while seed <= SEEDS_MOST:
        found = mutant.failures("--from", str(seed), "--seeds", str(SEEDS_MOST + 1 - seed),
                                "--until-failure")
        if not found:
            return None
        if counts(found[0], product):
            return found[0]
        seed = found[0][0] + 1
    return None


def harm_done(mutant, product):
    found = mutant.failures("--seeds", str(HARMLESS_SEEDS))
    return next((one for one in found if counts(one, product)), None)


def judge(folder, mutant):
    """(is it as it should be?, the line of the table)"""
    if mutant.kind == "product":
        return True, f"{mutant.name:18} {mutant.kind:9} {mutant.origin:22}         see sim/seeds"
    began = time.monotonic()
    product = Simulator(folder / "sim")
    program = Simulator(folder / f"sim_mutant_{mutant.name}")
    if mutant.kind == "harmless":
        found = harm_done(program, product)
        good, text = found is None, f"no harm in {HARMLESS_SEEDS} seeds"
    else:
        found = first_found(program, product, mutants.FOUND_BY.get(mutant.name, 1))
        good, text = found is not None, f"NOT FOUND in {SEEDS_MOST} seeds"
    seconds = time.monotonic() - began
    if found:
        text = f"seed {found[0]:<4} {found[1][:SEEN_TEXT]}"
    return good, f"{mutant.name:18} {mutant.kind:9} {mutant.origin:22} {seconds:4.0f} s  {text}"


def main():
    folder = pathlib.Path(sys.argv[1])
    chosen = [mutant for mutant in mutants.MUTANTS
              if len(sys.argv) < 3 or mutant.name in sys.argv[2:]]
    subprocess.run(["cmake", "--build", str(folder), "--target", "sim", "mutants"], check=True,
                   stdout=subprocess.DEVNULL)
    all_good = True
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for good, line in pool.map(lambda mutant: judge(folder, mutant), chosen):
            all_good = all_good and good
            print(line if good else f"{line}  <-- WRONG", flush=True)
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
