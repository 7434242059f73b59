"""The encoder against every other that runs on a CPU. See bench/README.md."""
import argparse
import dataclasses
import json
import os
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Size:
    """How much of a model is measured."""
    latency_rounds: int
    latency_repeats: int
    passages: int
    parts: int
    batches: tuple
    checked: int  # questions whose embeddings are compared


FULL = {"minilm": Size(7, 5, 1000, 5, (8, 16, 32, 64), 12),
        "bert-large": Size(3, 1, 24, 3, (8,), 4)}
QUICK = {"minilm": Size(3, 2, 96, 2, (16,), 12),
         "bert-large": Size(2, 1, 4, 1, (4,), 2)}


def arguments():
    parser = argparse.ArgumentParser(
        prog="bench/embed", description=__doc__)
    parser.add_argument("model", type=pathlib.Path,
                        help="directory of all-MiniLM-L6-v2, as on the hub")
    parser.add_argument("--work", type=pathlib.Path,
                        default=TOP / "build/bench-embed",
                        help="keeps the models in every peer's form there; "
                             "7 GB (%(default)s)")
    parser.add_argument("--build", type=pathlib.Path,
                        default=TOP / "build/release",
                        help="where `make -f core.mk tool bench` put its "
                             "programs (%(default)s)")
    parser.add_argument("--models", default="minilm,bert-large",
                        help="which models to measure (%(default)s)")
    parser.add_argument("--threads", default="1,2",
                        help="numbers of threads (%(default)s)")
    parser.add_argument("--cases", default="latency,throughput",
                        help="what to measure of them (%(default)s)")
    parser.add_argument("--peers",
                        help="only the peers whose name contains one of "
                             "these words, separated by commas")
    parser.add_argument("--passages", type=pathlib.Path,
                        help="file of passages, one a line, instead of the "
                             "dictionary's")
    parser.add_argument("--connection",
                        help="connection string of a server with the "
                             "extension, on this machine")
    parser.add_argument("--quick", action="store_true",
                        help="three minutes instead of twelve")
    parser.add_argument("--prepare", action="store_true",
                        help="only make the files in --work")
    parser.add_argument("--json", type=pathlib.Path,
                        help="write the result there as well")
    return parser.parse_args()


def load_models(args):
    import models
    found = {"minilm": models.Model("minilm", args.model, args.work),
             "bert-large": models.Model(
                 "bert-large", args.work / "bert-large/model", args.work)}
    return {name: found[name] for name in args.models.split(",")}


def prepare(args, chosen):
    import models
    import peers
    for name, model in chosen.items():
        if name == "bert-large":
            models.make_large(model.directory)
        models.prepare(model, args.build / "angle", peers.exports())


def field_of(args, model, threads, batches):
    import measure
    import peers
    wanted = args.peers.split(",") if args.peers else [""]
    everyone = [
        *peers.ours(model, ("int8", "f32"), args.build / "bench", threads),
        *peers.theirs(model, threads, batches)]
    return measure.Field([peer for peer in everyone if peer.ours or any(
        word in peer.title for word in wanted)])


def passages_of(args, model, size):
    import texts
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(
        str(model.directory / "tokenizer.json"))
    tokenizer.no_padding()
    passages = (texts.read_passages(args.passages, size.passages)
                if args.passages
                else texts.dictionary_passages(size.passages, tokenizer))
    return texts.deal(passages, size.parts, tokenizer)


def measure_model(args, name, model, size):
    import measure
    import report
    import texts
    parts = passages_of(args, model, size)
    some = texts.QUERIES[:size.checked] + parts[0][:size.checked // 2]
    batches = None
    for threads in map(int, args.threads.split(",")):
        with measure.timed(f"{name}, {threads} thread(s): peers, agreement, "
                           "batch sizes"):
            field = field_of(args, model, threads, size.batches)
            field.check(some)
            # Chosen once: it is the shape that matters.
            if batches is None and "throughput" in args.cases:
                field.choose_batches(parts[0][::-(-len(parts[0]) // 64)])
                batches = dict(field.batch)
            field.set_batches(batches or {})
        for case in args.cases.split(","):
            with measure.timed(f"{name}, {threads} thread(s): {case}"):
                rounds = (measure.latency(field, texts.QUERIES,
                                          size.latency_rounds,
                                          size.latency_repeats)
                          if case == "latency"
                          else measure.throughput(field, parts))
            record = report.compare(name, case, threads, field, rounds)
            report.print_case(record)
            yield record
        field.close()


def measure_server(args):
    import measure
    import models
    import server
    mini = models.Model("minilm", args.model, args.work)
    size = (QUICK if args.quick else FULL)["minilm"]
    passages = passages_of(args, mini, size)[0]
    with measure.timed("server"):
        result = server.measure(
            args, TOP / "models/angle-mini/angle-mini.angle", passages)
    server.print_server(result)
    return result


def main():
    args = arguments()
    sizes = QUICK if args.quick else FULL
    os.environ["HF_HUB_OFFLINE"] = "1"
    import machine
    import report
    chosen = load_models(args)
    prepare(args, chosen)
    if args.prepare:
        return
    result = {"machine": machine.describe(TOP), "quick": args.quick,
              "cases": []}
    print(machine.summary(result["machine"]), flush=True)
    for name, model in chosen.items():
        result["cases"] += measure_model(args, name, model, sizes[name])
    if args.connection:
        result["server"] = measure_server(args)
    result["machine"]["load at the end"] = round(os.getloadavg()[0], 1)
    missed = report.print_missed(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n",
                             encoding="utf-8")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
