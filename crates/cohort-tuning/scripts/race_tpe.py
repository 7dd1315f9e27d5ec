#!/usr/bin/env python3
"""TPE and random search here against Optuna's TPE, on the same functions.

    cargo build --release -p cohort-tuning --example ask_tell
    pip install optuna scikit-learn
    python3 crates/cohort-tuning/scripts/race_tpe.py target/release/examples/ask_tell [SEEDS]

For every function: the best value after so many trials, over the seeds; and the share of pairs of a run here and one of
Optuna in which ours is better (ties count half), with a 95 % interval by resampling the runs of each side.
"""

import json
import math
import subprocess
import sys
import time

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

optuna.logging.set_verbosity(optuna.logging.ERROR)


def sphere(v):
    return sum(x * x for x in v.values())


def rosenbrock(v):
    x = list(v.values())
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def branin(v):
    x, y = v["x0"], v["x1"]
    return (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])


def hartmann(v):
    x = np.array(list(v.values()))
    return -float(np.sum(np.array([1, 1.2, 3, 3.2]) * np.exp(-np.sum(A * (x - P) ** 2, axis=1))))


def ackley(v):
    x = np.array(list(v.values()))
    return float(-20 * np.exp(-0.2 * np.sqrt(np.mean(x**2))) - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + math.e)


def training(v):
    """The shape of a training: a rate that must fit the batch size, a width with diminishing return, one optimiser better."""
    rate = math.log10(v["rate"]) - (-3 + 0.5 * math.log2(v["batch"] / 32) * math.log10(2))
    cost = {"adamw": 0.0, "sgd": 0.15, "rmsprop": 0.08}[v["optimiser"]]
    return 0.5 * rate**2 + 0.3 / math.sqrt(v["width"] / 8) + cost + 0.4 * abs(v["dropout"] - 0.2)


METRIC = {"euclidean": 0.0, "manhattan": 0.004, "chebyshev": 0.05, "minkowski": 0.0}


def retrieval(v):
    """The space of the reference's 401 trials: neighbours, metric, batch, embedding; precision rises with the last two."""
    return (METRIC[v["metric"]] + 0.0002 * abs(v["k"] - 45) + 0.08 * (1 - math.log2(v["batch"]) / 7)
            + 0.3 / v["embedding"] ** 0.7)


DIGITS = load_digits(return_X_y=True)
CHOSEN = np.random.default_rng(0).permutation(len(DIGITS[1]))[:450]


def svm(v):
    """A real task: the error of a support vector machine on 450 digits by three-fold cross-validation."""
    machine = SVC(C=v["c"], gamma=v["gamma"], kernel=v["kernel"], degree=v["degree"])
    return 1 - float(np.mean(cross_val_score(machine, DIGITS[0][CHOSEN] / 16, DIGITS[1][CHOSEN], cv=3)))


def floats(n, low, high, log=False):
    return {f"x{i}": ("float", low, high, log) for i in range(n)}


TASKS = {
    "sphere, 5 real": (sphere, floats(5, -5.0, 5.0), 100),
    "Rosenbrock, 3 real": (rosenbrock, floats(3, -2.0, 2.0), 100),
    "Branin": (branin, {"x0": ("float", -5.0, 10.0, False), "x1": ("float", 0.0, 15.0, False)}, 100),
    "Hartmann, 6 real": (hartmann, floats(6, 0.0, 1.0), 100),
    "Ackley, 5 real": (ackley, floats(5, -32.0, 32.0), 100),
    "training, 5 mixed": (training, {"rate": ("float", 1e-5, 1e-1, True), "batch": ("choice", [8, 16, 32, 64, 128]),
                                     "width": ("int", 8, 512, True), "optimiser": ("choice", ["adamw", "sgd", "rmsprop"]),
                                     "dropout": ("float", 0.0, 0.7, False)}, 100),
    "retrieval, 4 discrete": (retrieval, {"metric": ("choice", list(METRIC)), "k": ("int", 5, 50, False),
                                          "batch": ("choice", [8, 16, 32, 64, 128]),
                                          "embedding": ("choice", [2**i for i in range(1, 12)] + [2096])}, 100),
    "SVM on digits (real)": (svm, {"c": ("float", 1e-3, 1e3, True), "gamma": ("float", 1e-5, 1e1, True),
                                   "kernel": ("choice", ["rbf", "poly", "sigmoid"]), "degree": ("int", 1, 5, False)}, 40),
}


