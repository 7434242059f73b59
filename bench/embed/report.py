"""Ratios and tables."""
import statistics

# Times faster than the best peer that the encoder is meant to be.
BARS = {("minilm", "latency"): 2.0, ("minilm", "throughput"): 1.5,
        ("bert-large", "latency"): 1.5, ("bert-large", "throughput"): 1.5}
UNITS = {"latency": "ms", "throughput": "passages/s"}


def spread(values):
    return {"median": statistics.median(values), "low": min(values),
            "high": max(values)}


def faster(case, ours, theirs):
    """How many times ours is as fast as theirs, round by round."""
    return [b / a if case == "latency" else a / b
            for a, b in zip(ours, theirs)]


def best(case, titles, rounds):
    choose = min if case == "latency" else max
    return choose(titles, key=lambda title: statistics.median(rounds[title]))


def compare(model, case, threads, field, rounds):
    """One case as a record of the result. The ratio is the fastest of ours to
    the best peer."""
    mine = [t for t in rounds if field.peers[t].ours]
    others = [t for t in rounds if not field.peers[t].ours]
    record = {"model": model, "case": case, "threads": threads,
              "unit": UNITS[case], "rows": {}}
    for title, values in rounds.items():
        record["rows"][title] = spread(values) | {
            "ours": field.peers[title].ours, "kind": field.peers[title].kind,
            "cosine": field.cosine[title], "agrees": field.agrees(title),
            "rounds": values}
        if case == "throughput":
            record["rows"][title]["batch"] = field.batch.get(title)
    if not mine or not others:
        return record
    own, other = best(case, mine, rounds), best(case, others, rounds)
    bar = BARS.get((model, case))
    ratio = spread(faster(case, rounds[own], rounds[other]))
    record |= {"own": own, "best": other, "ratio": ratio, "bar": bar,
               "met": bar is None or ratio["median"] >= bar}
    for title, row in record["rows"].items():
        row["ratio"] = spread(faster(case, rounds[own], rounds[title]))
    return record


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def print_case(record):
    unit = record["unit"]
    print(f"\n{record['model']}, {record['case']}, {record['threads']} "
          f"thread{'s' if record['threads'] > 1 else ''}")
    print(f"  {'':<28}{unit:>12}{'lowest':>9}{'highest':>9}"
          f"{'ratio':>8}{'lowest':>8}{'highest':>8}{'cosine':>9}{'batch':>7}")
    key = (lambda item: item[1]["median"]) if record["case"] == "latency" \
        else (lambda item: -item[1]["median"])
    for title, row in sorted(record["rows"].items(), key=key):
        ratio = row.get("ratio", {})
        print(f"  {title:<28}" + f"{number(row['median']):>12}"
              + f"{number(row['low']):>9}{number(row['high']):>9}"
              + "".join(f"{ratio.get(k, float('nan')):>8.2f}"
                        for k in ("median", "low", "high"))
              + f"{row['cosine']:>9.5f}"
              + f"{row.get('batch') or '':>7}"
              + ("" if row["agrees"] else "  far from F32"))
    if "best" in record:
        print(f"  {record['own']} is {record['ratio']['median']:.2f} times "
              f"({record['ratio']['low']:.2f} to "
              f"{record['ratio']['high']:.2f}) as fast as {record['best']}"
              + verdict(record))


def verdict(record):
    if record["bar"] is None:
        return ""
    return f"; bar {record['bar']}: " + ("met" if record["met"] else "MISSED")


def print_missed(result):
    records = result["cases"] + result.get("server", {}).get("bars", [])
    missed = [r for r in records if not r.get("met", True)]
    print("\nbars missed: " + ("none" if not missed else ""))
    for record in missed:
        if "ratio" in record:
            print(f"  {record['model']}, {record['case']}, "
                  f"{record['threads']} thread(s): "
                  f"{record['ratio']['median']:.2f} of {record['bar']} "
                  f"(against {record['best']})")
        else:
            print(f"  {record['what']}: {record['value']:.3g} "
                  f"{record['unit']}, bar {record['bar']}")
    return missed
