"""`python -m benchmarks [NAME…]`: run the named benchmarks, or all but `ONLY_BY_NAME`."""

import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path

from benchmarks import (
    budget,
    client,
    drill,
    forms,
    growth,
    guarantee,
    held_campaigns,
    history,
    label_effect,
    learning,
    lists,
    memory,
    mutants,
    names,
    obfuscation,
    path,
    probes,
    quality,
    queue,
    reader,
    reader_cost,
    registers,
    repetition,
    replicas,
    retraining,
    scale,
    serve,
    speed,
    strangers,
    youtube,
)
from benchmarks.peers import comparison
from benchmarks.rows import write_rows

BENCHMARKS = {
    "speed": speed.measure,
    "memory": memory.measure,
    "path": path.measure,
    "names": names.measure,
    "retraining": retraining.measure,
    "budget": budget.measure,
    "guarantee": guarantee.measure,
    "youtube": youtube.measure,
    "registers": registers.measure,
    "obfuscation": obfuscation.measure,
    "probes": probes.measure,
    "quality": quality.measure,
    "label_effect": label_effect.measure,
    "repetition": repetition.measure,
    "forms": forms.measure,
    "peers": comparison.measure,
    "mutants": mutants.measure,
    "queue": queue.measure,
    "held_campaigns": held_campaigns.measure,
    "lists": lists.measure,
    "client": client.measure,
    "drill": drill.measure,
    "strangers": strangers.measure,
    "growth": growth.measure,
    "scale": scale.measure,
    "learning": learning.measure,
    "history": history.measure,
    "reader": reader.measure,
    "reader_cost": reader_cost.measure,
    "serve": serve.measure,
    "replicas": replicas.measure,
}
# They install other filters, run the tests, break a service, put load on it or store millions of decisions. Others
# train a model for each site, or import a gigabyte. All take long.
ONLY_BY_NAME = (
    "repetition",
    "learning",
    "held_campaigns",
    "peers",
    "mutants",
    "drill",
    "growth",
    "scale",
    "history",
    "strangers",
    "reader",
    "reader_cost",
    "serve",
)


def main(arguments: list[str]) -> None:
    """Run the benchmarks in the order given. Exits with 1 if the drill counts a loss or an error."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=drill.DEFAULT_ROUNDS, help="rounds of each kind of the drill")
    parser.add_argument(
        "--seconds", type=float, default=strangers.DEFAULT_SECONDS, help="duration of each half of strangers"
    )
    parser.add_argument("--quick", action="store_true", help="run serve and reader_cost in two minutes instead of ten")
    parser.add_argument("--logits", type=Path, help="logits of an earlier run, so that repetition trains no model")
    parser.add_argument("--checkpoints", type=Path, help="where an interrupted training of reader goes on")
    options = parser.parse_args(arguments)
    selected = options.names
    unknown = [name for name in selected if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"Unknown benchmark: {', '.join(unknown)}. Choose from: {', '.join(BENCHMARKS)}.")
    adjusted = {
        "drill": partial(drill.measure, options.rounds),
        "strangers": partial(strangers.measure, options.seconds),
        "repetition": partial(repetition.measure, options.logits),
        "reader": partial(reader.measure, options.checkpoints),
        "reader_cost": partial(reader_cost.measure, serve.QUICK if options.quick else serve.FULL),
        "serve": partial(serve.measure, serve.QUICK if options.quick else serve.FULL),
    }
    for name in selected or [name for name in BENCHMARKS if name not in ONLY_BY_NAME]:
        print(f"== {name}")
        rows = {**BENCHMARKS, **adjusted}[name]()
        write_rows(name, rows, "make drill" if name == "drill" else None)
        if name == "drill" and drill.counts_a_failure(rows):
            sys.exit("The drill found losses or errors.")


if __name__ == "__main__":
    main(sys.argv[1:])