def of_optuna(trial, space):
    values = {}
    for name, (kind, *how) in space.items():
        if kind == "choice":
            values[name] = trial.suggest_categorical(name, how[0])
        elif kind == "int":
            values[name] = trial.suggest_int(name, how[0], how[1], log=how[2])
        else:
            values[name] = trial.suggest_float(name, how[0], how[1], log=how[2])
    return values


def as_toml(space):
    lines = []
    for name, (kind, *how) in space.items():
        if kind == "choice":
            lines.append(f"{name} = {json.dumps(how[0])}")
        else:
            number = (lambda x: repr(float(x))) if kind == "float" else repr
            scale = ', scale = "log"' if how[2] else ""
            lines.append(f"{name} = {{ low = {number(how[0])}, high = {number(how[1])}{scale} }}")
    return "\n".join(lines)


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def best(self, function, space, trials, method, seed):
        values = self.send({"space": as_toml(space), "method": method, "seed": seed})
        best = math.inf
        for _ in range(trials):
            found = function({name: values[name] for name in space})
            best = min(best, found)
            values = self.send({"merit": -found})
        return best


def better(ours, theirs):
    """Share of pairs in which ours is lower, and its 95 % interval."""
    def share(a, b):
        return float(np.mean((a[:, None] < b) + 0.5 * (a[:, None] == b)))
    ours, theirs = np.array(ours), np.array(theirs)
    random = np.random.default_rng(1)
    draws = [share(random.choice(ours, len(ours)), random.choice(theirs, len(theirs))) for _ in range(4000)]
    return share(ours, theirs), np.quantile(draws, 0.025), np.quantile(draws, 0.975)


def main():
    program = Ours(sys.argv[1])
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print(f"optuna {optuna.__version__}, {seeds} seeds; best value by median (lower is better)")
    print(f"{'function':<24}{'trials':>6}{'random':>10}{'TPE here':>10}{'Optuna':>10}{'O. multi':>10}  better than Optuna, and than its multivariate")
    seconds = {"ours": 0.0, "optuna": 0.0}
    for name, (function, space, trials) in TASKS.items():
        found = {"random": [], "tpe": [], "optuna": [], "multi": []}
        memory = {}

        def known(values):
            key = json.dumps(values)
            if key not in memory:
                memory[key] = function(values)
            return memory[key]

        for seed in range(seeds):
            for method in ("random", "tpe"):
                start = time.perf_counter()
                found[method].append(program.best(known, space, trials, method, seed))
                if method == "tpe" and function is not svm:
                    seconds["ours"] += time.perf_counter() - start
            for kind in ("optuna", "multi"):
                start = time.perf_counter()
                sampler = optuna.samplers.TPESampler(seed=seed, multivariate=kind == "multi", warn_independent_sampling=False)
                study = optuna.create_study(sampler=sampler)
                study.optimize(lambda trial: known(of_optuna(trial, space)), n_trials=trials)
                found[kind].append(study.best_value)
                if kind == "optuna" and function is not svm:
                    seconds["optuna"] += time.perf_counter() - start
        row = "".join(f"{np.median(found[kind]):>10.4g}" for kind in ("random", "tpe", "optuna", "multi"))
        first, second = better(found["tpe"], found["optuna"]), better(found["tpe"], found["multi"])
        shares = "   ".join(f"{a:.2f} ({b:.2f} to {c:.2f})" for a, b, c in (first, second))
        print(f"{name:<24}{trials:>6}{row}  {shares}", flush=True)
    print(f"time of all but the last: {seconds['ours']:.1f} s here, {seconds['optuna']:.1f} s in Optuna")


main()
